r"""One dead letter, and how it is written: a line of JSON, all ASCII.

    {"time": "2026-01-31T23:59:59.999Z", "topic": "TICKRMETERBOOT", "qos": 0, "retain": false,
     "duplicate": false, "message_type": "device_boot", "reason": "bad_json", "payload": "ew=="}

`payload` is base64. In a topic that is not UTF-8, `topic` has the bytes that are none as `\xff`, for the
eye; `topic_base64`, which only such a letter has, is the topic itself.
"""

import json
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import NamedTuple


class Letter(NamedTuple):
    """A message that was set aside.

    `time_ms` is its arrival, Unix time; `reason` has all reasons, with commas between them.
    """

    time_ms: int
    topic: bytes
    qos: int
    retain: bool
    duplicate: bool
    message_type: str
    reason: str
    payload: bytes


class LetterError(ValueError):
    """The line is no dead letter."""


def encode_letter(letter: Letter) -> bytes:
    """The letter as a line, its newline included."""
    topic = letter.topic.decode(errors="backslashreplace")
    content: dict[str, object] = {"time": rfc3339(letter.time_ms), "topic": topic}
    if topic.encode() != letter.topic:
        content["topic_base64"] = b64encode(letter.topic).decode()
    content |= {
        "qos": letter.qos,
        "retain": letter.retain,
        "duplicate": letter.duplicate,
        "message_type": letter.message_type,
        "reason": letter.reason,
        "payload": b64encode(letter.payload).decode(),
    }
    return json.dumps(content).encode() + b"\n"


def decode_letter(line: bytes) -> Letter:
    """The letter that a line holds.

    Raises:
        LetterError: it holds none, or a damaged one.
    """
    try:
        content = json.loads(line)
        topic_base64 = content.get("topic_base64")
        letter = Letter(
            _unix_ms(content["time"]),
            content["topic"].encode() if topic_base64 is None else b64decode(topic_base64, validate=True),
            content["qos"],
            content["retain"],
            content["duplicate"],
            content["message_type"],
            content["reason"],
            b64decode(content["payload"], validate=True),
        )
    # RecursionError: json on a line of nothing but brackets.
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise LetterError(f"no dead letter: {type(error).__name__}") from None
    kinds = zip(letter, (int, bytes, int, bool, bool, str, str, bytes), strict=True)
    if not all(type(value) is kind for value, kind in kinds):
        raise LetterError("no dead letter: a value of the wrong type")
    return letter


def rfc3339(time_ms: int) -> str:
    """A Unix time in milliseconds as RFC 3339 has it, in UTC."""
    return (
        (_epoch() + timedelta(milliseconds=time_ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    )


def _unix_ms(text: str) -> int:
    return (datetime.fromisoformat(text) - _epoch()) // timedelta(milliseconds=1)


def _epoch() -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC)
