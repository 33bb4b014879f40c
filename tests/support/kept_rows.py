"""A fleet whose rows are kept in a list."""

from collections import Counter
from collections.abc import Iterable
from enum import StrEnum
from typing import TypeVar

from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.store.keeping import KeeperOutcomes, KeeperState
from otel_tickrmeter.store.rows import Row
from tests.support.autocore import Driver

RowT = TypeVar("RowT")


class RowList:
    """Keeps rows as they come, states among them; implements `RowKeeper`."""

    def __init__(self, run: str = "run") -> None:
        self.instance = run
        self.state = KeeperState(capacity=10, spool_capacity=1000)
        self.rows: list[Row] = []

    def put(self, row: Row) -> None:
        self.rows.append(row)

    def tell(self, outcomes: KeeperOutcomes) -> None:
        raise NotImplementedError

    def take(self, kind: type[RowT]) -> list[RowT]:
        """Return the rows of a kind, and forget all."""
        found: list[RowT] = [row for row in self.rows if isinstance(row, kind)]
        self.rows.clear()
        return found


class Kept(Driver):
    """A driver whose fleet has its rows kept."""

    def __init__(self, **changes: object) -> None:
        self.list = RowList()
        self.letters: Counter[str] = Counter()
        self.books = Bookkeeper(self.list, self._count)
        super().__init__(books=self.books, **changes)  # type: ignore[arg-type]

    def _count(self, reasons: Iterable[StrEnum]) -> None:
        self.letters.update(reason.value for reason in reasons)
