"""Laws of writing: how rows are cut into batches makes no difference, and every row has one outcome."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from otel_tickrmeter.settings.database import SqliteUrl
from otel_tickrmeter.store.engine import Database, open_database
from otel_tickrmeter.store.rows import DeviceState, Event, Reading, RelayEvent, RelayState, Row
from otel_tickrmeter.store.schema import migrate
from otel_tickrmeter.store.tables import DEVICES, EVENTS, RELAY_EVENTS, RELAYS, SENSORS, TELEMETRY
from otel_tickrmeter.store.writer import write_batch

TIMES = st.integers(0, 9).map(lambda seconds: datetime(2026, 1, 28, tzinfo=UTC) + timedelta(seconds=seconds))
DEVICE = st.sampled_from(["a", "b", "c"])
KEYS = st.integers(0, 30).map("x-1-{}".format)
STATUS = st.sampled_from(["online", "offline"])
GOOD = st.one_of(
    st.builds(Reading, KEYS, DEVICE, st.sampled_from(["t", "u"]), st.floats(-9, 9), TIMES, TIMES),
    st.builds(RelayEvent, KEYS, DEVICE, st.integers(0, 2), st.booleans(), TIMES, TIMES),
    st.builds(Event, KEYS, st.none() | DEVICE, st.text("ab", max_size=2), TIMES),
)
STATES = st.one_of(
    st.builds(DeviceState, DEVICE, TIMES, STATUS, st.booleans()),
    st.builds(RelayState, DEVICE, st.integers(0, 2), st.booleans(), TIMES),
)
BAD = st.one_of(
    st.builds(Reading, KEYS, DEVICE, st.just("t"), st.just(float("inf")), TIMES, TIMES),
    st.builds(Event, KEYS, st.none(), st.just("\0"), TIMES),
    st.builds(DeviceState, DEVICE, TIMES, st.just("asleep"), st.booleans()),
)


@contextmanager
def in_memory() -> Iterator[Database]:
    database = open_database(SqliteUrl(None))
    try:
        migrate(database)
        yield database
    finally:
        database.close()


def content(database: Database) -> Mapping[str, object]:
    """What is kept, without numbers that depend on the order in which rows were made."""
    names = {
        DEVICES: ("device_id", "status", "is_online", "state_at"),
        RELAYS: ("relay_index", "current_state", "state_since"),
        RELAY_EVENTS: ("message_key", "state"),
        SENSORS: ("key",),
        TELEMETRY: ("message_key", "value"),
        EVENTS: ("message_key", "kind"),
    }
    with database.reading() as connection:
        return {
            table.name: sorted(map(repr, connection.execute(select(*(table.c[name] for name in columns)))))
            for table, columns in names.items()
        }


@settings(max_examples=50)
@given(st.lists(st.one_of(GOOD, STATES, BAD), max_size=30), st.integers(1, 30))
def test_how_rows_are_cut_into_batches_makes_no_difference(rows: list[Row], size: int) -> None:
    with in_memory() as at_once, in_memory() as in_parts:
        rejected = write_batch(at_once, rows).rejected
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        refused = [row for part in parts for row in write_batch(in_parts, part).rejected]
        assert content(at_once) == content(in_parts)
    # By what is shown of them: NaN and the like are not equal to themselves.
    assert list(map(repr, rejected)) == list(map(repr, refused))


@settings(max_examples=50)
@given(st.lists(st.one_of(GOOD, BAD), max_size=30, unique_by=lambda row: getattr(row, "message_key", row)))
def test_every_row_is_written_once_or_rejected(rows: list[Row]) -> None:
    with in_memory() as database:
        first = write_batch(database, rows)
        again = write_batch(database, rows)
    written = sum(count for table, count in first.rows.items() if table != "devices")
    assert written + len(first.rejected) == len(rows)
    assert (again.rows, len(again.rejected)) == ({}, len(first.rejected))
