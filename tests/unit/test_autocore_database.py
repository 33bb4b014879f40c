"""What is exposed of the database and of what waits for it."""

from datetime import UTC, datetime

import pytest

from otel_tickrmeter.catalogue import Kind
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.catalogue.database import (
    ERROR_KINDS,
    KEPT_FOR_A_TIME,
    LETTER_REASONS,
    ROW,
    TABLES,
    database,
)
from otel_tickrmeter.fleets.autocore.database import DatabaseObserver, DatabaseRecorder
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.notify.channels import LogChannel
from otel_tickrmeter.notify.dispatcher import CAPACITY, Dispatcher
from otel_tickrmeter.notify.notice import Notice, NoticeKind, NoticeSeverity
from otel_tickrmeter.notify.policy import Policy
from otel_tickrmeter.store.failures import DatabaseErrorKind
from otel_tickrmeter.store.keeping import KeeperState, Known
from otel_tickrmeter.store.tables import METADATA
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import HistogramFamily
from otel_tickrmeter.telemetry.registration import make_recorded
from otel_tickrmeter.telemetry.render import render_metadata
from tests.support.autocore_instruments import Instruments
from tests.support.kept_rows import RowList
from tests.support.store_rows import one_of_each

AT = datetime(2026, 1, 28, tzinfo=UTC)
SPOOLED_AT = 1_769_596_200.0


def recorder() -> tuple[CompactMeter, DatabaseRecorder]:
    meter = CompactMeter(database())
    recorded = [row for row in database() if row.kind in (Kind.COUNTER, Kind.HISTOGRAM)]
    return meter, DatabaseRecorder(make_recorded(meter, recorded))


def counts(meter: CompactMeter, exposed: str, label: str) -> dict[str, float]:
    for family in meter.collect():
        if family.instrument.exposed == exposed and not isinstance(family, HistogramFamily):
            return {
                str((attributes or {})[label]): value
                for attributes, present, value in zip(
                    family.attributes, family.present, family.values, strict=False
                )
                if present
            }
    return {}


def test_the_labels_are_the_store_s_own() -> None:
    assert set(ERROR_KINDS) == {*DatabaseErrorKind}
    assert {*TABLES} < METADATA.tables.keys()
    assert {*KEPT_FOR_A_TIME} < METADATA.tables.keys()


def test_what_is_counted_starts_at_zero_and_follows() -> None:
    meter, figures = recorder()
    figures.start_at_zero()
    assert counts(meter, "autocore_database_rows_written_total", "table") == dict.fromkeys(TABLES, 0)
    figures.written({"telemetry": 12, "devices": 1}, 0.02)
    figures.written({"telemetry": 3}, 0.02)
    figures.failed(DatabaseErrorKind.LOCKED)
    figures.deleted("telemetry", 1000)
    gone = counts(meter, "autocore_retention_rows_deleted_total", "table")
    assert gone == {**dict.fromkeys(KEPT_FOR_A_TIME, 0), "telemetry": 1000}
    rows = counts(meter, "autocore_database_rows_written_total", "table")
    assert (rows["telemetry"], rows["devices"], rows["events"]) == (15, 1, 0)
    failed = counts(meter, "autocore_database_errors_total", "kind")
    assert failed == {**dict.fromkeys(ERROR_KINDS, 0), "locked": 1}
    assert counts(meter, "autocore_dead_letters_total", "reason") == dict.fromkeys(LETTER_REASONS, 0)


def test_a_batch_counts_for_each_of_its_tables() -> None:
    meter, figures = recorder()
    figures.written({"telemetry": 12, "devices": 1}, 0.02)
    figures.written({"telemetry": 3}, 0.5)
    (family,) = [each for each in meter.collect() if isinstance(each, HistogramFamily)]
    found = {labels: family.sums[slot] for slot, labels in enumerate(family.labels) if labels}
    assert found == {'table="telemetry"': 0.52, 'table="devices"': 0.02}


def test_letters_are_counted_once_for_each_reason() -> None:
    meter, figures = recorder()
    figures.letter([ErrorReason.BAD_JSON, ErrorReason.BAD_JSON, Reason.BAD_ID])
    (letter,) = [row for row in one_of_each() if type(row).__name__ == "DeadLetter"]
    figures.set_aside(letter)  # type: ignore[arg-type]
    assert counts(meter, "autocore_dead_letters_total", "reason") == {"bad_json": 1, "bad_id": 1, ROW: 1}
    assert {"bad_json", "bad_id", ROW} <= {*LETTER_REASONS}


def test_nothing_is_exposed_of_a_database_that_is_off() -> None:
    observer = DatabaseObserver(None, LinkState(0), 10)
    assert [list(observe()) for observe in observer.callbacks().values()] == [[]] * 9


def test_what_is_not_known_has_no_series() -> None:
    shown = Instruments().samples()
    names = {name for name, _ in shown if name.startswith("autocore_database") or "dead_letters" in name}
    assert names == set()
    assert not any(name == "autocore_spool_oldest_timestamp_seconds" for name, _ in shown)


def test_queues() -> None:
    fleet = Instruments()
    fleet.link.queue_size, fleet.link.dropped = 7, 3
    state = fleet.keeper
    state.up, state.size_bytes, state.connections, state.dead_letters = True, 4096, {"used": 1, "idle": 4}, 2
    state.waiting, state.spool_bytes, state.spool_oldest = 5, 600, SPOOLED_AT
    state.write_dropped, state.spool_dropped = 8, 9
    shown = {
        (name.removeprefix("autocore_"), dict(labels).get("queue", dict(labels).get("state", ""))): value
        for (name, labels), value in fleet.samples().items()
    }
    wanted = {
        ("database_up", ""): 1,
        ("database_size_bytes", ""): 4096,
        ("database_connections", "used"): 1,
        ("database_connections", "idle"): 4,
        ("queue_size", "receive"): 7,
        ("queue_size", "write"): 5,
        ("queue_size", "spool"): 600,
        ("queue_capacity", "receive"): 100,
        ("queue_capacity", "write"): 10,
        ("queue_capacity", "spool"): 1000,
        ("queue_dropped_total", "receive"): 3,
        ("queue_dropped_total", "write"): 8,
        ("queue_dropped_total", "spool"): 9,
        ("spool_size_bytes", ""): 600,
        ("spool_oldest_timestamp_seconds", ""): SPOOLED_AT,
        ("dead_letters", ""): 2,
    }
    assert {key: shown[key] for key in wanted} == wanted


def test_a_database_that_takes_nothing_shows_so() -> None:
    fleet = Instruments()
    fleet.keeper.up = False
    assert fleet.value("database_up") == 0


def test_in_openmetrics_no_two_families_have_one_name() -> None:
    names = [
        line.split()[2]
        for row in database()
        for line in render_metadata(row, "openmetrics").splitlines()
        if line.startswith("# TYPE")
    ]
    assert len(set(names)) == len(names)
    (row,) = [row for row in database() if row.untyped]
    assert "# TYPE autocore_dead_letters_total unknown\n" in render_metadata(row, "openmetrics")
    assert "# TYPE autocore_dead_letters_total counter\n" in render_metadata(row, "text")


def test_rows_are_given_away_as_the_protocol_has_it() -> None:
    kept = RowList()
    assert kept.state == KeeperState(capacity=10, spool_capacity=1000)
    with pytest.raises(NotImplementedError):
        kept.tell(recorder()[1])


def test_notices_that_wait_are_a_queue_too() -> None:
    dispatcher = Dispatcher([LogChannel()], Policy(0, 10))
    dispatcher.put(Notice(NoticeKind.ONLINE, NoticeSeverity.INFO, "A is online.", AT))
    callbacks = DatabaseObserver(None, LinkState(0), 10, dispatcher).callbacks()
    shown = {
        name: [(each.value, dict(each.attributes or {})) for each in callbacks[name]()]
        for name in (names.QUEUE_SIZE, names.QUEUE_CAPACITY, names.QUEUE_DROPPED)
    }
    queue = {"queue": "notify"}
    assert shown == {
        names.QUEUE_SIZE: [(1, queue)],
        names.QUEUE_CAPACITY: [(CAPACITY, queue)],
        names.QUEUE_DROPPED: [(0, queue)],
    }


def test_without_a_channel_nothing_could_wait() -> None:
    callbacks = DatabaseObserver(None, LinkState(0), 10, Dispatcher([], Policy(0, 10))).callbacks()
    assert [list(callbacks[name]()) for name in (names.QUEUE_SIZE, names.QUEUE_CAPACITY)] == [[], []]


def test_what_operators_have_written_is_passed_on() -> None:
    told: list[Known] = []
    meter = CompactMeter(database())
    recorded = [row for row in database() if row.kind in (Kind.COUNTER, Kind.HISTOGRAM)]
    figures = DatabaseRecorder(make_recorded(meter, recorded), told.append)
    known = Known(frozenset({"A"}), frozenset({("A", 3)}))
    figures.known(known)
    assert told == [known]
