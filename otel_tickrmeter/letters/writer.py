"""Writes dead letters from a thread of its own, so that no disk, however slow or full, holds up messages."""

import threading
from collections import deque
from pathlib import Path
from types import TracebackType
from typing import Self

from loguru import logger

from otel_tickrmeter.letters.files import LetterFiles
from otel_tickrmeter.letters.letter import Letter, encode_letter

MAX_WAITING_LETTERS = 1_000
"""Letters that may wait to be written."""

MAX_WAITING_BYTES = 4 * 1024 * 1024
"""Bound of their topics and payloads, which may have 64 KiB each."""

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
        """Opens the file and starts writing.

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
        with self._changed:
            left = len(self._waiting)
        if left:
            logger.warning("{} dead letters could not be written in time", left)

    def post(self, letter: Letter) -> None:
        """Take a letter, or count it as dropped when too much waits. Never blocks."""
        size = len(letter.topic) + len(letter.payload)
        with self._changed:
            full = len(self._waiting) >= MAX_WAITING_LETTERS or self._waiting_bytes + size > MAX_WAITING_BYTES
            if full or self._stopping:
                self.dropped += 1
                return
            self._waiting.append(letter)
            self._waiting_bytes += size
            self._changed.notify()

    def _write_all(self) -> None:
        while (letter := self._next()) is not None:
            self._write(letter)
        self._files.close()

    def _next(self) -> Letter | None:
        """Waits for a letter; None when there will be none any more."""
        with self._changed:
            while not self._waiting:
                if self._stopping:
                    return None
                self._changed.wait()
            letter = self._waiting.popleft()
            self._waiting_bytes -= len(letter.topic) + len(letter.payload)
            return letter

    def _write(self, letter: Letter) -> None:
        try:
            self._files.append(encode_letter(letter))
        except OSError as error:
            with self._changed:
                self.dropped += 1
            if not self._failing:
                logger.error("The dead-letter file cannot be written, dead letters are dropped: {}", error)
            self._failing = True
            return
        self.written += 1
        if self._failing:
            logger.info("The dead-letter file can be written again")
        self._failing = False
