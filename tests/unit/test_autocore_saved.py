"""An AutoCore fleet's state, handed out and taken back (docs/autocore.md); and what is no state at all."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import pytest

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.memory import FleetMemory, FleetRecall
from otel_tickrmeter.fleets.autocore.reason import Trigger, Word
from otel_tickrmeter.fleets.autocore.saved import FORMS
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.saved.form import SavedError, Tables, from_rows, to_rows
from otel_tickrmeter.stream.message import Connected
from tests.support.autocore import NS, UNIX, Driver, changes, named, ns, stamp

Rows = dict[str, list[tuple[Any, ...]]]
Owned = list[tuple[Mapping[str, str], Device | None]]


def rows(driver: Driver) -> Rows:
    """What would be written."""
    tables = driver.intake.memory().kept()
    return {form.name: list(to_rows(form, tables[form.name])) for form in FORMS}


def tables(written: Rows) -> Tables:
    return {form.name: from_rows(form, written[form.name]) for form in FORMS}


def recall(
    driver: Driver, written: Rows, at: float, *, shift: float = 0, counted: bool = True
) -> FleetRecall:
    return driver.intake.memory().read(tables(written), ns(shift), ns(at), counted=counted)


def restarted(
    driver: Driver, at: float, *, shift: float = 0, counted: bool = True, **bounds: object
) -> Driver:
    """Another one that has taken back what was saved now, and listens from then on."""
    new = Driver(**bounds)  # type: ignore[arg-type]
    recall(new, rows(driver), at, shift=shift, counted=counted).take_over()
    assert new.ledger.take() == [("recalled", each) for each in driver.fleet.devices]
    return new


def met() -> Driver:
    """A board that has told of everything."""
    driver = Driver()
    driver.online(1, ip_address="10.0.0.7", firmware_version="1.5", uptime=60, timestamp=stamp(0.5))
    driver.telemetry(2, temperature=20, odometer=7, timestamp=stamp(2))
    driver.relay(3, 3, state=False)
    driver.relay(4, 3, state=True, triggered_by="web")
    driver.snapshot(4, c1=True)
    return driver


class TestWhatIsKnown:
    def test_a_device_is_as_it_was(self) -> None:
        old, new = met().device(), restarted(met(), 100).device()
        for name in Device.__slots__:
            if name not in {"attributes", "info_attributes", "relays", "sensors", "orders"}:
                assert getattr(new, name) == getattr(old, name), name
        assert new.info() | {} == old.info() | {}
        assert (new.word, new.uptime, new.ip_address, new.clock_trusted) == (
            Word.ONLINE,
            60,
            "10.0.0.7",
            True,
        )

    def test_its_relays_are(self) -> None:
        relays = restarted(met(), 100).device().relays
        assert {number: relay.state for number, relay in relays.items()} == {3: True, 0: True}
        assert (relays[3].since_ns, relays[3].trigger) == (UNIX * NS + 4 * NS, Trigger.WEB)
        assert (relays[0].since_ns, relays[0].trigger) == (None, None)

    def test_its_sensors_are(self) -> None:
        sensors = restarted(met(), 100).device().sensors
        assert [(key, each.value, each.watched) for key, each in sensors.items()] == [
            ("temperature", 20, True),
            ("odometer", 7, False),
        ]

    def test_what_is_filled_in_stays_marked(self) -> None:
        driver = met()
        driver.publish(5, "autocore/A/relay/7/status", {"state": True}, retain=True)
        relay = restarted(driver, 9).device().relays[7]
        assert (relay.state, relay.retained) == (True, True)

    def test_an_hour_of_readings_is_not_learned_anew(self) -> None:
        driver = Driver()
        for second in range(100):
            driver.telemetry(second, temperature=20 + second % 3)
        for each in (driver, restarted(driver, 100)):
            assert named(each.telemetry(101, temperature=90), "anomaly") == [("A", "temperature", "outlier")]
        new = restarted(driver, 100).device().sensors["temperature"]
        old = driver.device().sensors["temperature"]
        assert new.averages["1h"].value == pytest.approx(old.averages["1h"].value, rel=0.05)

    def test_a_sensor_that_is_judged_now_and_was_not_begins_and_the_other_way_round(self) -> None:
        written = rows(met())
        new = Driver(expected={"odometer": Expectation(most=5)})
        recall(new, written, 9).take_over()
        sensors = new.device().sensors
        assert sensors["odometer"].averages["5m"].value is None
        written["autocore_sensor"] = [
            (row[0], "a_count" if row[1] == "temperature" else row[1], *row[2:])
            for row in written["autocore_sensor"]
        ]
        new = Driver()
        recall(new, written, 9).take_over()
        assert new.device().sensors["a_count"].kept() == ()

    def test_an_average_that_is_no_more_is_left_out(self) -> None:
        written = rows(met())
        cell("fleet", 0, "windows", '["2m","1h"]')(written)
        new = Driver()
        recall(new, written, 9).take_over()
        averages = new.device().sensors["temperature"].averages
        assert {name: average.value for name, average in averages.items()} == {"5m": None, "1h": 20}

    def test_a_clock_that_is_off_by_all_there_is(self) -> None:
        driver = Driver()
        driver.online(1, timestamp="9999-12-31T00:00:00Z")
        assert (driver.device().clock_offset_ns or 0) > 2**63
        assert restarted(driver, 2).device().clock_offset_ns == 2**63 - 1

    def test_a_topic_of_any_bytes_has_its_order(self) -> None:
        driver = Driver()
        topic, payload = b"autocore/A/system/\xff\xc3\xa9", {"timestamp": stamp(1)}
        driver.publish(1, topic, payload)
        assert list(driver.device().orders) == [topic]
        assert driver.publish(2, topic, payload) == restarted(driver, 2).publish(2, topic, payload)


class TestTheOrderOnATopic:
    def test_rule_12_what_comes_again_is_known_as_such(self) -> None:
        payload = {"state": True, "triggered_by": "web", "timestamp": stamp(5)}
        driver = met()
        driver.publish(5, "autocore/A/relay/3/status", payload)
        assert restarted(driver, 6).publish(7, "autocore/A/relay/3/status", payload) == [
            ("set_aside", "relay_status", "duplicate")
        ]

    def test_what_is_late_is_late(self) -> None:
        told = restarted(met(), 6).telemetry(7, temperature=9, timestamp=stamp(-1))
        assert told[0] == ("set_aside", "telemetry", "late")

    def test_late_ones_in_a_row_are_counted_on(self) -> None:
        driver = met()
        for number in (10, 11):
            driver.telemetry(number, temperature=number, timestamp=stamp(number - 100))
        new = restarted(driver, 12)
        told = new.telemetry(12, temperature=12, timestamp=stamp(12 - 100))
        assert named(told, "reading") == [("A", "temperature", 12)]

    def test_a_burst_is_one_in_the_same_second(self) -> None:
        driver = Driver()
        touch = "autocore/A/display/interaction", {"action": "press"}
        for _ in range(100):
            driver.publish(3, *touch)
        for shift in (0, -3600):
            told = restarted(driver, 3 + shift, shift=shift).publish(3 + shift, *touch)
            assert told[0] == ("set_aside", "interaction", "burst")

    def test_one_reading_of_a_sensor_and_second_is_stored_around_a_restart_too(self) -> None:
        driver = Driver()
        for _ in range(101):
            driver.telemetry(3, temperature=1)
        assert restarted(driver, 3).telemetry(3, temperature=1) == [
            ("reading", "A", "temperature", 1, "not kept"),
            ("set_aside", "telemetry", "burst"),
        ]


class TestWhoIsThere:
    def test_rule_12_time_that_we_were_down_is_no_silence(self) -> None:
        new = restarted(met(), 10_000)
        assert new.quiet(10_000 + 300) == []
        assert named(new.quiet(10_000 + 301), "offline") == [("A", "silence")]

    def test_who_was_gone_stays_so_and_is_forgotten_in_the_end(self) -> None:
        driver = met()
        driver.publish(5, "autocore/A/status", {"status": "offline"})
        new = restarted(driver, 100)
        assert not new.device().online
        assert new.quiet(100 + 3600) == []
        assert new.quiet(100 + 3602) == [("forgotten", "A")]

    @pytest.mark.parametrize("shift", [-20_000, 0, 20_000])
    def test_another_clock_changes_no_age(self, shift: int) -> None:
        new = restarted(met(), 100 + shift, shift=shift)
        assert named(new.quiet(100 + shift + 300), "offline") == []
        assert named(new.quiet(100 + shift + 301), "offline") == [("A", "silence")]

    def test_bounds_throw_nobody_out_and_let_nobody_else_in(self) -> None:
        driver = met()
        driver.telemetry(5, "B", temperature=1)
        new = restarted(driver, 6, max_devices=1, max_sensors=1)
        assert set(new.fleet.devices) == {"A", "B"}
        assert new.telemetry(7, "C", temperature=1) == [("set_aside", "telemetry", "max_devices")]
        assert ("set_aside", "telemetry", "overflow") in new.telemetry(7, pressure=1)

    def test_when_room_was_looked_for_is_known(self) -> None:
        driver = Driver(max_devices=1)
        driver.publish(5, "autocore/A/status", {"status": "online"})
        driver.telemetry(6, "B", temperature=1)
        new = restarted(driver, 6.2, max_devices=1)
        new.publish(6.3, "autocore/A/status", {"status": "offline"})
        assert named(new.telemetry(6.9, "B", temperature=1), "registered") == []
        assert named(new.telemetry(7, "B", temperature=1), "registered") == [("B",)]


class TestAChangeWithoutACause:
    def waiting(self) -> Driver:
        driver = met()
        assert changes(driver.snapshot(5, c1=False)) == []
        return driver

    def test_rule_12_it_is_explained_by_what_comes_after_the_restart(self) -> None:
        new = restarted(self.waiting(), 60)
        new.notice(Connected(ns(61), session_present=True, protocol="5"))
        assert changes(new.quiet(62.9)) == []
        cause = {"event": "relay_change", "channel": 1, "state": False, "trigger": "button"}
        told = new.publish(62.9, "autocore/devices/A/telemetry", cause)
        assert changes(told) == [(0, False, Trigger.BUTTON)]
        assert new.quiet(70) == []

    def test_without_that_it_is_told_once(self) -> None:
        new = restarted(self.waiting(), 60)
        assert changes(new.quiet(62)) == [(0, False, None)]
        assert restarted(new, 63).quiet(70) == []

    def test_after_a_crash_it_has_been_told_most_likely(self) -> None:
        new = restarted(self.waiting(), 60, counted=False)
        assert new.device().relays[0].state is False
        assert new.quiet(70) == []


class Rules:
    """Implements `KeptRules`."""

    def __init__(self, stopped_until_ns: int = 0) -> None:
        self.stopped_until_ns = stopped_until_ns
        self.owned: list[str] = []

    def own(self, rules: Iterable[str]) -> None:
        self.owned.extend(rules)

    def stay_stopped(self, until_ns: int) -> None:
        self.stopped_until_ns = until_ns


class TestStop:
    def asked(self, rules: Rules | None) -> FleetMemory:
        return FleetMemory(Driver().fleet, lambda *_: None, rules)

    def test_it_lasts_as_long_as_it_would_have(self) -> None:
        written = self.asked(Rules(ns(70))).kept()
        rules = Rules()
        self.asked(rules).read(written, ns(5), ns(9), counted=True).take_over()
        assert rules.stopped_until_ns == ns(75)

    def test_what_was_saved_without_it_stops_nothing(self) -> None:
        written = {name: table for name, table in self.asked(None).kept().items() if name != "autocore_rules"}
        rules = Rules(ns(70))
        self.asked(rules).read(written, ns(5), ns(9), counted=True).take_over()
        assert rules.stopped_until_ns <= ns(9)


class TestSeries:
    def asked(self, *, rules: bool) -> tuple[FleetRecall, Owned, list[str]]:
        owned: Owned = []
        told = Rules()
        memory = FleetMemory(Driver().fleet, lambda *each: owned.append(each), told if rules else None)
        return memory.read(tables(rows(met())), 0, ns(9), counted=True), owned, told.owned

    def test_those_with_an_owner_are_its_own(self) -> None:
        found, owned, told = self.asked(rules=True)
        relay = {"device_id": "A", "relay": "3", "triggered_by": "web"}
        unusual = {"sensor": "voltage", "kind": "outlier"}
        for known in (
            *({}, {"message_type": "status"}, {"device_id": "A"}, relay, unusual),
            {"rule": "pump", "outcome": "done"},
        ):
            assert found.knows(known)
        assert (owned, told) == ([], [])
        found.take_over()
        assert [(attributes, device and device.id) for attributes, device in owned] == [
            (relay, "A"),
            (unusual, None),
        ]
        assert told == ["pump"]

    def test_those_without_are_not_taken_back(self) -> None:
        found, owned, _ = self.asked(rules=False)
        for unknown in ({"device_id": "B"}, {"device_id": "B", "action": "press"}, {"rule": "pump"}):
            assert not found.knows(unknown)
        found.take_over()
        assert owned == []


def cell(table: str, row: int, column: str, value: object) -> Callable[[Rows], None]:
    """Put something else into one cell."""
    (form,) = (form for form in FORMS if form.name == f"autocore_{table}")

    def spoil(written: Rows) -> None:
        cells = list(written[form.name][row])
        cells[list(form.columns).index(column)] = value
        written[form.name][row] = tuple(cells)

    return spoil


def again(table: str) -> Callable[[Rows], None]:
    def spoil(written: Rows) -> None:
        written[f"autocore_{table}"] *= 2

    return spoil


def without(table: str) -> Callable[[Rows], None]:
    def spoil(written: Rows) -> None:
        written[f"autocore_{table}"] = []

    return spoil


WATCH = "1,20.0,{variance},{start},{far_off},{side},false,false,false,false,null,0,0]"


def judged(
    start: str = "null", far_off: str = "[]", side: int = 0, variance: float = 0.0
) -> Callable[[Rows], None]:
    watch = WATCH.format(start=start, far_off=far_off, side=side, variance=variance)
    return cell("sensor", 0, "judged", f"[null,false,1,20.0,1,20.0,{watch}")


BROKEN: dict[str, Callable[[Rows], None]] = {
    **{
        f"two of {table}": again(table)
        for table in ("fleet", "device", "relay", "sensor", "order", "content")
    },
    "one change twice": again("change"),
    **{f"no {table}": without(table) for table in ("fleet", "device", "relay", "order")},
    "a word that is none": cell("device", 0, "word", "asleep"),
    "a cause that is none": cell("relay", 0, "trigger", "magic"),
    "a relay of nobody": cell("relay", 0, "device", "B"),
    "a sensor of nobody": cell("sensor", 0, "device", "B"),
    "an order of nobody": cell("order", 0, "device", "B"),
    "a topic that is no bytes": cell("order", 0, "topic", "\u2014"),
    "a content of no order": cell("content", 0, "order", 99),
    "a content of an order before the first": cell("content", 0, "order", -1),
    "capabilities that are no JSON": cell("device", 0, "capabilities", "x"),
    "a change of nobody": cell("change", 0, "device", "B"),
    "a change of no relay": cell("change", 0, "relay", 9),
    "a change to what is not": cell("change", 0, "state", 1),
    "nothing judged": cell("sensor", 0, "judged", "[]"),
    "a judgement that is a text": cell("sensor", 0, "judged", '"x"'),
    "an average that is a text": cell("sensor", 0, "judged", '[null,false,1,"x",1,20.0]'),
    "windows that are none": cell("fleet", 0, "windows", "7"),
    "a window that is a list": cell("fleet", 0, "windows", "[[]]"),
    "a spread below nothing": judged(variance=-1.0),
    "more readings than begin": judged(start=str([1.0] * 32)),
    "more that are far off": judged(far_off=str([1.0] * 32)),
    "a reading that is none": judged(far_off="[1e200]"),
    "a side that is none": judged(side=2),
}


@pytest.mark.parametrize("what", BROKEN)
def test_what_was_never_a_state_is_not_taken_back(what: str) -> None:
    driver = met()
    driver.snapshot(5, c1=False)
    written = rows(driver)
    judged()(written)
    recall(Driver(), written, 9)
    BROKEN[what](written)
    new = Driver()
    with pytest.raises(SavedError):
        recall(new, written, 9)
    assert not new.fleet.devices


def test_a_missing_table_is_noticed() -> None:
    found = dict(tables(rows(met())))
    del found["autocore_content"]
    with pytest.raises(SavedError):
        Driver().intake.memory().read(found, 0, 5, counted=True)
