"""Files that rows wait in while the database takes none, and over a restart.

Readings have files of their own, since they are the first to give way: the oldest file of them, when all
files together would become too large, and only when there is none a file of other rows. A file is read from
its beginning, and deleted when all of it has been written. Where reading has come to is not kept: after a
restart some rows are written again, which their message keys make harmless.

Everything here blocks, and is called by one thread at a time.
"""

import fcntl
import os
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from otel_tickrmeter.store.record import RecordError, as_record, read_records
from otel_tickrmeter.store.rows import Reading, Row, time_of

FILE_BYTES = 4 * 2**20
"""Size at which a new file is begun: as much gives way at once."""
_PIECE_BYTES = 2**20
_STATES = "states"


class Lane(StrEnum):
    """What the rows of a file are, and how its name begins; in the order of reading."""

    ROWS = "rows"
    READINGS = "readings"


class SpoolError(Exception):
    """The spool cannot be used; the text says why."""


@dataclass(slots=True)
class _File:
    path: Path
    lane: Lane
    size: int = 0
    rows: int = 0
    read: int = 0
    rows_read: int = 0
    oldest: float | None = None

    @property
    def waiting(self) -> int:
        return self.rows - self.rows_read


@dataclass(slots=True)
class _Taken:
    """Rows that were read from a file and are not yet known to be written."""

    file: _File
    end: int
    rows: int
    newest: float


@dataclass(slots=True)
class Leftovers:
    """What there was at the start: rows, and how many bytes were no whole rows and are cut off."""

    rows: int = 0
    damaged_bytes: int = 0
    states: list[Row] = field(default_factory=list)


class Spool:
    """The files of one directory.

    Args:
        directory: Where they are; made if it is not there.
        max_bytes: What all of them together may have.

    Attributes:
        damaged: Rows that could not be read again.
    """

    def __init__(self, directory: Path, max_bytes: int, *, file_bytes: int = FILE_BYTES) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._file_bytes = file_bytes
        self._files: dict[Lane, list[_File]] = {lane: [] for lane in Lane}
        self._number = 0
        self._taken: _Taken | None = None
        self._lock: BinaryIO | None = None
        self.damaged = 0

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for files in self._files.values() for file in files)

    @property
    def rows(self) -> int:
        """How many rows wait."""
        return sum(file.waiting for files in self._files.values() for file in files)

    @property
    def oldest(self) -> float | None:
        """When the oldest row was received, Unix seconds, or a little before."""
        times = [file.oldest for files in self._files.values() for file in files if file.oldest is not None]
        return min(times, default=None)

    def open(self) -> Leftovers:
        """Take the directory, and what waits there from before.

        Raises:
            SpoolError: The directory cannot be used, or another program uses it.
        """
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            self._lock = (self._directory / "lock").open("wb")
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return self._found()
        except BlockingIOError:
            self.close()
            raise SpoolError(f"{self._directory} is in use by another exporter") from None
        except OSError as error:
            self.close()
            raise SpoolError(f"{self._directory} cannot be used: {error.strerror or error}") from None

    def close(self) -> None:
        """Leave the directory to others."""
        if self._lock is not None:
            self._lock.close()

    def append(self, rows: Iterable[Row]) -> int:
        """Have rows wait, until they are on the disk; return how many older ones gave way, or found no place.

        Raises:
            OSError: The disk did not take all of them. Some may wait here: have all of them wait again.
        """
        records: dict[Lane, list[tuple[Row, bytes]]] = {lane: [] for lane in Lane}
        dropped = 0
        for row in rows:
            lane = Lane.READINGS if type(row) is Reading else Lane.ROWS
            try:
                records[lane].append((row, as_record(row)))
            except RecordError:
                dropped += 1
        for lane, these in records.items():
            if these:
                dropped += self._make_room(sum(len(record) for _, record in these))
                self._write(lane, these)
        return dropped

    def read(self, limit: int) -> list[Row]:
        """Read what is next, at most `limit` rows; `release` says that they are written."""
        self._taken = None
        for lane in Lane:
            while self._files[lane]:
                file = self._files[lane][0]
                rows = self._read(file, limit)
                if rows:
                    return rows
                self._delete(file)
        return []

    def release(self) -> None:
        """Forget what was read last."""
        taken, self._taken = self._taken, None
        if taken is None or taken.file not in self._files[taken.file.lane]:
            return
        file = taken.file
        file.read = taken.end
        file.rows_read += taken.rows
        file.oldest = taken.newest
        if not file.waiting:
            self._delete(file)

    def save_states(self, states: Sequence[Row]) -> None:
        """Keep these states, instead of those that were kept, until they are released.

        Raises:
            OSError: The disk did not take them.
        """
        path = self._directory / _STATES
        if not states:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        with fresh.open("wb") as stream:
            stream.writelines(map(as_record, states))
            _to_disk(stream)
        fresh.replace(path)

    def _found(self) -> Leftovers:
        found = Leftovers()
        for path in sorted(self._directory.iterdir()):
            lane, _, number = path.name.partition("-")
            if lane in {*Lane} and number.isdecimal():
                self._number = max(self._number, int(number))
                file = _File(path, Lane(lane))
                data, rows, end = _sound_part(path)
                found.damaged_bytes += len(data) - end
                file.size, file.rows = end, len(rows)
                if rows:
                    file.oldest = time_of(rows[0]).timestamp()
                    os.truncate(path, end)
                    self._files[file.lane].append(file)
                else:
                    path.unlink()
        states = self._directory / _STATES
        if states.exists():
            data, found.states, end = _sound_part(states)
            found.damaged_bytes += len(data) - end
        found.rows = self.rows
        return found

    def _make_room(self, needed: int) -> int:
        dropped = 0
        while self.size + needed > self._max_bytes:
            files = self._files[Lane.READINGS] or self._files[Lane.ROWS]
            if not files:
                break
            dropped += files[0].waiting
            self._delete(files[0])
        return dropped

    def _write(self, lane: Lane, records: list[tuple[Row, bytes]]) -> None:
        files = self._files[lane]
        if not files or files[-1].size >= self._file_bytes:
            self._number += 1
            files.append(_File(self._directory / f"{lane}-{self._number:010d}", lane))
        file = files[-1]
        try:
            with file.path.open("ab") as stream:
                stream.writelines(record for _, record in records)
                _to_disk(stream)
        except OSError:
            # Part of it may be there; what is behind the end is not ours, and the next one begins at the end.
            with suppress(OSError):
                os.truncate(file.path, file.size)
            if not file.rows:
                files.remove(file)
            raise
        file.size += sum(len(record) for _, record in records)
        file.rows += len(records)
        if file.oldest is None:
            file.oldest = time_of(records[0][0]).timestamp()

    def _read(self, file: _File, limit: int) -> list[Row]:
        # A piece mostly has enough: all of a file, for a quarter of a megabyte, takes longer than the rows.
        data = _bytes_of(file, _PIECE_BYTES)
        rows, end = _rows_in(data, limit)
        if len(rows) < limit and len(data) == _PIECE_BYTES:
            rows, end = _rows_in(_bytes_of(file, file.size), limit)
        if len(rows) < min(limit, file.waiting):
            self.damaged += file.waiting - len(rows)
            file.rows = file.rows_read + len(rows)
        if rows:
            self._taken = _Taken(file, file.read + end, len(rows), time_of(rows[-1]).timestamp())
        return rows

    def _delete(self, file: _File) -> None:
        file.path.unlink(missing_ok=True)
        self._files[file.lane].remove(file)


def _bytes_of(file: _File, most: int) -> bytes:
    """What is to be read next, up to so many bytes."""
    try:
        with file.path.open("rb") as stream:
            stream.seek(file.read)
            return stream.read(min(most, file.size - file.read))
    except FileNotFoundError:  # somebody has taken it away
        return b""


def _rows_in(data: bytes, limit: int | None = None) -> tuple[list[Row], int]:
    """The rows up to what is no whole record, or was changed since it was written, and where they end."""
    rows: list[Row] = []
    end = 0
    with suppress(RecordError):
        for row, end in read_records(data):  # noqa: B007  where the last one ends
            rows.append(row)
            if len(rows) == limit:
                break
    return rows, end


def _sound_part(path: Path) -> tuple[bytes, list[Row], int]:
    data = path.read_bytes()
    return data, *_rows_in(data)


def _to_disk(stream: BinaryIO) -> None:
    stream.flush()
    os.fdatasync(stream.fileno())
