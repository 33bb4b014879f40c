"""A round of housekeeping, in small steps: readings are rolled up, and what is too old goes.

Whoever goes through them sets the pace, and may stop after any step: the next round finds what is left.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.old_readings import Swept, sweep_readings, sweep_rollups
from otel_tickrmeter.store.partitions import drop_partition, make_partitions
from otel_tickrmeter.store.retention import (
    ROWS_A_STEP,
    Retention,
    clear_log,
    clear_surplus_letters,
    give_up_notices,
    logs,
)
from otel_tickrmeter.store.rollups import HOURS_A_STEP, roll_up
from otel_tickrmeter.store.tables import DEAD_LETTERS, TELEMETRY, TELEMETRY_HOURS, TELEMETRY_MINUTES


@dataclass(frozen=True, slots=True)
class Deleted:
    """What a step deleted (`autocore_retention_rows_deleted_total`): of which table, and how many rows.

    Attributes:
        hours: So many hours of a sensor it rolled up.
        partitions: So many partitions it dropped; their rows are among `rows`.
    """

    table: str
    rows: int
    hours: int = 0
    partitions: int = 0

    @property
    def pieces(self) -> int:
        """How much of what `due` counts is done: an hour, a row or a partition each."""
        return self.hours + (self.partitions or self.rows)


def housekeeping(database: Database, now: datetime, retention: Retention) -> Iterator[Deleted]:
    """Every step of a round, done when it is asked for; none takes long, and most delete nothing.

    Raises:
        DatabaseError: a step was not done. The round is over, and a new one may begin at any time.
    """
    yield from _roll_up(database, now)
    make_partitions(database, now)
    yield from _readings(database, now - retention.telemetry)
    for table, keep in (
        (TELEMETRY_MINUTES, retention.telemetry_minutes),
        (TELEMETRY_HOURS, retention.telemetry_hours),
    ):
        for rows in _swept(partial(sweep_rollups, database, table, now - keep)):
            yield Deleted(table.name, rows)
    give_up_notices(database, now)
    for log in logs(retention):
        cleared = clear_log(database, log, now)
        yield Deleted(log.table.name, cleared.rows)
        while cleared.since is not None:
            cleared = clear_log(database, log, now, cleared.since)
            yield Deleted(log.table.name, cleared.rows)
    rows = ROWS_A_STEP
    while rows == ROWS_A_STEP:
        rows = clear_surplus_letters(database, retention.most_dead_letters)
        yield Deleted(DEAD_LETTERS.name, rows)


def _roll_up(database: Database, now: datetime) -> Iterator[Deleted]:
    # Not until nothing is marked: who writes old readings all the time would keep us here.
    hours = HOURS_A_STEP
    while hours == HOURS_A_STEP:
        done = roll_up(database, now)
        hours = done.hours
        yield Deleted(TELEMETRY.name, done.readings_deleted, hours=done.hours)


def _readings(database: Database, before: datetime) -> Iterator[Deleted]:
    dropped: int | None = 0
    while dropped is not None:
        for rows in _swept(partial(sweep_readings, database, before)):
            yield Deleted(TELEMETRY.name, rows)
        dropped = drop_partition(database, before)
        if dropped is not None:
            yield Deleted(TELEMETRY.name, dropped, partitions=1)


def _swept(step: Callable[[int], Swept]) -> Iterator[int]:
    after: int | None = 0
    while after is not None:
        swept = step(after)
        yield swept.rows
        after = swept.after
