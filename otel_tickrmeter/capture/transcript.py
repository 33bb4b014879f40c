"""Reads what others wrote down: lines of `mosquitto_sub -F '%j'`, and dead letters."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path

from otel_tickrmeter.capture.chunk import Captured
from otel_tickrmeter.capture.recording import OnRead, Recording, RecordingError, pieces
from otel_tickrmeter.letters.letter import LetterError, decode_letter
from otel_tickrmeter.stream.message import Connected, Message, Subscribed, Watermark
from otel_tickrmeter.stream.second import SECOND_NS

_LONGEST_LINE = 64 << 20


class _LineError(ValueError):
    """The line holds no message."""


def read_transcripts(paths: Sequence[Path], advance: OnRead, say: Callable[[str], None]) -> Recording:
    """The messages of the files, one file after another, as if they had come over one connection.

    Monotonic times are Unix times here. Time passes, once a second, between the messages and for a second
    after the last.

    Args:
        paths: The files, in their order.
        advance: Told what was read.
        say: Told how many lines held no message, and how many came before one with an earlier time.

    Raises:
        RecordingError: A file cannot be read, or has no message; also while the items are gone through.
    """
    messages = _messages(paths, advance, say)
    first = next(messages, None)
    if first is None:
        raise RecordingError(f"{', '.join(map(str, paths))}: no line holds a message")
    return Recording(first.arrived_ns, 0, _items(first, messages))


def _items(first: Message, others: Iterable[Message]) -> Iterator[Captured]:
    now_ns = first.arrived_ns
    yield Connected(now_ns, session_present=False, protocol="5")
    yield Subscribed(now_ns)
    for message in chain([first], others):
        while message.arrived_ns - now_ns >= SECOND_NS:
            now_ns += SECOND_NS
            yield Watermark(now_ns, 0, now_ns)
        yield [message]
    now_ns += SECOND_NS
    yield Watermark(now_ns, 0, now_ns)


def _messages(paths: Iterable[Path], advance: OnRead, say: Callable[[str], None]) -> Iterator[Message]:
    latest_ns, unread, early = 0, 0, 0
    for path in paths:
        for line in _lines(path, advance):
            try:
                message = _message(line)
            except _LineError:
                unread += 1
                continue
            if message.arrived_ns < latest_ns:
                early += 1
                message = message._replace(arrived_ns=latest_ns)
            latest_ns = message.arrived_ns
            yield message
    if unread:
        say(f"{unread} lines held no message and are left out")
    if early:
        say(f"{early} messages had an earlier time than one before them, and got that one's")


def _lines(path: Path, advance: OnRead) -> Iterator[bytes]:
    rest = b""
    for piece in pieces(path, advance):
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > _LONGEST_LINE:
            raise RecordingError(f"{path}: a line of more than {_LONGEST_LINE} bytes")
        yield from filter(None, lines)
    if rest:
        yield rest


def _message(line: bytes) -> Message:
    try:
        letter = decode_letter(line)
    except LetterError:
        return _heard(line)
    flags = {"retain": letter.retain, "duplicate": letter.duplicate, "qos": letter.qos}
    return Message(letter.topic, letter.payload, letter.time_ms * 1_000_000, **flags)  # type: ignore[arg-type]


def _heard(line: bytes) -> Message:
    """What mosquitto_sub heard.

    Raises:
        _LineError: It is none of its lines.
    """
    try:
        content = json.loads(line)
        # 2026-01-31T23:59:59.123456Z+0000: a zone twice.
        at = datetime.fromisoformat(content["tst"].replace("Z+0000", "+00:00"))
        topic, payload = content["topic"], content.get("payload", "")
        retain, qos = bool(content.get("retain", 0)), int(content.get("qos", 0))
        if not isinstance(topic, str) or qos not in range(3):
            raise _LineError
        body = payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        since = at - datetime(1970, 1, 1, tzinfo=UTC)
        return Message(
            topic.encode(), body, since // timedelta(microseconds=1) * 1000, retain=retain, qos=qos
        )
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError):
        raise _LineError from None
