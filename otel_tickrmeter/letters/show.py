"""Dead letters for people: grouped by reason and type, with a few samples of each group.

The files hold what strangers published, and may be damaged: everything is shown escaped, and what is no
dead letter is counted.
"""

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from otel_tickrmeter.letters.escape import SHOWN_BYTES, escaped, payload_shown
from otel_tickrmeter.letters.letter import Letter, LetterError, decode_letter, rfc3339

LONGEST_LINE = 1 << 20
"""A longer line is damage: the largest topic and payload make some 500 kB."""

_SAMPLES = 3
_TOPICS = 5


@dataclass(slots=True)
class Group:
    """Letters of one reason and type; `samples` are the first with different payloads."""

    count: int = 0
    first_ms: int = 0
    last_ms: int = 0
    topics: Counter[bytes] = field(default_factory=Counter)
    samples: list[Letter] = field(default_factory=list)

    def add(self, letter: Letter) -> None:
        """Take one more letter."""
        self.first_ms = min(self.first_ms, letter.time_ms) if self.count else letter.time_ms
        self.last_ms = max(self.last_ms, letter.time_ms) if self.count else letter.time_ms
        self.count += 1
        self.topics[letter.topic] += 1
        known = any(letter.payload == sample.payload for sample in self.samples)
        if not known and len(self.samples) < _SAMPLES:
            self.samples.append(letter)


class LetterTally:
    """What was read so far, and how many lines were damaged or cut off."""

    def __init__(self) -> None:
        self.groups: dict[tuple[str, str], Group] = {}
        self.damaged = 0
        self.torn = 0

    def read(self, stream: BinaryIO) -> None:
        """Read a file to its end.

        Raises:
            OSError: it cannot be read.
        """
        while line := stream.readline(LONGEST_LINE):
            if line.isspace():
                continue
            try:
                letter = decode_letter(line)
            except LetterError:
                if line.endswith(b"\n") or len(line) == LONGEST_LINE:
                    self.damaged += 1
                else:
                    self.torn += 1
                continue
            self.groups.setdefault((letter.reason, letter.message_type), Group()).add(letter)


def report(letters: LetterTally) -> Iterator[str]:
    """The lines to show, the largest group first."""
    total = sum(group.count for group in letters.groups.values())
    yield f"{total} dead letter{'' if total == 1 else 's'}"
    for (reason, message_type), group in sorted(
        letters.groups.items(), key=lambda item: (-item[1].count, item[0])
    ):
        yield ""
        yield f"{_text(reason)}, {_text(message_type)}: {group.count}"
        yield f"  from {rfc3339(group.first_ms)} to {rfc3339(group.last_ms)}"
        shown = group.topics.most_common(_TOPICS)
        more = len(group.topics) - len(shown)
        topics = ", ".join(f"{escaped(topic)} ({count})" for topic, count in shown)
        yield f"  topics: {topics}{f' and {more} more' if more else ''}"
        for sample in group.samples:
            yield f"  {_sample(sample)}"
    if letters.damaged or letters.torn:
        yield ""
    if letters.damaged:
        yield f"{letters.damaged} damaged line{'' if letters.damaged == 1 else 's'} left out"
    if letters.torn:
        yield f"{letters.torn} last line{'' if letters.torn == 1 else 's'} cut off"


def show_files(paths: Iterable[Path]) -> int:
    """Print what the files hold; return the exit code, 1 when one of them cannot be read."""
    letters = LetterTally()
    code = 0
    for path in paths:
        try:
            with path.open("rb") as stream:
                letters.read(stream)
        except (OSError, ValueError) as error:  # ValueError: a NUL in the name
            reason = getattr(error, "strerror", None) or error
            sys.stderr.write(f"otel-tickrmeter dead-letters: {_text(str(path))} cannot be read: {reason}\n")
            code = 1
    try:
        sys.stdout.writelines(f"{line}\n" for line in report(letters))
        sys.stdout.flush()
    except BrokenPipeError:
        # Who reads has seen enough (`| head`): the rest must not meet the pipe again when Python ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _text(text: str) -> str:
    return ascii(text[:SHOWN_BYTES])[1:-1]


def _sample(letter: Letter) -> str:
    flags = [f"QoS {letter.qos}"] if letter.qos else []
    flags += ["retained"] if letter.retain else []
    flags += ["duplicate"] if letter.duplicate else []
    noted = f" ({', '.join(flags)})" if flags else ""
    return f"{rfc3339(letter.time_ms)} {escaped(letter.topic)}{noted} {payload_shown(letter.payload)}"
