"""Writes dead letters from a thread of its own, so that no disk, however slow or full, holds up messages."""

import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from loguru import logger

from otel_tickrmeter.letters.files import LetterFiles
from otel_tickrmeter.letters.letter import Letter, encode_letter

MAX_WAITING_LETTERS = 10_000
"""Letters that may wait to be written."""

MAX_WAITING_BYTES = 4 * 1024 * 1024
"""Bound of their topics and payloads, which may have 64 KiB each."""

BATCH_BYTES = 65_536
"""So much is written at once: each call of the system gives the interpreter away and waits to get it back."""

STOP_SECONDS = 1.0
"""For what still waits when the exporter stops."""


class LetterFileError(Exception):
    """The dead-letter file cannot be opened."""


class LetterWriter:
    """Takes letters while the context lasts; at its end, what waits is written within `STOP_SECONDS`.

    Args:
        path: The file.
        max_bytes: Size at which a new file is begun.
        kept: How many full files are kept.
    """

    def __init__(self, path: Path, max_bytes: int, kept: int) -> None:
        self._path = path
        self._files = LetterFiles(path, max_bytes, kept)
        self._waiting: deque[Letter] = deque()
        self._waiting_bytes = 0
        self._changed = threading.Condition()
        self._stopping = False
        self._failing = False
        self._thread = threading.Thread(target=self._write_all, name="dead-letters", daemon=True)
        self.written = 0
        self.dropped = 0

    def __enter__(self) -> Self:
        """Open the file and start writing.

        Raises:
            LetterFileError: the file cannot be opened.
        """
        try:
            self._files.open()
        except OSError as error:
            raise LetterFileError(
                f"messages.dead_letter_file: {self._path} cannot be opened: {error.strerror}"
            ) from None
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify()
        self._thread.join(STOP_SECONDS)
        if self._thread.is_alive():
            logger.warning("Some dead letters could not be written in time")

    def post(self, letter: Letter) -> None:
        """Take a letter, or count it as dropped when too much waits. Never blocks."""
        with self._changed:
            bytes_ = self._waiting_bytes + _size(letter)
            if len(self._waiting) >= MAX_WAITING_LETTERS or bytes_ > MAX_WAITING_BYTES or self._stopping:
                self.dropped += 1
                return
            self._waiting.append(letter)
            self._waiting_bytes = bytes_
            self._changed.notify()

    def _write_all(self) -> None:
        while batch := self._next_batch():
            self._write([encode_letter(letter) for letter in batch])
        self._files.close()

    def _next_batch(self) -> list[Letter]:
        """Wait for letters; none when there will be none any more."""
        batch: list[Letter] = []
        batch_bytes = 0
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            while self._waiting and batch_bytes < BATCH_BYTES:
                batch.append(self._waiting.popleft())
                batch_bytes += _size(batch[-1])
            self._waiting_bytes -= batch_bytes
        return batch

    def _write(self, lines: list[bytes]) -> None:
        while lines:
            try:
                count = self._files.append(lines)
            except OSError as error:
                with self._changed:
                    self.dropped += len(lines)
                if not self._failing:
                    logger.error("Dead letters are dropped, the file cannot be written: {}", error)
                self._failing = True
                return
            del lines[:count]
            self.written += count
            if self._failing:
                logger.info("Dead letters can be written again")
            self._failing = False


def _size(letter: Letter) -> int:
    return len(letter.topic) + len(letter.payload)
