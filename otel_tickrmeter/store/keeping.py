"""What the program has to do with the database: it gives rows away, and is told what became of them.

None of the database's libraries is needed here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from otel_tickrmeter.store.rows import DeadLetter, Row


@dataclass(slots=True)
class KeeperState:
    """How the database and what waits for it are, kept up to date by whoever writes.

    Attributes:
        up: Whether the database took what it was given last; None: nothing was tried yet.
        size_bytes: Its size; None while not known, as all that follows that may be None.
        connections: Those that it has to us, by whether they are in use.
        dead_letters: Rows of that table.
        waiting: Rows that wait in memory, those being written not among them; `capacity` is how many may.
        spool_bytes: What waits in files; `spool_capacity` is how much may.
        spool_rows: The same in rows.
        spool_oldest: When the oldest of these was received, Unix seconds; None: there is none.
        write_dropped: Rows that gave way in memory, and letters that the database refused.
        spool_dropped: Rows that gave way in files, or were damaged there.
    """

    capacity: int
    spool_capacity: int
    up: bool | None = None
    size_bytes: int | None = None
    connections: Mapping[str, int] | None = None
    dead_letters: int | None = None
    waiting: int = 0
    spool_bytes: int = 0
    spool_rows: int = 0
    spool_oldest: float | None = None
    write_dropped: int = 0
    spool_dropped: int = 0

    @property
    def has_room(self) -> bool:
        """Whether many rows could be put at once, and none would give way."""
        return self.waiting < self.capacity // 4


@dataclass(frozen=True, slots=True)
class RuleRow:
    """A rule as its operator wrote it: what is JSON as its text, which may be none."""

    name: str
    may_publish: bool
    trigger: str
    conditions: str
    actions: str
    cooldown_seconds: float
    last_run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """What operators say in the tables; relays by device id and number.

    Attributes:
        devices: Those that are active.
        critical_relays: Those whose every switching is told of.
        barred_relays: Those that are momentary, or that no rule may switch.
        rules: Those that are enabled.
    """

    devices: frozenset[str] = frozenset()
    critical_relays: frozenset[tuple[str, int]] = frozenset()
    barred_relays: frozenset[tuple[str, int]] = frozenset()
    rules: tuple[RuleRow, ...] = ()


class KeeperOutcomes:
    """Told what happened, after it has. Who takes part overrides what it wants to know of."""

    def written(self, rows: Mapping[str, int], seconds: float) -> None:
        """A batch was committed: rows by their table, and how long that took, the commit included."""

    def failed(self, kind: StrEnum) -> None:
        """The database did not take a batch, or could not be reached."""

    def deleted(self, table: str, rows: int) -> None:
        """So many rows of a table were deleted, since they were too old or too many."""

    def known(self, known: Known) -> None:
        """What the tables say of the fleet, as it was a moment ago."""

    def set_aside(self, letter: DeadLetter) -> None:
        """The database refused a row that stands alone; this is kept of it."""


class RowKeeper(Protocol):
    """Takes rows, at once, in the thread of the message handler; writes them when it can.

    `instance` is a text that no other run of the program has: it begins message keys.
    """

    instance: str
    state: KeeperState

    def put(self, row: Row) -> None:
        """Have a row written. A state replaces the one that waits for the same device or relay."""

    def tell(self, outcomes: KeeperOutcomes) -> None:
        """Whom to tell from now on."""
