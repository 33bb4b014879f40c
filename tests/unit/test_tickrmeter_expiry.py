"""Rule 9 of docs/messages.md: every series has an end."""

from itertools import pairwise

import pytest

from otel_tickrmeter.fleets.tickrmeter.labels import MAX_VALUES, OTHER, UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.registry import PRUNE_BELOW_REQUESTS
from tests.support.driver import Driver


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


class TestWhileWeCannotHear:
    """Rule 5: our own outage ends no device."""

    def test_time_that_passes_without_a_word_of_the_broker_is_no_silence_of_a_device(self) -> None:
        driver = Driver()
        driver.stream(1)
        driver.fleet.advance(1000, 2)
        driver.fleet.advance(2000, 2)
        assert driver.online() == {"A"}

    def test_an_outage_is_taken_off_the_silence(self) -> None:
        driver = Driver()
        driver.stream(1)
        driver.advance(200)
        driver.fleet.connection_lost(200)
        driver.fleet.advance(5000, 200)
        driver.fleet.unheard_until(5200)
        # 200 before, and 100 after.
        driver.advance(5300)
        assert driver.online() == {"A"}
        driver.advance(5302)
        assert driver.online() == set()
        assert driver.advance(5400) == [("ended", "device", "A")]

    def test_what_the_device_says_afterwards_begins_a_new_silence(self) -> None:
        driver = Driver()
        driver.stream(1)
        driver.fleet.unheard_until(1000)
        driver.stream(1001)
        driver.fleet.unheard_until(2000)
        driver.advance(2300)
        assert driver.online() == {"A"}
        driver.advance(2302)
        assert driver.online() == set()

    def test_what_was_already_heard_is_not_taken_off(self) -> None:
        driver = Driver()
        driver.stream(1)
        driver.advance(250)
        driver.fleet.unheard_until(100)
        driver.advance(302)
        assert driver.online() == set()


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
        driver = Driver(max_devices=2 * MAX_VALUES)
        driver.heartbeat(1, "A", firmware_version="v0")
        driver.heartbeat(1, "A", firmware_version=UNKNOWN)
        for number in range(MAX_VALUES):
            assert driver.heartbeat(2, f"D{number}", firmware_version=f"v{number}") == []
        # Nor is one refused for want of a place.
        assert driver.heartbeat(3, "D1", firmware_version=UNKNOWN) == []
        assert driver.fleet.devices["D1"].firmware_version == UNKNOWN

    def test_versions_beyond_the_bound_count_as_other(self) -> None:
        driver = Driver(max_devices=2 * MAX_VALUES)
        for number in range(MAX_VALUES):
            assert driver.heartbeat(1, f"D{number}", firmware_version=f"v{number}") == []
        assert driver.heartbeat(2, "A", firmware_version="new") == [("misread", "overflow")]
        assert driver.heartbeat(2, "B", firmware_version="newer") == [("misread", "overflow")]
        assert driver.fleet.devices["A"].firmware_version == OTHER == "other"
        assert driver.fleet.devices["B"].firmware_version == OTHER
        # Known ones are still told apart.
        assert driver.heartbeat(3, "C", firmware_version="v7") == []
        assert driver.fleet.devices["C"].firmware_version == "v7"
        versions = {device.firmware_version for device in driver.fleet.devices.values()}
        assert len(versions) == MAX_VALUES + 1

    def test_one_device_with_ever_new_versions_takes_nobody_s_place(self) -> None:
        driver = Driver()
        ended = 0
        for number in range(3 * MAX_VALUES):
            happened = driver.heartbeat(1, "A", firmware_version=f"v{number}")
            ended += sum(entry[:2] == ("ended", "firmware") for entry in happened)
        # It had others give way once, and is one of the others from then on, until the next cleanup.
        assert driver.fleet.devices["A"].firmware_version == OTHER
        assert ended == MAX_VALUES - 1
        driver.heartbeat(2, "B", firmware_version="62p")
        assert driver.fleet.devices["B"].firmware_version == "62p"
        driver.advance(70)
        driver.advance(140)
        driver.heartbeat(141, "A", firmware_version="63")
        assert driver.fleet.devices["A"].firmware_version == "63"

    def test_the_overflow_ends_too_and_makes_room(self) -> None:
        driver = Driver(max_devices=2 * MAX_VALUES)
        for number in range(MAX_VALUES + 1):
            driver.heartbeat(1, f"D{number}", firmware_version=f"v{number}")
        driver.ledger.take()
        ended = [entry for entry in driver.advance(400) if entry[:2] == ("ended", "firmware")]
        assert ("ended", "firmware", OTHER) in ended
        assert len(ended) == MAX_VALUES + 1
        assert driver.heartbeat(401, "A", firmware_version="new") == []
        assert driver.fleet.devices["A"].firmware_version == "new"
