"""Reads the settings again while the program runs: what may change does, and what may not is named."""

import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext

import anyio
from anyio import to_thread
from loguru import logger

from otel_tickrmeter.configuration import SCHEMA
from otel_tickrmeter.settings.changes import Change, changes, taken_over
from otel_tickrmeter.settings.faults import SettingsError
from otel_tickrmeter.settings.model import Settings

ReadSettings = Callable[[], Settings]
"""Reads the settings from the sources that the program was started with; blocks, raises SettingsError."""


class Reloader:
    """Has the settings read again, one time after the other, and the program go by them.

    Args:
        running: What the program was started with.
        read: Reads them again; None when there is nothing to read them from.
        use: Has all parts go by the first settings, at once. They differ from those before only in keys with
            `Key.reload`; the second are as they were read.
        unix_seconds: Tells the time.
        around: Each time, what is done goes on inside of it.

    Attributes:
        running: What the program goes by.
        successful: Whether the last time was a success; the start was one.
        succeeded_at: When the last success was, Unix seconds.
    """

    def __init__(
        self,
        running: Settings,
        read: ReadSettings | None,
        use: Callable[[Settings, Settings], None],
        unix_seconds: Callable[[], float] = time.time,
        around: Callable[[], AbstractContextManager[None]] = nullcontext,
    ) -> None:
        self.running = running
        self.successful = True
        self.succeeded_at = unix_seconds()
        self._read = read
        self._use = use
        self._unix_seconds = unix_seconds
        self._around = around
        self._turn = anyio.Lock()
        self._asked = anyio.Event()

    def ask(self) -> None:
        """Have it done soon by `run`: once more, however often it is asked until then."""
        self._asked.set()

    async def run(self) -> None:
        """Do it each time somebody asks, until cancelled."""
        while True:
            await self._asked.wait()
            self._asked = anyio.Event()
            await self.reload()

    async def reload(self) -> tuple[str, ...]:
        """Read and use the settings; what is returned is what is wrong with them. It is all in the log too.

        Who is cancelled while the files are read has changed nothing.
        """
        if self._read is None:
            return ("this program was given its settings: there is nothing to read them from again",)
        async with self._turn:
            with self._around():
                return await self._read_and_use(self._read)

    async def _read_and_use(self, source: ReadSettings) -> tuple[str, ...]:
        try:
            # Not here: a file may lie on a disk that does not answer, and messages go on.
            read = await to_thread.run_sync(source, abandon_on_cancel=True)
        except SettingsError as error:
            return self._failed([str(fault) for fault in error.faults])
        except Exception as error:  # noqa: BLE001  whatever it is, the program goes on as it was
            logger.exception("The settings could not be read again")
            return self._failed([f"the settings cannot be read: {type(error).__name__}"])
        return self._take_over(read)

    def _take_over(self, read: Settings) -> tuple[str, ...]:
        found = changes(self.running, read, SCHEMA)
        now = taken_over(self.running, read, SCHEMA)
        try:
            self._use(now, read)
        except Exception:  # noqa: BLE001  a bug; the next time may do better
            logger.exception("The settings could not be taken over")
            return self._failed(["the settings could not be taken over: see the log"])
        self.running = now
        self.successful = True
        self.succeeded_at = self._unix_seconds()
        _say(found)
        return ()

    def _failed(self, faults: Iterable[str]) -> tuple[str, ...]:
        self.successful = False
        told = tuple(faults)
        for fault in told:
            logger.error("Settings: {}", fault)
        logger.error("Settings not taken over, those of before stay: {}", _count(len(told), "fault"))
        return told


def _say(found: tuple[Change, ...]) -> None:
    for change in found:
        # Of a secret there is nothing more to be said.
        same = change.before == change.now
        values = "another value" if same else f"{change.now} instead of {change.before}"
        if change.at_once:
            logger.info("Settings: {} has {} now", change.key, values)
        else:
            logger.warning("Settings: {} has {}: takes effect after a restart", change.key, values)
    done = sum(change.at_once for change in found)
    logger.info(
        "Settings read again: {} taken over, {} until a restart", _count(done, "change"), len(found) - done
    )


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
