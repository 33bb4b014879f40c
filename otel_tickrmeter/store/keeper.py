"""Has rows written as they come, keeps them while the database takes none, and says how all that is.

Whatever blocks runs in a thread; what is decided, is decided in the event loop, where rows come from. A batch
that was not written, or of which nobody knows, is written again: message keys make that harmless.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar

import anyio
from anyio import to_thread
from loguru import logger

from otel_tickrmeter.settings.database import DatabaseUrl
from otel_tickrmeter.store.engine import Database, open_database
from otel_tickrmeter.store.failures import DatabaseError
from otel_tickrmeter.store.housekeeping import Deleted, housekeeping
from otel_tickrmeter.store.keeping import KeeperOutcomes, KeeperState, Known
from otel_tickrmeter.store.known import read_known
from otel_tickrmeter.store.measure import Measured, measure
from otel_tickrmeter.store.retention import Retention
from otel_tickrmeter.store.rows import DeadLetter, Row, time_of
from otel_tickrmeter.store.schema import migrate
from otel_tickrmeter.store.spool import Spool
from otel_tickrmeter.store.waiting import WaitingRows, state_key
from otel_tickrmeter.store.writer import Rejected, Written, write_batch

_ResultT = TypeVar("_ResultT")

BATCH_ROWS = 1_000
BATCH_SECONDS = 0.25
MEMORY_ROWS = 10_000
"""Rows in memory; when it is half full, or nothing was written for SPOOL_SECONDS, they go to the spool."""
SPOOL_SECONDS = 5.0
_SPOOL_STEP_SECONDS = 0.1
_MEASURE_SECONDS = 15.0
ROUND_SECONDS = 600.0
"""From one round of housekeeping to the next; the first begins as long after the start."""
_STEPS_SECONDS = 0.05
"""Of housekeeping at a time, when nothing else is to be written."""
_QUIET_SECONDS = 60.0
_SHOWN = 300
_SETTLED_STEP_SECONDS = 0.05
_FIRST_WAIT_SECONDS = 0.5
_LONGEST_WAIT_SECONDS = 15.0
_STOP_SECONDS = 3.0
"""How long the database may take at the end; what is left then goes to the spool."""


class Keeper:
    """Writes rows into one database; implements `RowKeeper`.

    Args:
        url: The database.
        spool: Where rows wait while it takes none.
        spool_capacity: Bytes that the spool may have.
        instance: A text that no other run has.
        round_seconds: From one round of housekeeping to the next.
        keeps_house: Whether it does housekeeping; else that is left to whoever else does it, such as a job.
    """

    def __init__(
        self,
        url: DatabaseUrl,
        spool: Spool,
        spool_capacity: int,
        instance: str,
        *,
        round_seconds: float = ROUND_SECONDS,
        keeps_house: bool = True,
    ) -> None:
        self.instance = instance
        self.state = KeeperState(MEMORY_ROWS, spool_capacity)
        self._spool = spool
        self._outcomes = KeeperOutcomes()
        self._waiting = WaitingRows(MEMORY_ROWS)
        # Without a connection; `_ready` when its tables are those of today.
        self._database = open_database(url)
        self._ready = False
        self._spool_lock = anyio.Lock()
        self._enough = anyio.Event()
        self._too_many = anyio.Event()
        self._spool_dropped = 0
        self._letters_refused = 0
        self._refused = 0
        self._refusals_quiet_until = 0.0
        # When the database was asked to take what it has not taken yet.
        self._asked_at: float | None = None
        self._failing_since: float | None = None
        self._states_kept = False
        self._round: Iterator[Deleted] | None = None
        self._next_round_at = time.monotonic() + round_seconds
        self._round_seconds = round_seconds
        self._keeps_house = keeps_house
        self._disk_failed = False
        # What is on its way to the database or to the disk.
        self._under_way: set[object] = set()

    def tell(self, outcomes: KeeperOutcomes) -> None:
        """Whom to tell from now on."""
        self._outcomes = outcomes

    def put(self, row: Row) -> None:
        """Have a row written."""
        waiting = self.state.waiting = self._waiting.put(row)
        if waiting >= BATCH_ROWS:
            self._enough.set()
        if waiting >= MEMORY_ROWS // 2:
            self._too_many.set()

    async def settled(self) -> None:
        """Wait until all that was put before is in the database, or in the spool."""
        mark = self._waiting.mark()
        while True:
            if self._waiting.past(mark):
                # What has left may come back.
                begun = self._under_way.copy()
                while begun & self._under_way:  # noqa: ASYNC110  polled a few times for each state saved
                    await anyio.sleep(_SETTLED_STEP_SECONDS)
                if self._waiting.past(mark):
                    return
            await anyio.sleep(_SETTLED_STEP_SECONDS)

    def open(self) -> None:
        """Take over what waits in the spool from before.

        Raises:
            SpoolError: The spool cannot be used.
        """
        found = self._spool.open()
        self._waiting.give_back(found.states)
        self._states_kept = bool(found.states)
        if found.rows or found.states:
            logger.info("{} rows and {} states wait from before", found.rows, len(found.states))
        if found.damaged_bytes:
            logger.warning("{} bytes in the spool are no whole rows: cut off", found.damaged_bytes)
        self._show()

    async def run(self) -> None:
        """Write until cancelled; what is left then is written, or put into the spool."""
        try:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._write_forever)
                tasks.start_soon(self._spool_forever)
                tasks.start_soon(self._measure_forever)
        finally:
            with anyio.CancelScope(shield=True):
                await self._finish()

    async def _write_forever(self) -> None:
        wait = _FIRST_WAIT_SECONDS
        while True:
            try:
                if self._asked_at is None:
                    self._asked_at = time.monotonic()
                if not self._ready:
                    await _in_thread(self._prepare)
                    self._ready = True
                busy = await self._write_next()
            except DatabaseError as error:
                self._fails(error)
                await anyio.sleep(wait)
                wait = min(2 * wait, _LONGEST_WAIT_SECONDS)
                continue
            except OSError as error:  # a file of the spool cannot be read, or not be removed
                await self._on_disk_failure(error)
                continue
            wait = _FIRST_WAIT_SECONDS
            self._asked_at = None
            if not busy and self._keeps_house:
                await self._keep_house()
            if not busy:
                with anyio.move_on_after(BATCH_SECONDS):
                    await self._enough.wait()
            self._enough = anyio.Event()

    async def _keep_house(self) -> None:
        """Do a few steps of what is due, where rows are written: one connection writes, and has one use.

        A thread beside it would wait for ever for its turn when much is written.
        """
        if self._round is None:
            if time.monotonic() < self._next_round_at:
                return
            self._round = housekeeping(self._database, datetime.now(UTC), Retention())
        try:
            deleted, over = await _in_thread(partial(_some_steps, self._round))
        except DatabaseError as error:
            # The next round does what is left.
            logger.warning("Housekeeping in the database failed ({}): {}", error.kind, error)
            self._outcomes.failed(error.kind)
            deleted, over = [], True
        for step in deleted:
            self._outcomes.deleted(step.table, step.rows)
        if over:
            self._round = None
            self._next_round_at = time.monotonic() + self._round_seconds

    async def _write_next(self) -> bool:
        """Write what is next, if anything; return whether there is enough left to go on at once.

        Raises:
            DatabaseError: It was not written, and waits on.
        """
        if self._spool.rows:
            # Not locked while it is written: rows that come meanwhile must find their way to the disk.
            async with self._spool_lock:
                spooled = await to_thread.run_sync(self._spool.read, BATCH_ROWS)
            await self._write(self._waiting.take_states(), spooled)
            async with self._spool_lock:
                await to_thread.run_sync(self._spool.release)
            self._show()
            return True
        if self._waiting.any:
            await self._write(self._waiting.take(BATCH_ROWS), [])
        if self._states_kept and not self._waiting.any:
            await self._save_states([])
        return len(self._waiting) >= BATCH_ROWS

    async def _write(self, rows: list[Row], spooled: list[Row]) -> None:
        begun = time.monotonic()
        try:
            with self._going():
                written = await _in_thread(
                    partial(write_batch, self._database, [*rows, *spooled], datetime.now(UTC))
                )
        except BaseException:
            self._waiting.give_back(rows)
            raise
        finally:
            self._show()
        self._takes(written, time.monotonic() - begun)

    def _prepare(self) -> None:
        steps = migrate(self._database)
        made = f", tables made by {', '.join(steps)}" if steps else ""
        logger.info("Keeping rows in {}{}", self._database.url, made)

    def _takes(self, written: Written, seconds: float) -> None:
        self._asked_at = None
        self.state.up = True
        if self._failing_since is not None:
            lasted = time.monotonic() - self._failing_since
            logger.info("The database takes rows again, after {:.0f} s", lasted)
            self._failing_since = None
        self._outcomes.written(written.rows, seconds)
        for rejected in written.rejected:
            self._set_aside(rejected)

    def _fails(self, error: DatabaseError) -> None:
        self.state.up = False
        if self._failing_since is None:
            self._failing_since = time.monotonic()
            logger.error("Database update failed ({}): {}; rows wait", error.kind, error)
        self._outcomes.failed(error.kind)

    def _set_aside(self, rejected: Rejected) -> None:
        row = rejected.row
        self._outcomes.failed(rejected.kind)
        self._refused += 1
        now = time.monotonic()
        if now >= self._refusals_quiet_until:
            told = (rejected.kind, rejected.error, self._refused, repr(row)[:_SHOWN])
            logger.warning("The database refuses rows ({}): {}; {} since this was last said, as {}", *told)
            self._refusals_quiet_until, self._refused = now + _QUIET_SECONDS, 0
        if isinstance(row, DeadLetter):
            self._letters_refused += 1
            return
        letter = _letter(row, rejected)
        self._outcomes.set_aside(letter)
        self.put(letter)

    async def _spool_forever(self) -> None:
        saved = 0.0
        while True:
            with anyio.move_on_after(_SPOOL_STEP_SECONDS):
                await self._too_many.wait()
            self._too_many = anyio.Event()
            self._show()
            now = time.monotonic()
            late = self._asked_at is not None and now - self._asked_at > SPOOL_SECONDS
            if late or len(self._waiting) >= MEMORY_ROWS // 2:
                await self._spool_rows(self._waiting.take_rows())
            if late and now - saved > SPOOL_SECONDS:
                saved = now
                states, copied = self._waiting.states(), self._waiting.mark()
                if await self._save_states(states):
                    self._waiting.are_safe(states, copied)

    async def _spool_rows(self, rows: list[Row]) -> None:
        if not rows:
            return
        try:
            with self._going():
                async with self._spool_lock:
                    self._spool_dropped += await to_thread.run_sync(self._spool.append, rows)
        except OSError as error:
            self._waiting.give_back(rows)
            await self._on_disk_failure(error)
        except BaseException:
            # Cancelled while it waited for its turn.
            self._waiting.give_back(rows)
            raise
        else:
            self._disk_failed = False
        self._show()

    @contextmanager
    def _going(self) -> Iterator[None]:
        """While it is open, something is on its way."""
        this = object()
        self._under_way.add(this)
        try:
            yield
        finally:
            self._under_way.discard(this)

    async def _save_states(self, states: list[Row]) -> bool:
        """Whether they are in a file now."""
        try:
            async with self._spool_lock:
                await to_thread.run_sync(self._spool.save_states, states)
            self._states_kept = bool(states)
        except OSError as error:
            await self._on_disk_failure(error)
            return False
        return True

    async def _on_disk_failure(self, error: OSError) -> None:
        if not self._disk_failed:
            logger.error("The spool fails: {}; rows wait in memory", error.strerror or error)
        self._disk_failed = True
        await anyio.sleep(_SPOOL_STEP_SECONDS)

    async def _measure_forever(self) -> None:
        while True:
            if not self._ready:
                await anyio.sleep(BATCH_SECONDS)
                continue
            try:
                measured, known = await _in_thread(partial(_look, self._database))
            except DatabaseError as error:
                measured = Measured(None, None, None)
                if self.state.up:  # nothing is written at present, or it would be known
                    self._fails(error)
            else:
                # Where writing fails, reading proves nothing.
                self.state.up = self._failing_since is None
                self._outcomes.known(known)
            self.state.size_bytes = measured.size_bytes
            self.state.dead_letters = measured.dead_letters
            self.state.connections = measured.connections
            await anyio.sleep(_MEASURE_SECONDS)

    async def _finish(self) -> None:
        with anyio.move_on_after(_STOP_SECONDS):
            try:
                while self._ready and self._failing_since is None:
                    busy = await self._write_next()
                    if not busy and not self._waiting.any:
                        break
            except DatabaseError as error:
                self._fails(error)
        rows = self._waiting.take_rows()
        states = self._waiting.take_states()
        await self._spool_rows(rows)
        await self._save_states(states)
        if rows or states:
            logger.info("{} rows and {} states wait in the spool", len(rows), len(states))
        self._spool.close()
        self._database.close()

    def _show(self) -> None:
        state, spool = self.state, self._spool
        state.waiting = len(self._waiting)
        state.spool_bytes = spool.size
        state.spool_rows = spool.rows
        state.spool_oldest = spool.oldest
        state.write_dropped = self._waiting.dropped + self._letters_refused
        state.spool_dropped = self._spool_dropped + spool.damaged


def _look(database: Database) -> tuple[Measured, Known]:
    return measure(database), read_known(database)


def _some_steps(steps: Iterator[Deleted]) -> tuple[list[Deleted], bool]:
    """What was deleted by the next few steps, and whether there are no more."""
    done: list[Deleted] = []
    until = time.monotonic() + _STEPS_SECONDS
    for step in steps:
        done.append(step)
        if time.monotonic() > until:
            return done, False
    return done, True


async def _in_thread(action: Callable[[], _ResultT]) -> _ResultT:
    # A database may keep a thread for many seconds, and a program that is to stop does not wait for that.
    return await to_thread.run_sync(action, abandon_on_cancel=True)


def _letter(row: Row, rejected: Rejected) -> DeadLetter:
    """What is kept of a row that the database refuses."""
    at = time_of(row)
    return DeadLetter(
        message_key=getattr(row, "message_key", None) or f"{state_key(row)}/{at.isoformat()}",
        topic="",
        payload=repr(row).encode(errors="backslashreplace"),
        qos=0,
        retained=False,
        reason="row",
        received_at=at,
        error=rejected.error,
        attempts=1,
    )
