"""What is wrong with the database and with what waits for it, and for how long that is said."""

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.catalogue import Kind
from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.catalogue.database import database
from otel_tickrmeter.fleets.autocore.database import DatabaseRecorder, look_at
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.fleets.autocore.storage import Storage, StorageTroubles
from otel_tickrmeter.store.keeping import KeeperState
from otel_tickrmeter.stream.message import Message, Watermark
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.registration import make_recorded
from tests.support.autocore import Driver
from tests.support.kept_rows import RowList
from tests.support.store_rows import one_of_each

RUNBOOK = (Path(__file__).parents[2] / "docs" / "runbooks" / "autocore.md").read_text()
START = Storage(up=True, dead_letters=7, messages=100)


@dataclass
class Watched:
    """Troubles of a storage that changes."""

    storage: Storage = START
    troubles: StorageTroubles = field(init=False)

    def __post_init__(self) -> None:
        self.troubles = StorageTroubles(lambda: self.storage)
        self.pass_until(0)

    def become(self, **changed: Any) -> None:  # noqa: ANN401  fields
        self.storage = replace(self.storage, **changed)

    def pass_until(self, second: int) -> None:
        self.troubles.passed(second * SECOND_NS)

    def now(self) -> list[str]:
        found = self.troubles.now()
        for each in found:
            file, _, anchor = each.runbook.partition("#")
            assert file == "autocore.md"
            assert f"## {anchor}\n" in RUNBOOK.lower()
        return [each.text for each in found]


@pytest.mark.parametrize("storage", [Storage(), START, replace(START, spool_share=0.5, waiting=9)])
def test_nothing_is_wrong(storage: Storage) -> None:
    assert Watched(storage).now() == []


def test_a_database_that_takes_nothing() -> None:
    watched = Watched()
    watched.become(up=False, waiting=1234, spool_rows=5)
    assert watched.now() == ["The database takes no rows: 1,234 wait in memory, 5 in the spool"]
    watched.become(up=None)
    assert watched.now() == []


def test_a_spool_that_fills() -> None:
    watched = Watched()
    watched.become(spool_share=0.63)
    assert watched.now() == ["The spool is 63 % full: when it is full, the oldest readings are lost"]


@pytest.mark.parametrize(
    ("lost", "told"),
    [
        ((3, 0, 0), "3 rows in memory"),
        ((0, 2000, 0), "2,000 rows in the spool"),
        ((1, 2, 4), "1 rows in memory, 2 rows in the spool, 4 notices"),
    ],
)
def test_what_was_lost_is_told_for_ten_minutes(lost: tuple[int, int, int], told: str) -> None:
    watched = Watched()
    watched.pass_until(600)
    watched.become(lost=lost)
    assert watched.now() == [f"Lost for want of room within ten minutes: {told}"]
    watched.pass_until(610)
    watched.pass_until(1209)
    assert watched.now() != []
    watched.pass_until(1220)
    assert watched.now() == []


def test_rows_that_were_refused_are_told_for_an_hour() -> None:
    watched = Watched()
    watched.pass_until(60)
    watched.become(refused=3)
    wanted = ["The database refused 3 rows within an hour, which are dead letters now"]
    assert watched.now() == wanted
    for second in range(61, 3661, 60):
        watched.pass_until(second)
        assert watched.now() == wanted
    watched.pass_until(3730)
    assert watched.now() == []


def test_many_messages_that_cannot_be_read() -> None:
    watched = Watched()
    watched.become(messages=1100, faulty=50)
    assert watched.now() == []
    watched.become(faulty=51)
    said = "51 of the 1,000 messages of ten minutes have something that cannot be read"
    assert watched.now() == [f"{said}; 7 dead letters are kept"]
    watched.become(dead_letters=None)
    assert watched.now() == [said]


def test_it_is_looked_at_a_few_times_a_minute_though_time_passes_ten_times_a_second() -> None:
    looks: list[int] = []

    def look() -> Storage:
        looks.append(1)
        return START

    troubles = StorageTroubles(look)
    for tenth in range(601):
        troubles.passed(tenth * SECOND_NS // 10)
    assert len(looks) == 7


def recorder() -> DatabaseRecorder:
    wanted = [row for row in database() if row.kind in (Kind.COUNTER, Kind.HISTOGRAM)]
    return DatabaseRecorder(make_recorded(CompactMeter(database()), wanted))


def figures() -> MessageRecorder:
    rows = messages("autocore", tuple(MessageType), tuple(Reason))
    return MessageRecorder(make_recorded(CompactMeter(rows), rows), "autocore", MessageType)


class Notices:
    """A notifier that let four go."""

    dropped, waiting, capacity = 4, 0, 0

    def put(self, _: object) -> None:
        raise NotImplementedError

    tell = put


def test_the_figures_are_those_of_the_keeper_and_of_who_counts() -> None:
    state = KeeperState(
        10, 1000, up=False, dead_letters=8, waiting=3, spool_bytes=250, spool_rows=2, write_dropped=5
    )
    state.spool_dropped = 6
    refusing, books = recorder(), Bookkeeper(RowList(), lambda _: None)
    (letter,) = (row for row in one_of_each() if type(row).__name__ == "DeadLetter")
    refusing.set_aside(letter)  # type: ignore[arg-type]
    counted = figures()
    counted.message(MessageType.STATUS, 1)
    for reason in (ErrorReason.BAD_JSON, ErrorReason.RETAINED):
        books.letter(Message(b"t", b"p", 0), [reason], 0)
    assert look_at(state, refusing, counted, books, Notices()) == Storage(
        up=False,
        waiting=3,
        spool_rows=2,
        spool_share=0.25,
        dead_letters=8,
        messages=1,
        faulty=1,
        refused=1,
        lost=(5, 6, 4),
    )
    assert look_at(state, refusing, counted, None, None).lost == (5, 6, 0)


def test_without_a_database_notices_may_be_lost() -> None:
    assert look_at(None, recorder(), figures(), None, Notices()) == Storage(lost=(0, 0, 4))


def test_the_fleet_shows_them_and_lets_their_time_pass() -> None:
    shown = [START]
    driver = Driver(storage=lambda: shown[-1])
    driver.notice(Watermark(SECOND_NS, 0, SECOND_NS))
    shown.append(replace(START, up=False, lost=(0, 1, 0)))
    assert [each.runbook for each in driver.intake.glance().troubles] == [
        "autocore.md#autocoredatabasedown",
        "autocore.md#autocorerowslost",
    ]
    driver.notice(Watermark(602 * SECOND_NS, 0, 602 * SECOND_NS))
    driver.notice(Watermark(1203 * SECOND_NS, 0, 1203 * SECOND_NS))
    assert [each.runbook for each in driver.intake.glance().troubles] == ["autocore.md#autocoredatabasedown"]
