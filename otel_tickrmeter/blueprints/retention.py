"""The job that tidies up the database: readings are rolled up, and what has aged goes.

It does what the exporter would do itself, in the same small steps, and rests after each: who writes rows
comes first. Where it goes on does not matter, as the database knows what is left; its checkpoint has the
figures.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

from otel_tickrmeter.blueprints.database import TRY_AGAIN_SECONDS, database_of, is_busy, rest
from otel_tickrmeter.jobs.blueprint import Blueprint, Parameter, Work
from otel_tickrmeter.settings.kinds import integer

if TYPE_CHECKING:
    from otel_tickrmeter.store.engine import Database
    from otel_tickrmeter.store.housekeeping import Deleted

_LONGEST_REST_SECONDS = 5.0
_MOST_ROUNDS = 20
"""How often it begins anew when others left no room."""


def retention_blueprint() -> Blueprint:
    """Retention."""
    return Blueprint(
        "retention",
        "Rolls up readings and deletes what has aged in the database.",
        (Parameter("rest", integer(0, 1000), "after a step it rests so many times as long", 1),),
        _work,
        resumable=True,
    )


def _work(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    before = work.resumed_at or {"done": 0, "hours_rolled_up": 0, "partitions_dropped": 0, "rows_deleted": {}}
    done, hours, partitions = before["done"], before["hours_rolled_up"], before["partitions_dropped"]
    rows = Counter(before["rows_deleted"])

    def summary() -> Mapping[str, Any]:
        return {"hours_rolled_up": hours, "partitions_dropped": partitions, "rows_deleted": dict(+rows)}

    with database_of(work) as database:
        now = datetime.now(UTC)
        total = done + _found(database, work, now)
        work.report(done, total)
        began = monotonic()
        for step in _round(database, work, now):
            seconds = monotonic() - began
            done += step.pieces
            total = max(total, done)
            hours += step.hours
            partitions += step.partitions
            # The name of a table is a text of SQLAlchemy's own kind, which is no JSON.
            rows[str(step.table)] += step.rows
            work.report(done, total)
            work.checkpoint({"done": done, **summary()})
            rest(work, min(_LONGEST_REST_SECONDS, seconds * parameters["rest"]))
            began = monotonic()
    return summary()


def _found(database: "Database", work: Work, now: datetime) -> int:
    from otel_tickrmeter.store.due import due
    from otel_tickrmeter.store.retention import Retention

    found = 0
    for count in due(database, now, Retention()):
        found += count
        work.checkpoint()
    return found


def _round(database: "Database", work: Work, now: datetime) -> Iterator["Deleted"]:
    """The steps of a round; when one finds no room, those of a new one, which finds what is left."""
    from otel_tickrmeter.store.failures import DatabaseError
    from otel_tickrmeter.store.housekeeping import housekeeping
    from otel_tickrmeter.store.retention import Retention

    rounds = 0
    while True:
        rounds += 1
        try:
            yield from housekeeping(database, now, Retention())
        except DatabaseError as error:
            if not is_busy(error) or rounds == _MOST_ROUNDS:
                raise
        else:
            return
        rest(work, TRY_AGAIN_SECONDS)
