"""Saves a state at intervals and at the end, and takes it back at the start; the program goes on anyway."""

import gc
import sqlite3
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock, Thread
from typing import Protocol

import anyio
from anyio import RunFinishedError, from_thread, to_thread
from anyio.lowlevel import current_token
from loguru import logger

from otel_tickrmeter.saved.form import Form, SavedError, Tables
from otel_tickrmeter.saved.moment import Moment, shift_between
from otel_tickrmeter.statefile.read import StateFileError, read_state
from otel_tickrmeter.statefile.write import mark_running, write_state
from otel_tickrmeter.stream.second import SECOND_NS

_LAST_SECONDS = 3.0
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


class KeptState(Protocol):
    """The state that is kept; in the event loop's thread."""

    @property
    def forms(self) -> Sequence[Form]:
        """The tables that it is saved in."""

    def take(self) -> Callable[[], Tables]:
        """Copy it at one moment; what it returns makes tables of the copies, in any thread."""

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> Callable[[], None]:
        """Make of tables what they were made of; what it returns puts it in place.

        Counters and histograms begin at zero unless `counted`.

        Raises:
            SavedError: They were not made of this.
        """


def _nothing() -> None:
    pass


class StateKeeper:
    """Keeps a state in a file.

    Args:
        path: The file.
        interval_seconds: How often it is saved.
        now: The present moment.
        whose: Which of several programs this is: it takes back nobody else's state.
        counters_after_crash: Whether counters go on from what was saved last when no stop saved it: scrapes
            may have shown more since, and Prometheus takes a counter that fell for one that began at zero.
        settled: Waits until what was made of the state before it was copied is safe elsewhere; None: nothing
            is made of it.
        written: Called when the copy that was made last is in the file; in the thread that wrote it.

    Attributes:
        failures: How often it could not be saved.
        saved_at: When it was saved that is in the file now, Unix seconds; None before the first time.
    """

    def __init__(
        self,
        path: Path,
        interval_seconds: float,
        now: Callable[[], Moment],
        *,
        whose: str = "",
        counters_after_crash: bool = True,
        settled: Callable[[], Awaitable[None]] | None = None,
        written: Callable[[], None] = _nothing,
    ) -> None:
        self._settled = settled
        self._written = written
        self._whose = whose
        self._counters_after_crash = counters_after_crash
        self._path = path
        self._interval_seconds = interval_seconds
        self._now = now
        self._failing = False
        # Whether the file says that a stop saved it, though we have gone on from there: who is killed before
        # the first interval is over was not stopped.
        self._stopped = False
        self._writing = Lock()
        self.failures = 0
        self.saved_at: float | None = None

    def restore(self, state: KeptState) -> None:
        """Take back what is in the file; one that cannot be read is put aside, and the state begins anew."""
        # What is made here stays: to look for garbage in it again and again took a third of the time.
        gc.disable()
        try:
            self._restore(state, self._now())
        except (StateFileError, SavedError, OSError) as error:
            self._put_aside(str(error))
        finally:
            gc.enable()

    def _restore(self, state: KeptState, now: Moment) -> None:
        found = read_state(self._path, state.forms)
        if found is None:
            logger.info("State: {} is not there yet: beginning anew", self._path)
            return
        if found.whose != self._whose:
            raise StateFileError(f"it is of {found.whose or 'all'}, and this is {self._whose or 'all'}")
        shift_ns = shift_between(found.moment, now)
        counted = found.stopped or self._counters_after_crash
        state.read(found.tables, shift_ns, now.monotonic_ns, counted=counted)()
        self._stopped = found.stopped
        self.saved_at = found.moment.unix_ns / SECOND_NS
        down_seconds = (now.monotonic_ns - found.moment.monotonic_ns - shift_ns) / SECOND_NS
        logger.info("State: taken back from {}, as it was {:.1f} s ago", self._path, down_seconds)
        if not found.stopped:
            what = "may show less than they did before" if counted else "begin at zero"
            logger.warning("State: no stop saved it, the program was killed or crashed: counters {}", what)

    async def keep(self, state: KeptState) -> None:
        """Save it at intervals, until cancelled."""
        if self._stopped:
            await to_thread.run_sync(self._mark_running, abandon_on_cancel=True)
        while True:
            await anyio.sleep(self._interval_seconds)
            await self._in_thread(state, stopped=False)

    async def save(self, state: KeptState) -> None:
        """Save it for the last time; waits for the disk within a bound, even when cancelled."""
        with anyio.move_on_after(_LAST_SECONDS, shield=True) as waiting:
            await self._in_thread(state, stopped=True)
        if waiting.cancelled_caught:
            logger.error("State: {} could not be saved in time, and stays as it was", self._path)

    async def _in_thread(self, state: KeptState, *, stopped: bool) -> None:
        # One that ends with the program: a disk may keep it for ever.
        done, token = anyio.Event(), current_token()
        moment = self._now()
        try:
            make = state.take()
        except Exception as error:  # noqa: BLE001  as below
            self._failed(error)
            return

        if self._settled is not None:
            await self._settled()

        def run() -> None:
            with self._writing:
                self._stopped = False  # what the file said is of no interest any more
                self._save(state.forms, moment, make, stopped=stopped)
            with suppress(RunFinishedError):
                from_thread.run_sync(done.set, token=token)

        Thread(target=run, name="state file", daemon=True).start()
        await done.wait()

    def _mark_running(self) -> None:
        with self._writing:
            if self._stopped:
                try:
                    mark_running(self._path)
                except (OSError, sqlite3.Error) as error:
                    self._failed(error)

    def _save(
        self, forms: Sequence[Form], moment: Moment, make: Callable[[], Tables], *, stopped: bool
    ) -> None:
        try:
            write_state(self._path, moment, forms, make(), stopped=stopped, whose=self._whose)
        except Exception as error:  # noqa: BLE001  whatever it is, what is served is not worse for it
            self._failed(error)
            return
        if self._failing:
            logger.info("State: {} is saved again", self._path)
        self._failing = False
        self.saved_at = moment.unix_ns / SECOND_NS
        self._written()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if not self._failing:
            logger.error("State: {} cannot be saved, and stays as it was: {!r}", self._path, error)
        self._failing = True

    def _put_aside(self, why: str) -> None:
        aside = self._path.with_name(f"{self._path.name}.unreadable")
        try:
            if not self._path.is_file():
                raise FileNotFoundError("it is no file")
            self._path.replace(aside)
        except OSError as error:
            logger.error(
                "State: {} cannot be read ({}), nor put aside ({}): beginning anew", self._path, why, error
            )
            return
        logger.error(
            "State: {} cannot be read ({}); it is {} now: beginning anew", self._path, why, aside.name
        )


def present_moment() -> Moment:
    """The moment it is on the clocks of this machine."""
    try:
        boot = _BOOT_ID.read_text().strip()
    except OSError:
        boot = ""
    return Moment(boot, time.monotonic_ns(), time.time_ns())
