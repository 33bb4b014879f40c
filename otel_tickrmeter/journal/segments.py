"""The files of a journal: their names, their order, and which of them nobody needs any more.

A file is a stream of frames as `stream/frames.py` has them, and of two kinds besides:

    kind 3 = the head, first in each file, and after the clock was set: a JSON object, of which run of the
             machine the monotonic times are, and what to add to them for Unix times
    kind 4 = the packet ids, u16 each, of the messages in the batch that follows; 0: it had none

Its name is its number, the run of the program that wrote it, and the latest arrival in that run's files
before it: `00000007-5f0c9d2e1a-2af31b0c9e1`. So what is in a file can be told without reading it.
"""

import re
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from otel_tickrmeter.stream.position import Position

HEAD = 3
PACKET_IDS = 4

_NAME = re.compile(r"(?P<number>[0-9]{8})-(?P<run>[0-9a-z]+)-(?P<after>[0-9a-f]+)")


@dataclass(frozen=True, slots=True)
class Segment:
    """A file of a journal: nothing in it arrived before `after_ns`, in its run."""

    path: Path
    number: int
    run: str
    after_ns: int


def name_of(number: int, run: str, after_ns: int) -> str:
    """What such a file is called."""
    return f"{number:08d}-{run}-{after_ns:x}"


def segments(directory: Path) -> list[Segment]:
    """The files there are, in their order; none in a directory that is not there."""
    found = []
    for path in directory.iterdir() if directory.is_dir() else ():
        name = _NAME.fullmatch(path.name)
        if name is not None:
            found.append(Segment(path, int(name["number"]), name["run"], int(name["after"], 16)))
    return sorted(found, key=lambda segment: segment.number)


def from_position(found: Sequence[Segment], position: Position) -> Sequence[Segment]:
    """The files, of those in their order, that have something behind the position.

    Runs that began later have names that are greater: that is looked at where none of its own is left.
    """
    first = next((at for at, segment in enumerate(found) if segment.run == position.run), None)
    if first is None:
        return [segment for segment in found if segment.run > position.run]
    for at in range(first, len(found) - 1):
        following = found[at + 1]
        if following.run != position.run:
            break
        # What was read at once is in one file, so all with that arrival may be in this one.
        if following.after_ns >= position.arrived_ns:
            break
        first = at + 1
    return found[first:]


def size_of(found: Iterable[Segment]) -> int:
    """Bytes of all of them; the main process may delete them meanwhile."""
    size = 0
    for segment in found:
        with suppress(FileNotFoundError):
            size += segment.path.stat().st_size
    return size
