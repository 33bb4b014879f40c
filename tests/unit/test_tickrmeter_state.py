"""Rules 2 and 8 of docs/messages.md: who is admitted, what is remembered of it, and who is online."""

import pytest

from otel_tickrmeter.fleets.tickrmeter.device import Device
from otel_tickrmeter.fleets.tickrmeter.event import (
    DeviceBoot,
    DeviceBooted,
    Event,
    HttpStream,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.fleets.tickrmeter.heartbeat import PLACES
from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.pairs import Account
from tests.support.driver import Driver, heartbeat

READINGS = {
    "firmware_version": "62p",
    "inner_version": "3",
    "flash_id": "f1",
    "battery": 78.0,
    "charging": False,
    "vin": 4.9,
    "uptime": 12.0,
    "wifi_lost": 2.0,
    "boot_count": 5.0,
}

OWN_MESSAGES: list[Event] = [
    StockRequest("A", "X"),
    heartbeat("A"),
    DeviceBoot("A"),
    DeviceBooted("A"),
    HttpStream("A"),
]


def reported(device: Device) -> dict[str, object]:
    found = {"firmware_version": device.firmware_version, **{name: device.reading(name) for name in PLACES}}
    return {name: value for name, value in found.items() if value not in (None, UNKNOWN)}


def names(event: Event) -> str:
    return type(event).__name__


class TestAdmission:
    @pytest.mark.parametrize("event", OWN_MESSAGES, ids=names)
    def test_rule_8_a_device_is_admitted_by_any_message_of_its_own(self, event: Event) -> None:
        driver = Driver()
        driver.apply(7, event)
        assert driver.fleet.devices["A"].seen_ns == 7
        assert driver.fleet.applied == 1

    def test_rule_8_an_answer_admits_nobody(self) -> None:
        driver = Driver()
        assert driver.apply(7, StockResponse("A", "X")) == [("unmatched", "unsolicited")]
        assert not driver.fleet.devices
        assert not driver.fleet.symbols
        assert driver.fleet.applied == 1

    def test_an_answer_is_no_sign_of_life(self) -> None:
        driver = Driver()
        driver.request(1)
        driver.answer(9)
        assert driver.fleet.devices["A"].seen_ns == 1

    @pytest.mark.parametrize("event", OWN_MESSAGES, ids=names)
    def test_rule_8_beyond_max_devices_the_known_ones_keep_working(self, event: Event) -> None:
        driver = Driver(max_devices=1)
        driver.request(1, "Z")
        driver.ledger.take()
        assert driver.apply(2, event) == [("rejected", "device", "max_devices")]
        assert set(driver.fleet.devices) == {"Z"}
        assert set(driver.fleet.symbols) == {"X"}
        assert driver.answer(3, "Z") == [("answered", "Z", "X", 2)]
        assert driver.request(4, "Z", "Y") == [("requested", "Z", "Y")]

    def test_rule_8_beyond_max_symbols_the_known_ones_keep_working(self) -> None:
        driver = Driver(max_symbols=1)
        driver.request(1, "A", "X")
        assert driver.request(2, "A", "Y") == [("rejected", "symbol", "max_symbols")]
        assert set(driver.fleet.symbols) == {"X"}
        assert set(driver.fleet.devices["A"].pairs) == {"X"}
        assert driver.request(3, "B", "X") == [("requested", "B", "X")]
        assert driver.answer(4, "A", "X") == [("answered", "A", "X", 3)]

    def test_rule_8_beyond_max_pairs_the_known_ones_keep_working(self) -> None:
        driver = Driver(max_pairs=2)
        driver.request(1, "A", "X")
        driver.request(1, "A", "Y")
        driver.ledger.take()
        assert driver.request(2, "A", "Z") == [("rejected", "device", "max_pairs")]
        assert driver.request(2, "B", "X") == [("rejected", "device", "max_pairs")]
        assert set(driver.fleet.symbols) == {"X", "Y"}
        assert driver.fleet.symbols["X"].requests == 1
        assert driver.answer(3, "A", "X") == [("answered", "A", "X", 2)]
        assert driver.request(4, "A", "X") == [("requested", "A", "X")]

    def test_a_place_that_was_left_is_given_again(self) -> None:
        driver = Driver(max_devices=1, max_pairs=1, max_symbols=1, symbol_retention_ns=300)
        driver.request(1, "A", "X")
        driver.advance(62)
        driver.advance(400)
        driver.ledger.take()
        assert driver.request(401, "B", "Y") == [("requested", "B", "Y")]

    def test_the_views_of_the_state_cannot_change_it(self) -> None:
        driver = Driver()
        driver.request(1)
        with pytest.raises(TypeError):
            driver.fleet.devices["B"] = driver.fleet.devices["A"]  # type: ignore[index]
        with pytest.raises(TypeError):
            driver.fleet.symbols["Y"] = driver.fleet.symbols["X"]  # type: ignore[index]


class TestReadings:
    def test_a_new_device_has_no_readings(self) -> None:
        driver = Driver()
        driver.heartbeat(1)
        device = driver.fleet.devices["A"]
        assert device.firmware_version == UNKNOWN
        assert {device.reading(name) for name in PLACES} == {None}
        assert device.boots is None
        assert dict(device.battery_attributes.items()) == {"device_id": "A", "firmware_version": UNKNOWN}

    @pytest.mark.parametrize(("name", "value"), READINGS.items())
    def test_a_heartbeat_fills_what_it_carries_and_leaves_the_rest(self, name: str, value: object) -> None:
        driver = Driver()
        driver.heartbeat(1, "A", **{name: value})
        device = driver.fleet.devices["A"]
        assert reported(device)[name] == value
        driver.heartbeat(2)
        assert reported(device)[name] == value
        assert reported(device).keys() == {name}

    def test_the_series_of_the_battery_follows_the_firmware(self) -> None:
        driver = Driver()
        driver.heartbeat(1, firmware_version="62p", battery=5.0)
        before = driver.fleet.devices["A"].battery_attributes
        driver.heartbeat(2, firmware_version="62p")
        assert driver.fleet.devices["A"].battery_attributes is before
        driver.heartbeat(3, firmware_version="63")
        after = driver.fleet.devices["A"].battery_attributes
        assert dict(after.items()) == {"device_id": "A", "firmware_version": "63"}

    def test_rule_2_a_description_fills_readings_and_is_no_sign_of_life(self) -> None:
        driver = Driver()
        driver.heartbeat(1, online=False)
        driver.fleet.describe(heartbeat("A", online=True, **READINGS))
        device = driver.fleet.devices["A"]
        assert reported(device) == READINGS
        assert device.seen_ns == 1
        assert driver.online() == set()
        assert driver.fleet.applied == 1

    def test_rule_2_a_description_admits_nobody(self) -> None:
        driver = Driver()
        driver.fleet.describe(heartbeat("A", online=True, **READINGS))
        assert not driver.fleet.devices
        assert driver.ledger.take() == []


class TestOnline:
    @pytest.mark.parametrize(("age_ns", "online"), [(300, {"A"}), (301, set())])
    def test_a_device_is_online_for_the_device_timeout(self, age_ns: int, online: set[str]) -> None:
        driver = Driver(cleanup_interval_ns=10_000)
        driver.stream(5)
        driver.advance(5 + age_ns)
        assert driver.online() == online

    def test_an_offline_heartbeat_leaves_the_online_count_at_once(self) -> None:
        driver = Driver()
        driver.heartbeat(1, online=True)
        driver.heartbeat(1, "B", online=True)
        assert driver.online() == {"A", "B"}
        driver.heartbeat(2, online=False)
        assert driver.online() == {"B"}
        assert set(driver.fleet.devices) == {"A", "B"}

    @pytest.mark.parametrize(
        "event",
        [*OWN_MESSAGES, heartbeat("A", online=True), heartbeat("A", battery=5.0)],
        ids=names,
    )
    def test_any_other_own_message_brings_it_back(self, event: Event) -> None:
        driver = Driver()
        driver.heartbeat(1, online=False)
        driver.apply(2, event)
        assert driver.online() == {"A"}

    def test_an_answer_to_it_does_not_bring_it_back(self) -> None:
        driver = Driver()
        driver.heartbeat(1, online=False)
        driver.answer(2)
        assert driver.online() == set()


def test_devices_that_others_keep_leave_and_what_is_open_of_theirs_is_abandoned() -> None:
    driver = Driver()
    driver.request(1, "A")
    driver.request(2, "B")
    driver.fleet.release(lambda device_id: device_id == "A")
    assert [entry for entry in driver.ledger.take() if entry[0] in ("abandoned", "ended")] == [
        ("abandoned", "A", "X"),
        ("ended", "device", "A"),
    ]
    assert driver.fleet.devices.keys() == {"B"}
    assert driver.answer(3, "B") == [("answered", "B", "X", 1)]
    assert driver.fleet.account == Account(requested=2, answered=1, abandoned=1)
