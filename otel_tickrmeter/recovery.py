"""After a crash: what had been received and was not safe yet is read from the journal, and taken again.

Three things make that exact. The receiving process writes down what it has before the broker may forget it
(`journal/`). A state is saved only when all rows that were made before it are in the database or the spool,
and it says up to which message that is. And what is read behind that position is taken by the same code in
the same order, with the same times: rows that had been written have the same keys, and are there already.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import anyio
import anyio.lowlevel
from loguru import logger

from otel_tickrmeter.fleets.dialect import Intake, Recovery
from otel_tickrmeter.journal.read import Head, PacketIds, read_segment
from otel_tickrmeter.journal.segments import from_position, segments
from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.saved.form import Form, Tables
from otel_tickrmeter.saved.moment import Moment, shift_between
from otel_tickrmeter.stream.message import LinkEvent, Message, Watermark
from otel_tickrmeter.stream.position import Numbering, Position
from otel_tickrmeter.wall_clock import SteadyOffset

_SLICE_MESSAGES = 256
_ROOM_SECONDS = 0.05
ROOM_PATIENCE_SECONDS = 15.0
"""With no room for so long, neither the database nor the disk takes rows, and nobody listens to the broker:
it goes on, and rows give way as at any other time, and are counted."""


class _Part(NamedTuple):
    """Something to take: messages, or what was noticed, of a run whose clock ours is ahead of by so much.

    `unix_offset_ns` is what to add to its times, on our clock, for Unix times.
    """

    run: str
    shift_ns: int
    unix_offset_ns: int
    messages: list[Message]
    event: LinkEvent | None = None


class Recoverer:
    """Reads the journal, and lets go of what of it nobody needs any more.

    Args:
        directory: Of the journal.
        fleet: The fleet that is journaled.
        has_room: Whether more rows may be made now.
        offset: What the handler takes for Unix time less monotonic time.
    """

    def __init__(
        self,
        directory: Path,
        fleet: Intake[Any],
        has_room: Callable[[], bool],
        offset: SteadyOffset,
    ) -> None:
        recovery = fleet.recovery()
        if recovery is None:
            raise ValueError("the fleet takes nothing again")
        self._recovery: Recovery = recovery
        self._directory = directory
        self._fleet = fleet
        self._has_room = has_room
        self._offset = offset

    @property
    def position(self) -> Position:
        """Up to where messages have been taken."""
        return self._recovery.position()

    async def take_again(self, now: Moment, deliver: Callable[[list[Message]], None]) -> None:
        """Take what was received before; then the fleet begins to listen.

        Args:
            now: The present.
            deliver: Takes messages; a capture of this run has none of them, the last one's has.
        """
        taken, patient = 0, True
        try:
            for part in self._parts(now):
                patient = patient and await self._has_room_in_time()
                self._recovery.read_from(part.run, part.shift_ns)
                self._offset.tell_past(part.unix_offset_ns)
                if part.event is not None:
                    self._fleet.noticed(part.event)
                if part.messages and not taken:
                    logger.info("Taking again what the last run may not have finished")
                deliver(part.messages)
                taken += len(part.messages)
                self._offset.tell_past(None)
                await anyio.lowlevel.checkpoint()
        except OSError as error:
            self._tell(error)
        if taken:
            logger.info("{} messages that the last run may not have finished were taken again", taken)
        self._recovery.begin(now.monotonic_ns)

    async def _has_room_in_time(self) -> bool:
        waits = 0
        while not self._has_room():  # rows that are written set no event
            if waits * _ROOM_SECONDS >= ROOM_PATIENCE_SECONDS:
                logger.error(
                    "Neither the database nor the disk takes rows: what was received is taken all the same"
                )
                return False
            waits += 1
            await anyio.sleep(_ROOM_SECONDS)
        return True

    def take_rest(self, now: Moment, deliver: Callable[[list[Message]], None]) -> None:
        """Take what a receiving process had written down when it ended, and had not handed over.

        It is a moment old, and no history: this program has seen all that came before. So `deliver` is what
        the receiving process would have delivered to.
        """
        try:
            for part in self._parts(now):
                if part.event is not None:
                    self._fleet.noticed(part.event)
                deliver(part.messages)
        except OSError as error:
            self._tell(error)

    def let_go(self, position: Position) -> None:
        """Delete what lies before a position; for any thread. What cannot be deleted now is so later."""
        try:
            found = segments(self._directory)
            needed = from_position(found, position)
            for segment in found[: len(found) - len(needed)]:
                segment.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("Nothing in {} can be deleted: {}", self._directory, error.strerror or error)

    def _tell(self, error: OSError) -> None:
        logger.error("The journal in {} cannot be read: {}", self._directory, error.strerror or error)

    def _parts(self, now: Moment) -> Iterator[_Part]:
        position = self.position
        found = segments(self._directory)
        # Where nothing of its run is left, all that there is came later.
        behind = all(segment.run != position.run for segment in found)
        numbering, run, shift_ns, offset_ns = Numbering(), "", 0, 0
        for segment in from_position(found, position):
            if segment.run != run:
                behind = behind or run == position.run
                numbering, run = Numbering(), segment.run
            for entry in read_segment(segment):
                if isinstance(entry, Head):
                    saved = Moment(entry.boot, segment.after_ns, segment.after_ns + entry.unix_offset_ns)
                    shift_ns = shift_between(saved, now)
                    offset_ns = entry.unix_offset_ns - shift_ns
                elif isinstance(entry, list):
                    messages = [
                        message._replace(arrived_ns=message.arrived_ns + shift_ns)
                        for message in entry
                        if _follows(numbering, message, position, behind=behind)
                    ]
                    for start in range(0, len(messages), _SLICE_MESSAGES):
                        yield _Part(run, shift_ns, offset_ns, messages[start : start + _SLICE_MESSAGES])
                elif not isinstance(entry, PacketIds) and (behind or entry.at_ns >= position.arrived_ns):
                    yield _Part(run, shift_ns, offset_ns, [], _shifted(entry, shift_ns))


class RecoverableState:
    """What is saved of the fleet that is journaled, or of all; implements `KeptState`."""

    def __init__(self, lasting: Lasting, recoverer: Recoverer) -> None:
        self._lasting = lasting
        self._recoverer = recoverer
        self._saving: Position | None = None

    @property
    def forms(self) -> Sequence[Form]:
        """The tables that there may be."""
        return self._lasting.forms

    def take(self) -> Callable[[], Tables]:
        """Copy all of it, and up to where messages are in it."""
        make, position = self._lasting.take(), self._recoverer.position

        def make_tables() -> Tables:
            self._saving = position
            return make()

        return make_tables

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> Callable[[], None]:
        """Make of tables what they were made of."""
        return self._lasting.read(tables, shift_ns, now_ns, counted=counted)

    def saved(self) -> None:
        """What was made last is in the file: what lies before it is needed no more."""
        if self._saving is not None:
            self._recoverer.let_go(self._saving)


def discard(journal: Path | None, state: Path | None) -> None:
    """Delete what this run does not go on with.

    What it hears puts that out of date: whoever took it back later would tell of old things as new.

    Args:
        journal: The directory of a journal; None: it is kept.
        state: The file of a state that goes with one; None: it is kept.
    """
    try:
        for segment in () if journal is None else segments(journal):
            segment.path.unlink(missing_ok=True)
        if state is not None:
            state.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("{} cannot be deleted: {}", error.filename, error.strerror or error)


def _follows(numbering: Numbering, message: Message, position: Position, *, behind: bool) -> bool:
    number = numbering.next(message.arrived_ns)
    return behind or (message.arrived_ns, number) > (position.arrived_ns, position.number)


def _shifted(event: LinkEvent, shift_ns: int) -> LinkEvent:
    if isinstance(event, Watermark):
        return replace(event, at_ns=event.at_ns + shift_ns, heard_ns=event.heard_ns + shift_ns)
    return replace(event, at_ns=event.at_ns + shift_ns)
