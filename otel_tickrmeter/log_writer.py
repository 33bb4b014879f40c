"""Writes log lines from a thread of its own: who logs never waits for a disk or a pipe that is full.

loguru's own queue (`enqueue`) has no bound, and at the end waits for ever for a sink that blocks.
"""

from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

import anyio
from loguru import logger

_MOST_BYTES = 4_000_000
_END_SECONDS = 1.0


class LogWriter:
    """A sink for loguru; what cannot be written in time is dropped and counted.

    Args:
        write: Writes one line; what it raises as OSError is a line that is lost.
        failed: Told the first error of a row of them.
        most_bytes: What may wait to be written.
    """

    def __init__(
        self,
        write: Callable[[bytes], None],
        failed: Callable[[OSError], None],
        most_bytes: int = _MOST_BYTES,
    ) -> None:
        self.dropped = 0
        self._write = write
        self._failed = failed
        self._most_bytes = most_bytes
        # Its lock is one that its holder may take again: a finaliser may log while a line is put here.
        self._changed = Condition()
        self._lines: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._ended = False
        # A daemon: one that cannot write must not keep the program from ending.
        self._thread = Thread(target=self._write_lines, name="log writer", daemon=True)
        self._thread.start()

    def write(self, line: str) -> None:
        """Take a line. From any thread; never waits, never fails."""
        # A message may hold a lone surrogate from a payload: it must not cost the line.
        data = line.encode(errors="backslashreplace")
        with self._changed:
            if self._waiting_bytes + len(data) > self._most_bytes:
                self.dropped += 1
                return
            self._lines.append(data)
            self._waiting_bytes += len(data)
            self._changed.notify()

    def stop(self) -> None:
        """Write what is there, and end; gives up after a second. loguru calls it when the sink is removed."""
        with self._changed:
            self._ended = True
            self._changed.notify()
        self._thread.join(_END_SECONDS)

    def _write_lines(self) -> None:
        failing = False
        while True:
            with self._changed:
                while not self._lines:
                    if self._ended:
                        return
                    self._changed.wait()
                data = self._lines.popleft()
            try:
                self._write(data)
                failing = False
            except OSError as error:
                self.dropped += 1
                if not failing:
                    self._failed(error)
                failing = True
            with self._changed:
                # Only now: a line that is being written still takes its room.
                self._waiting_bytes -= len(data)


async def report_dropped(writer: LogWriter, interval_seconds: float) -> None:
    """Say in the log what is missing from it, as soon as it can be written again; until cancelled.

    It says how many are missing in all, because this line may be dropped as well.
    """
    told = 0
    while True:
        await anyio.sleep(interval_seconds)
        if writer.dropped > told:
            told = writer.dropped
            logger.warning("The log could not be written in time: {} lines are missing so far", told)
