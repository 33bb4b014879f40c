"""Rules 2, 8 and 9: who is admitted, what is remembered of it, and how it leaves again."""

from itertools import pairwise

import pytest

from otel_tickrmeter.core.device import UNKNOWN
from otel_tickrmeter.core.event import (
    DeviceBoot,
    DeviceBooted,
    Event,
    HttpStream,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.core.fleet import MAX_FIRMWARES, OVERFLOW_FIRMWARE, PRUNE_BELOW_REQUESTS
from tests.driver import Driver, heartbeat

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
        assert (device.firmware_version, device.inner_version, device.flash_id) == (UNKNOWN,) * 3
        assert {getattr(device, name) for name in list(READINGS)[3:]} == {None}
        assert device.boots is None
        assert device.battery_attributes == device.battery_attributes
        assert dict(device.battery_attributes.items()) == {"device_id": "A", "firmware_version": UNKNOWN}

    @pytest.mark.parametrize(("name", "value"), READINGS.items())
    def test_a_heartbeat_fills_what_it_carries_and_leaves_the_rest(self, name: str, value: object) -> None:
        driver = Driver()
        driver.heartbeat(1, **{name: value})
        device = driver.fleet.devices["A"]
        assert getattr(device, name) == value
        driver.heartbeat(2)
        assert getattr(device, name) == value
        others = {other: getattr(device, other) for other in READINGS if other != name}
        assert set(others.values()) <= {None, UNKNOWN}

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
        assert {name: getattr(device, name) for name in READINGS} == READINGS
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
        [event for event in OWN_MESSAGES if event != heartbeat("A")] + [heartbeat("A", online=True)],
        ids=names,
    )
    def test_any_other_own_message_brings_it_back(self, event: Event) -> None:
        driver = Driver()
        driver.heartbeat(1, online=False)
        driver.apply(2, event)
        assert driver.online() == {"A"}

    def test_neither_an_answer_nor_a_heartbeat_without_a_status_brings_it_back(self) -> None:
        driver = Driver()
        driver.heartbeat(1, online=False)
        driver.answer(2)
        driver.heartbeat(3, battery=5.0)
        assert driver.online() == set()


class TestBoots:
    def test_boots_and_their_duration(self) -> None:
        driver = Driver()
        driver.heartbeat(1, firmware_version="62p")
        assert driver.boot(2) == [("boot_started", "A", "62p")]
        assert driver.booted(9) == [("boot_finished", "A", 7)]
        assert driver.booted(10) == [("boot_finished", "A", None)]

    def test_boots_seen_stand_in_for_those_reported(self) -> None:
        driver = Driver()
        driver.boot(1)
        driver.boot(2)
        device = driver.fleet.devices["A"]
        assert device.boots == 2.0
        driver.heartbeat(3, boot_count=0.0)
        assert device.boots == 0.0
        driver.boot(4)
        assert device.boots == 0.0

    def test_the_newest_power_up_counts(self) -> None:
        driver = Driver()
        driver.boot(1)
        driver.boot(5)
        driver.ledger.take()
        assert driver.booted(9) == [("boot_finished", "A", 4)]

    def test_an_end_without_a_start_has_no_duration(self) -> None:
        assert Driver().booted(9) == [("boot_finished", "A", None)]

    @pytest.mark.parametrize(("starts", "ends"), [(True, False), (False, True)])
    def test_rule_4_a_boot_out_of_a_backlog_has_no_duration(self, *, starts: bool, ends: bool) -> None:
        driver = Driver()
        assert driver.boot(1, backlog=starts) == [("boot_started", "A", UNKNOWN)]
        assert driver.booted(2, backlog=ends) == [("boot_finished", "A", None)]

    def test_rule_5_a_boot_across_a_disturbance_has_no_duration(self) -> None:
        driver = Driver()
        driver.boot(1)
        driver.fleet.reading_disturbed()
        assert driver.booted(2) == [("boot_finished", "A", None)]
        driver.boot(3)
        driver.fleet.connection_lost(4)
        driver.ledger.take()
        assert driver.booted(5) == [("boot_finished", "A", None)]
        driver.boot(6)
        driver.ledger.take()
        assert driver.booted(8) == [("boot_finished", "A", 2)]

    def test_streams_are_told(self) -> None:
        assert Driver().stream(1) == [("streamed", "A", UNKNOWN)]


class TestExpiry:
    def test_rule_9_a_silent_device_leaves_with_its_pairs(self) -> None:
        driver = Driver()
        driver.request(1, "A", "X")
        driver.answer(2, "A", "X")
        driver.request(3, "A", "Y")
        driver.answer(4, "A", "Y")
        driver.stream(200, "B")
        driver.ledger.take()
        assert driver.advance(303) == []
        assert driver.advance(363) == [
            ("ended_pair", "A", "X"),
            ("ended_pair", "A", "Y"),
            ("ended", "device", "A"),
        ]
        assert set(driver.fleet.devices) == {"B"}
        assert set(driver.fleet.symbols) == {"X", "Y"}

    @pytest.mark.parametrize(("age_ns", "known"), [(300, {"A"}), (301, set())])
    def test_rule_9_the_device_timeout_itself_is_allowed(self, age_ns: int, known: set[str]) -> None:
        driver = Driver()
        driver.stream(1)
        driver.stream(100)
        driver.advance(100 + age_ns)
        assert set(driver.fleet.devices) == known

    def test_rule_9_the_rest_of_an_open_request_is_abandoned(self) -> None:
        driver = Driver(request_timeout_ns=5000)
        driver.request(1)
        driver.ledger.take()
        assert driver.advance(400) == [
            ("abandoned", "A", "X"),
            ("ended_pair", "A", "X"),
            ("ended", "device", "A"),
        ]
        assert driver.fleet.pending == 0
        assert driver.answer(401) == [("unmatched", "unsolicited")]

    def test_cleanups_are_an_interval_apart_the_first_one_after_the_start(self) -> None:
        driver = Driver(device_timeout_ns=1)
        driver.stream(100, "A")
        left = [at_ns for at_ns in range(101, 500) if driver.advance(at_ns) and driver.stream(at_ns, "A")]
        assert left == [160, 220, 280, 340, 400, 460]
        assert {after - before for before, after in pairwise(left)} == {60}

    @pytest.mark.parametrize(("idle_ns", "known"), [(1000, {"X"}), (1001, set())])
    def test_rule_9_an_idle_symbol_is_pruned(self, idle_ns: int, known: set[str]) -> None:
        driver = Driver(symbol_retention_ns=1000)
        driver.request(1)
        driver.request(500)
        driver.advance(500 + idle_ns)
        assert set(driver.fleet.symbols) == known

    def test_rule_9_an_answer_keeps_a_symbol(self) -> None:
        driver = Driver(symbol_retention_ns=1000)
        driver.request(1)
        driver.answer(20)
        driver.advance(1015)
        assert set(driver.fleet.symbols) == {"X"}
        assert driver.advance(1100)[-1] == ("ended", "symbol", "X")

    @pytest.mark.parametrize(
        ("requests", "known"), [(PRUNE_BELOW_REQUESTS - 1, set()), (PRUNE_BELOW_REQUESTS, {"X"})]
    )
    def test_rule_9_a_symbol_with_a_hundred_requests_stays(self, requests: int, known: set[str]) -> None:
        assert PRUNE_BELOW_REQUESTS == 100
        driver = Driver(symbol_retention_ns=1000)
        for _ in range(requests):
            driver.request(1)
        driver.advance(1500)
        assert set(driver.fleet.symbols) == known

    def test_rule_9_a_pruned_symbol_leaves_the_devices_that_live_on(self) -> None:
        driver = Driver(symbol_retention_ns=100, request_timeout_ns=5000)
        driver.request(1, "A", "X")
        driver.request(1, "B", "X")
        driver.request(90, "A", "Y")
        driver.ledger.take()
        assert driver.advance(150) == [
            ("abandoned", "A", "X"),
            ("ended_pair", "A", "X"),
            ("abandoned", "B", "X"),
            ("ended_pair", "B", "X"),
            ("ended", "symbol", "X"),
        ]
        assert set(driver.fleet.devices["A"].pairs) == {"Y"}
        assert not driver.fleet.devices["B"].pairs
        assert driver.fleet.pending == 1
        assert driver.request(151, "A", "X") == [("requested", "A", "X")]
        assert driver.fleet.symbols["X"].requests == 1

    def test_a_device_and_its_symbol_may_leave_together(self) -> None:
        driver = Driver(symbol_retention_ns=300)
        driver.request(1)
        driver.answer(1)
        driver.ledger.take()
        assert driver.advance(400) == [
            ("ended_pair", "A", "X"),
            ("ended", "device", "A"),
            ("ended", "symbol", "X"),
        ]


class TestFirmware:
    def test_rule_9_a_firmware_ends_when_no_device_carries_it(self) -> None:
        driver = Driver()
        driver.heartbeat(1, "A", firmware_version="62p")
        driver.heartbeat(1, "B", firmware_version="62p")
        driver.heartbeat(70, "A", firmware_version="63")
        assert driver.advance(140) == []
        driver.heartbeat(150, "B", firmware_version="63")
        assert driver.advance(210) == [("ended", "firmware", "62p")]
        assert driver.advance(280) == []

    def test_rule_9_a_firmware_ends_with_its_last_device(self) -> None:
        driver = Driver()
        driver.heartbeat(1, firmware_version="62p")
        assert driver.advance(400) == [("ended", "device", "A"), ("ended", "firmware", "62p")]

    def test_one_that_comes_back_before_the_cleanup_counts_on(self) -> None:
        driver = Driver()
        for at_ns, version in enumerate(("62p", "63", "62p"), start=1):
            driver.heartbeat(at_ns, firmware_version=version)
        assert driver.advance(100) == [("ended", "firmware", "63")]

    def test_unknown_never_ends_and_is_not_mistaken_for_a_reported_one(self) -> None:
        # A device may well report "unknown"; those that reported nothing go by the same name.
        driver = Driver()
        driver.heartbeat(1, "A", firmware_version="62p")
        driver.heartbeat(2, "A", firmware_version=UNKNOWN)
        driver.stream(3, "B")
        driver.heartbeat(4, "B", firmware_version="63")
        driver.ledger.take()
        assert driver.advance(100) == [("ended", "firmware", "62p")]
        driver.heartbeat(101, "A", firmware_version="63")
        assert driver.advance(200) == []
        assert driver.advance(500)[-1] == ("ended", "firmware", "63")

    def test_unknown_takes_no_place_of_a_reported_version(self) -> None:
        driver = Driver(max_devices=2 * MAX_FIRMWARES)
        driver.heartbeat(1, "A", firmware_version="v0")
        driver.heartbeat(1, "A", firmware_version=UNKNOWN)
        for number in range(MAX_FIRMWARES):
            assert driver.heartbeat(2, f"D{number}", firmware_version=f"v{number}") == []
        # Nor is one refused for want of a place.
        assert driver.heartbeat(3, "D1", firmware_version=UNKNOWN) == []
        assert driver.fleet.devices["D1"].firmware_version == UNKNOWN

    def test_versions_beyond_the_bound_count_as_other(self) -> None:
        driver = Driver(max_devices=2 * MAX_FIRMWARES)
        for number in range(MAX_FIRMWARES):
            assert driver.heartbeat(1, f"D{number}", firmware_version=f"v{number}") == []
        assert driver.heartbeat(2, "A", firmware_version="new") == [("misread", "overflow")]
        assert driver.heartbeat(2, "B", firmware_version="newer") == [("misread", "overflow")]
        assert driver.fleet.devices["A"].firmware_version == OVERFLOW_FIRMWARE == "other"
        assert driver.fleet.devices["B"].firmware_version == OVERFLOW_FIRMWARE
        # Known ones are still told apart.
        assert driver.heartbeat(3, "C", firmware_version="v7") == []
        assert driver.fleet.devices["C"].firmware_version == "v7"
        versions = {device.firmware_version for device in driver.fleet.devices.values()}
        assert len(versions) == MAX_FIRMWARES + 1

    def test_the_overflow_ends_too_and_makes_room(self) -> None:
        driver = Driver(max_devices=2 * MAX_FIRMWARES)
        for number in range(MAX_FIRMWARES + 1):
            driver.heartbeat(1, f"D{number}", firmware_version=f"v{number}")
        driver.ledger.take()
        ended = [entry for entry in driver.advance(400) if entry[:2] == ("ended", "firmware")]
        assert ("ended", "firmware", OVERFLOW_FIRMWARE) in ended
        assert len(ended) == MAX_FIRMWARES + 1
        assert driver.heartbeat(401, "A", firmware_version="new") == []
        assert driver.fleet.devices["A"].firmware_version == "new"
