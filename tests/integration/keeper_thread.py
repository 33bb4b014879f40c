"""A keeper in an event loop of its own, and who is told."""

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Self

import anyio
from anyio.from_thread import BlockingPortal, start_blocking_portal

from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.store.keeper import Keeper
from otel_tickrmeter.store.keeping import KeeperOutcomes, KeeperState, Known
from otel_tickrmeter.store.rows import DeadLetter, Row
from otel_tickrmeter.store.spool import Spool
from tests.support.waiting import wait_until


class Told(KeeperOutcomes):
    """Notes what became of rows."""

    def __init__(self) -> None:
        self.rows: Counter[str] = Counter()
        self.failures: Counter[str] = Counter()
        self.letters: list[DeadLetter] = []
        self.deletions: Counter[str] = Counter()
        self.of_operators: Known | None = None

    def written(self, rows: Mapping[str, int], seconds: float) -> None:
        assert seconds >= 0
        self.rows.update(rows)

    def failed(self, kind: StrEnum) -> None:
        self.failures[kind.value] += 1

    def deleted(self, table: str, rows: int) -> None:
        self.deletions[table] += rows

    def known(self, known: Known) -> None:
        self.of_operators = known

    def set_aside(self, letter: DeadLetter) -> None:
        self.letters.append(letter)


class KeeperThread:
    """A keeper that runs while the context lasts."""

    def __init__(
        self,
        url: str,
        spool: Path,
        *,
        max_bytes: int = 10_000_000,
        round_seconds: float = 600.0,
        keeps_house: bool = True,
    ) -> None:
        self.told = Told()
        self._keeper = Keeper(
            *(parse_database_url(url), Spool(spool, max_bytes), max_bytes, "test"),
            round_seconds=round_seconds,
            keeps_house=keeps_house,
        )
        self._keeper.tell(self.told)
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self._context = start_blocking_portal()
        self._portal: BlockingPortal = self._context.__enter__()
        self._scope = self._portal.call(anyio.CancelScope)
        self._portal.call(self._keeper.open)
        self._running = self._portal.start_task_soon(self._run)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._portal.call(self._scope.cancel)
        with suppress(BaseException):
            self._running.result()
        self._context.__exit__(kind, error, trace)
        self._running.result()

    async def _run(self) -> None:
        with self._scope:
            await self._keeper.run()

    @property
    def state(self) -> KeeperState:
        return self._keeper.state

    def put(self, *rows: Row) -> None:
        def put_all() -> None:
            for row in rows:
                self._keeper.put(row)

        self._portal.call(put_all)

    def settle(self) -> None:
        """Wait until all that was put is in the database or the spool."""
        self._portal.call(self._keeper.settled)

    def wait(self, done: Callable[[], bool]) -> None:
        """Wait until something is so."""
        wait_until(lambda: self._portal.call(done), "what the keeper is to do")
