"""For how long rows are kept, and steps that delete a few which are older: about a thousand in a transaction.

Each step is short, so that who writes does not have to wait for long. Readings and their roll-ups are in
`old_readings.py`: they have no index of their times.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, func, select, true

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.tables import (
    AUTOMATION_RUNS,
    CONNECTIVITY_LOG,
    DEAD_LETTERS,
    EVENTS,
    NOTIFICATIONS,
    RELAY_EVENTS,
)

ROWS_A_STEP = 1_000
LONGEST_PENDING = timedelta(hours=1)
"""A notice that has not come to its end by then is one of a program that was killed."""
_LOOKED_BACK = timedelta(days=7)
SERIOUS_EVENTS = ("safety_shutoff", "error")
"""Of what kind, or what in particular, events are that are kept for longer."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long rows of each table are kept; and how many dead letters, however young."""

    telemetry: timedelta = timedelta(days=7)
    telemetry_minutes: timedelta = timedelta(days=90)
    telemetry_hours: timedelta = timedelta(days=730)
    relay_events: timedelta = timedelta(days=365)
    connectivity_log: timedelta = timedelta(days=365)
    events: timedelta = timedelta(days=30)
    serious_events: timedelta = timedelta(days=365)
    notifications: timedelta = timedelta(days=90)
    automation_runs: timedelta = timedelta(days=365)
    dead_letters: timedelta = timedelta(days=14)
    most_dead_letters: int = 10_000


@dataclass(frozen=True, slots=True)
class Log:
    """A table whose rows are kept for a time, or those of a table that are serious, or not."""

    table: Table
    column: str
    keep: timedelta
    serious: bool | None = None

    @property
    def chosen(self) -> ColumnElement[bool]:
        """Of a row of the table: it is one of these."""
        if self.serious is None:
            return true()
        kind, particular = self.table.c.kind, func.coalesce(self.table.c.subtype, "")
        serious = kind.in_(SERIOUS_EVENTS) | particular.in_(SERIOUS_EVENTS)
        return serious if self.serious else ~serious


@dataclass(frozen=True, slots=True)
class Cleared:
    """How many rows a step deleted, and the time from which the next one goes on; None: nothing is left."""

    rows: int
    since: datetime | None


def logs(retention: Retention) -> Sequence[Log]:
    """Everything that has an index of its time."""
    return (
        Log(RELAY_EVENTS, "received_at", retention.relay_events),
        Log(CONNECTIVITY_LOG, "at", retention.connectivity_log),
        Log(EVENTS, "at", retention.events, serious=False),
        Log(EVENTS, "at", retention.serious_events, serious=True),
        Log(NOTIFICATIONS, "created_at", retention.notifications),
        Log(AUTOMATION_RUNS, "started_at", retention.automation_runs),
        Log(DEAD_LETTERS, "received_at", retention.dead_letters),
    )


def clear_log(
    database: Database, log: Log, now: datetime, since: datetime | None = None, rows: int = ROWS_A_STEP
) -> Cleared:
    """Delete the oldest rows of a log that are too old, none of them from before `since`.

    Raises:
        DatabaseError: it was not done.
    """
    at = log.table.c[log.column]
    # What is from before `since` was looked at; those of it that stay need not be passed by again.
    old = (at < now - log.keep) & log.chosen & (true() if since is None else at >= since)
    oldest = select(log.table.c.id).where(old).order_by(at).limit(rows)
    with database.writing() as connection:
        deleted = list(connection.scalars(log.table.delete().where(log.table.c.id.in_(oldest)).returning(at)))
    return Cleared(len(deleted), max(deleted) if len(deleted) == rows else None)


def clear_surplus_letters(database: Database, most: int, rows: int = ROWS_A_STEP) -> int:
    """Delete dead letters that are not among the newest `most`, and tell how many.

    Raises:
        DatabaseError: it was not done.
    """
    letters = DEAD_LETTERS.c
    newest_first = select(letters.id).order_by(letters.received_at.desc(), letters.id.desc())
    surplus = newest_first.offset(most).limit(rows)
    with database.writing() as connection:
        return connection.execute(DEAD_LETTERS.delete().where(letters.id.in_(surplus))).rowcount


def give_up_notices(database: Database, now: datetime) -> None:
    """Say of notices of the last week that were never sent that they failed: nobody sends them any more.

    One that is sent all the same, since it waited behind a thousand others, becomes a sent one by that.

    Raises:
        DatabaseError: it was not done.
    """
    notices = NOTIFICATIONS.c
    before = now - LONGEST_PENDING
    lost = (notices.created_at < before) & (notices.created_at >= before - _LOOKED_BACK)
    given_up = NOTIFICATIONS.update().where(lost & (notices.state == "pending")).values(state="failed")
    with database.writing() as connection:
        connection.execute(given_up)
