"""Writes a capture from a thread of its own, so that no disk, however slow or full, holds up messages."""

import gzip
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from loguru import logger

from otel_tickrmeter.capture.chunk import (
    CONNECTION,
    Captured,
    Header,
    Note,
    encode_chunk,
    encode_header,
    encode_item,
)
from otel_tickrmeter.letters.rotation import rotate
from otel_tickrmeter.stream.frames import encode_event
from otel_tickrmeter.stream.message import Connected, LinkEvent, Lost, Message, Refused, Subscribed

MAX_WAITING_BYTES = 16 * 1024 * 1024
"""Of what may wait to be written."""
STOP_SECONDS = 2.0
_MESSAGE_BYTES = 64
"""What a message takes besides its topic and payload."""
_RETRY_SECONDS = 5.0
_FLUSH_SECONDS = 1.0
"""A capture that is cut off misses no more than this."""
_JUMP_NS = 1_000_000
"""The two clocks drift apart by less from one look to the next, unless one is set."""
_LEVEL = 1


class CaptureFileError(Exception):
    """The capture cannot be begun."""


class CaptureWriter:
    """Keeps what it is told while the context lasts.

    Args:
        path: The file; one that is there moves to FILE.1, and so on.
        max_bytes: Size, compressed, at which a new part is begun.
        kept: How many parts stay beside it.
        run: A name for this run.
        started_ns: Monotonic time when the program began.
        unix_offset_ns: Unix time less monotonic time.
    """

    def __init__(
        self,
        path: Path,
        max_bytes: int,
        kept: int,
        *,
        run: str,
        started_ns: int,
        unix_offset_ns: Callable[[], int],
    ) -> None:
        self._path = path
        self._max_bytes = max_bytes
        self._kept = kept
        self._run = run
        self._started_ns = started_ns
        self._unix_offset_ns = unix_offset_ns
        self._noted_offset_ns = unix_offset_ns()
        self._waiting: deque[Captured] = deque()
        self._waiting_bytes = 0
        self._missed = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._thread = threading.Thread(target=self._work, name="capture", daemon=True)
        self._part = 0
        self._retry_at = 0.0
        self._failing = False
        # Messages that may not be on the disk yet.
        self._unflushed = 0
        # Whether the file at the path holds anything that is to be kept; and whether it was given something.
        self._worth_keeping = True
        self._touched = False
        self._raw: BinaryIO | None = None
        self._file: gzip.GzipFile | None = None
        # What a later part has to say first, so that it can be played without those before it.
        self._connection: list[bytes] = []

    def __enter__(self) -> Self:
        """Begin the file and start writing.

        Raises:
            CaptureFileError: It cannot be begun.
        """
        try:
            self._begin()
        except OSError as error:
            raise CaptureFileError(f"capture.file: {self._path} cannot be begun: {error.strerror}") from None
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(STOP_SECONDS)

    def deliver(self, messages: list[Message]) -> None:
        """Keep messages. Never blocks."""
        bytes_ = sum(_MESSAGE_BYTES + len(each.topic) + len(each.payload) for each in messages)
        self._put(messages, bytes_, len(messages))

    def report(self, event: LinkEvent) -> None:
        """Keep what the receiver noticed. Never blocks."""
        self._put(event, _MESSAGE_BYTES, 0)

    def _put(self, item: list[Message] | LinkEvent, bytes_: int, messages: int) -> None:
        offset_ns = self._unix_offset_ns()
        with self._changed:
            if self._stopping:
                return
            if messages and self._waiting_bytes + bytes_ > MAX_WAITING_BYTES:
                self._missed += messages
                return
            if abs(offset_ns - self._noted_offset_ns) > _JUMP_NS:
                self._noted_offset_ns = offset_ns
                self._waiting.append(Note(unix_offset_ns=offset_ns))
            if self._missed:
                self._waiting.append(Note(missed=self._missed))
                self._missed = 0
            self._waiting.append(item)
            self._waiting_bytes += bytes_
            self._changed.notify()

    def _work(self) -> None:
        flushed = time.monotonic()
        while (batch := self._next()) is not None:
            now = time.monotonic()
            messages = sum(map(_messages_of, batch))
            for item in batch:
                self._follow(item)
            if now < self._retry_at:
                self._miss(messages)
                continue
            self._unflushed += messages
            try:
                self._write(batch)
                if now - flushed >= _FLUSH_SECONDS:
                    self._flush()
                    flushed = now
            except OSError as error:
                self._abandon(error)
        try:
            self._close()
        except OSError as error:
            logger.error("The end of the capture cannot be written: {}", error.strerror)

    def _next(self) -> list[Captured] | None:
        """Wait for something; None when there will be nothing any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping, _FLUSH_SECONDS)
            if self._stopping and not self._waiting:
                return None
            batch = [*self._waiting]
            self._waiting.clear()
            self._waiting_bytes = 0
        return batch

    def _write(self, batch: list[Captured]) -> None:
        if self._file is None:
            self._begin()
        for item in batch:
            self._append(encode_item(item))
            self._touched = True
        if self._raw is not None and self._raw.tell() >= self._max_bytes:
            self._close()
            self._kept_all()
            self._begin()

    def _follow(self, item: Captured) -> None:
        if isinstance(item, Connected):
            self._connection = [encode_event(item)]
        elif isinstance(item, Subscribed):
            self._connection.append(encode_event(item))
        elif isinstance(item, Lost | Refused):
            self._connection = []

    def _begin(self) -> None:
        """Begin a part. What was written before makes room for it only when it can be written to."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._raw = os.fdopen(os.open(new, flags, 0o600), "wb")
        # Without its time the same run gives the same file.
        self._file = gzip.GzipFile(filename="", mode="wb", compresslevel=_LEVEL, fileobj=self._raw, mtime=0)
        self._append(encode_header(Header(self._run, self._part, self._started_ns, self._noted_offset_ns)))
        for frame in self._connection:
            self._append(encode_chunk(CONNECTION, frame))
        self._file.flush()
        self._raw.flush()
        if self._worth_keeping:
            rotate(self._path, self._kept)
        new.replace(self._path)
        self._part += 1
        self._worth_keeping = self._touched = False

    def _append(self, data: bytes) -> None:
        assert self._file is not None  # noqa: S101  begun
        self._file.write(data)

    def _flush(self) -> None:
        if self._file is not None and self._raw is not None:
            self._file.flush()
            self._raw.flush()
            self._kept_all()

    def _kept_all(self) -> None:
        self._worth_keeping = self._worth_keeping or self._touched
        self._unflushed = 0
        if self._failing:
            logger.info("The capture goes on")
        self._failing = False

    def _close(self) -> None:
        file, raw = self._file, self._raw
        self._file = self._raw = None
        try:
            if file is not None:
                file.close()
        finally:
            if raw is not None:
                raw.close()

    def _abandon(self, error: OSError) -> None:
        """Begin a new part later: what is in this one since it was last flushed may end anywhere."""
        if not self._failing:
            logger.error("The capture misses messages, it cannot be written: {}", error.strerror)
        self._failing = True
        missed, self._unflushed = self._unflushed, 0
        self._retry_at = time.monotonic() + _RETRY_SECONDS
        with suppress(OSError):
            self._close()
        self._miss(missed)

    def _miss(self, messages: int) -> None:
        with self._changed:
            self._missed += messages


def _messages_of(item: Captured) -> int:
    """How many messages are missing if an item is: also those that it says are missing."""
    if isinstance(item, list):
        return len(item)
    return item.missed if isinstance(item, Note) else 0
