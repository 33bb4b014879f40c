"""Writes down what arrives, in the receiving process, before that answers the broker.

What is written outlasts a process that is killed, not a power cut: it is not forced to the disk, and mostly
deleted before it ever gets there. A disk that takes nothing stops nobody: it is said, and tried again.
"""

import json
import os
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from otel_tickrmeter.journal.segments import HEAD, PACKET_IDS, name_of, segments, size_of
from otel_tickrmeter.stream.frames import encode_batch, encode_frame, encode_record
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.wall_clock import SteadyOffset, unix_offset_ns

SEGMENT_BYTES = 4 * 2**20
AGAIN_SECONDS = 5.0
"""After a failure it is tried again."""


@dataclass(frozen=True, slots=True)
class JournalRule:
    """What to write down, and where.

    Attributes:
        directory: Of the files; made if it is not there.
        run: The run of the program, in letters and digits.
        prefixes: How topics begin whose messages are written down.
        max_bytes: When there is more, the oldest file gives way.
        boot: The run of the machine that its monotonic clock belongs to.
        unix_offset_ns: Unix time less monotonic time, as those who handle messages have it.
    """

    directory: str
    run: str
    prefixes: tuple[str, ...]
    max_bytes: int
    boot: str
    unix_offset_ns: int


class Journal:
    """Takes what goes to the main process, in its order; `commit` writes what came since the last.

    Args:
        rule: What to write down, and where.
        segment_bytes: Size at which a new file is begun.
        measure: Unix time less monotonic time, nanoseconds.

    Attributes:
        trouble: Why nothing is written, in words; empty while all is.
    """

    def __init__(
        self,
        rule: JournalRule,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        measure: Callable[[], int] = unix_offset_ns,
    ) -> None:
        self._offset = SteadyOffset(measure, rule.unix_offset_ns)
        self.trouble = ""
        self._rule = rule
        self._directory = Path(rule.directory)
        self._prefixes = tuple(prefix.encode() for prefix in rule.prefixes)
        self._segment_bytes = segment_bytes
        self._records: list[bytes] = []
        self._packet_ids: list[int] = []
        self._frames: list[bytes] = []
        self._unix_offset_ns = rule.unix_offset_ns
        self._latest_ns = 0
        self._after_ns = 0
        self._descriptor: int | None = None
        self._path = self._directory
        self._size = 0
        self._again_at = 0.0

    def record(self, message: Message) -> bytes:
        """The record of a message, which is written down if it is one of those that are.

        Such a message arrives later than all of them before, if only by a nanosecond: so it is known by its
        arrival, whatever became of others that were read at once.
        """
        if not message.topic.startswith(self._prefixes):
            return encode_record(message)
        if message.arrived_ns <= self._latest_ns:
            message = message._replace(arrived_ns=self._latest_ns + 1)
        self._latest_ns = message.arrived_ns
        record = encode_record(message)
        self._records.append(record)
        self._packet_ids.append(message.packet_id)
        return record

    def add_event(self, frame: bytes) -> None:
        """Take a link event's frame."""
        self._close_batch()
        self._frames.append(frame)

    def commit(self) -> None:
        """Write what was taken. Never raises: what cannot be written is let go of, and `trouble` says why."""
        if not (self._records or self._frames):
            return
        self._close_batch()
        frames, self._frames = self._frames, []
        if self.trouble and time.monotonic() < self._again_at:
            return
        offset_ns = self._offset.now()
        if offset_ns != self._unix_offset_ns:
            self._unix_offset_ns = offset_ns
            frames.insert(0, self._head())
        try:
            self._write(b"".join(frames))
            self.trouble = ""
        except OSError as error:
            self._fail(error)
        self._after_ns = self._latest_ns

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.commit()
        self._leave()

    def _close_batch(self) -> None:
        if self._records:
            ids = struct.pack(f"!{len(self._packet_ids)}H", *self._packet_ids)
            self._frames += (encode_frame(PACKET_IDS, ids), encode_batch(self._records))
            self._records = []
            self._packet_ids = []

    def _write(self, data: bytes) -> None:
        if self._descriptor is None or self._size >= self._segment_bytes:
            self._leave()
            self._begin()
            data = self._head() + data
        while data and self._descriptor is not None:
            written = os.write(self._descriptor, data)
            self._size += written
            data = data[written:]

    def _begin(self) -> None:
        """Begin a file, and make room for it."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = segments(self._directory)
        while found and size_of(found) + self._segment_bytes > self._rule.max_bytes:
            found.pop(0).path.unlink(missing_ok=True)
        number = found[-1].number + 1 if found else 1
        path = self._directory / name_of(number, self._rule.run, self._after_ns)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        self._path, self._size = path, 0

    def _head(self) -> bytes:
        head = {"boot": self._rule.boot, "unix_offset_ns": self._unix_offset_ns}
        return encode_frame(HEAD, json.dumps(head).encode())

    def _fail(self, error: OSError) -> None:
        # What was written last may have been cut off: what follows begins a file of its own.
        if self._descriptor is not None and not self._size:
            # It is tried again every few seconds, and a full disk may stay so for days.
            with suppress(OSError):
                self._path.unlink()
        self._leave()
        self.trouble = error.strerror or str(error)
        self._again_at = time.monotonic() + AGAIN_SECONDS

    def _leave(self) -> None:
        if self._descriptor is not None:
            with suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = None
