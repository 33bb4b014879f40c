"""What the database has to hold of AutoCore boards: each reading that was handed over, in one row."""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

from tests.chaos.accounts import Arrivals, Window
from tests.chaos.faults import EXPORTER_KILLED
from tests.chaos.fleet import NUMBER, Publication

_NUMBERS = (
    "SELECT CAST(t.value AS INTEGER), count(*) FROM telemetry t JOIN sensors s ON s.id = t.sensor_id"
    " WHERE s.key = ? GROUP BY 1"
)


def stored(database: Path) -> Mapping[int, int]:
    """In how many rows each message's number is a reading."""
    with closing(sqlite3.connect(database)) as connection:
        return Counter(dict(connection.execute(_NUMBERS, (NUMBER,))))


def row_faults(
    rows: Mapping[int, int], arrivals: Arrivals, sent: Sequence[Publication], windows: Sequence[Window]
) -> Iterator[str]:
    """What is missing, there twice, or nobody's.

    A kill of the exporter takes the rows of a moment with it, and what tells a repeat: of what came before
    it, a row may be missing, and of what was sent before it was over, one may be twice.
    """
    killed = max((window.over for window in windows if EXPORTER_KILLED in window.name), default=0.0)
    once = {publication.number for publication in sent if publication.at > killed}
    missing = sum(number not in rows for number in arrivals.readings)
    twice = sum(count > 1 and number in once for number, count in rows.items())
    strange = len(rows.keys() - {publication.number for publication in sent})
    for count, what in ((missing, "in no row"), (twice, "in more than one row"), (strange, "of nobody")):
        if count:
            yield f"{count} readings of boards are {what}"
    if not arrivals.readings:
        yield "no reading of a board arrived: nothing can be said"
