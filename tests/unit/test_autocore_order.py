"""Rules 5 and 6 of docs/autocore.md: which message says how things are now, and whose clock is believed."""

import pytest

from otel_tickrmeter.fleets.autocore.device import MAX_TOPICS
from otel_tickrmeter.fleets.autocore.order import Order, Verdict
from otel_tickrmeter.fleets.autocore.stamp import read_stamp, trusted
from tests.support.autocore import NS, UNIX, Driver, named, ns, stamp

CLOCK = ("set_aside", "telemetry", "clock")


def temperature(driver: Driver, device: str = "A") -> float:
    return driver.device(device).sensors["temperature"].value


class TestOrder:
    def test_rule_5_what_is_older_by_more_than_two_seconds_is_history_only(self) -> None:
        driver = Driver()
        driver.telemetry(10, temperature=20, timestamp=stamp(10))
        assert driver.telemetry(11, temperature=99, timestamp=stamp(7.9)) == [
            ("set_aside", "telemetry", "late"),
            ("history", "A", "telemetry"),
        ]
        assert temperature(driver) == 20
        assert driver.device().last_seen_ns == (UNIX + 10) * NS

    def test_rule_5_within_two_seconds_arrival_decides(self) -> None:
        driver = Driver()
        driver.telemetry(10, temperature=20, timestamp=stamp(10))
        assert named(driver.telemetry(11, temperature=21, timestamp=stamp(8)), "reading")
        assert temperature(driver) == 21

    def test_rule_5_the_same_time_and_content_is_a_duplicate(self) -> None:
        driver = Driver()
        driver.relay(1, 0, state=True, triggered_by="web", timestamp=stamp(1))
        driver.relay(2, 0, state=False, triggered_by="web", timestamp=stamp(2))
        again = driver.relay(3, 0, state=True, triggered_by="web", timestamp=stamp(1))
        assert again == [("set_aside", "relay_status", "duplicate")]
        assert driver.device().relays[0].state is False

    def test_rule_5_the_same_time_and_another_content_is_none(self) -> None:
        # Stamps are whole seconds, and a person can press twice in one.
        driver = Driver()
        for state in (True, False, True, False):
            driver.relay(1, 0, state=state, timestamp=stamp(1))
            assert driver.device().relays[0].state is state

    def test_rule_5_topics_are_ordered_each_for_itself(self) -> None:
        driver = Driver()
        driver.telemetry(10, temperature=20, timestamp=stamp(10))
        assert named(driver.relay(11, 0, state=True, timestamp=stamp(1)), "relay") == [("A", 0, True)]

    def test_rule_5_three_late_in_a_row_by_the_same_start_anew(self) -> None:
        driver = Driver()
        driver.telemetry(3600, temperature=1, timestamp=stamp(3600))
        for at in (3610, 3620):
            late = driver.telemetry(at, temperature=at, timestamp=stamp(at - 3600))
            assert named(late, "history") == [("A", "telemetry")]
        third = driver.telemetry(3630, temperature=3630, timestamp=stamp(30))
        assert named(third, "reading") == [("A", "temperature", 3630)]
        # And from then on the clock that was set back is the measure.
        assert named(driver.telemetry(3640, temperature=5, timestamp=stamp(40)), "reading")
        assert named(driver.telemetry(3650, temperature=5, timestamp=stamp(20)), "history")

    def test_rule_5_late_ones_by_ever_less_are_a_buffer_that_is_emptied(self) -> None:
        driver = Driver()
        driver.telemetry(100, temperature=1, timestamp=stamp(100))
        for number in range(6):
            told = driver.telemetry(101 + number / 10, temperature=9, timestamp=stamp(20 + 10 * number))
            assert named(told, "history"), number
        assert temperature(driver) == 1

    def test_rule_5_one_that_comes_again_and_again_sets_no_clock_back(self) -> None:
        driver = Driver()
        driver.telemetry(100, temperature=1, timestamp=stamp(100))
        for number in range(6):
            driver.telemetry(101 + number / 10, temperature=9, timestamp=stamp(20))
        assert temperature(driver) == 1

    def test_rule_5_what_waited_on_its_way_sets_no_clock_back(self) -> None:
        driver = Driver()
        driver.telemetry(100, temperature=1, timestamp=stamp(100))
        for number in range(6):
            payload = {"temperature": number, "timestamp": stamp(20 + number)}
            driver.publish(101 + number, "autocore/A/telemetry", payload, backlog=True)
        assert temperature(driver) == 1

    def test_rule_5_one_in_order_between_late_ones_ends_the_row(self) -> None:
        driver = Driver()
        driver.telemetry(100, temperature=1, timestamp=stamp(100))
        for at in (101, 103, 105, 107):
            late = driver.telemetry(at, temperature=9, timestamp=stamp(at - 60))
            assert named(late, "history")
            driver.telemetry(at + 1, temperature=1, timestamp=stamp(at + 1))

    def test_stamps_remembered_for_duplicates_are_bounded(self) -> None:
        order = Order()
        for number in range(1000):
            assert order.judge(number, 0, number) is Verdict.FRESH
        assert len(order.recent) == 32

    def test_topics_whose_order_is_kept_are_bounded(self) -> None:
        driver = Driver()
        for number in range(2 * MAX_TOPICS):
            driver.publish(10, f"autocore/A/system/k{number}", {"timestamp": stamp(10)})
        assert len(driver.device().orders) == MAX_TOPICS
        late = driver.publish(11, f"autocore/A/system/k{2 * MAX_TOPICS - 1}", {"timestamp": stamp(1)})
        assert named(late, "system") == [("A", "other")]


class TestClock:
    @pytest.mark.parametrize(
        ("text", "seconds"),
        [
            ("2025-01-28T10:30:00Z", UNIX),
            ("2025-01-28T11:30:00+01:00", UNIX),
            ("2025-01-28T10:30:00.250Z", UNIX + 0.25),
            (UNIX, UNIX),
            (UNIX + 0.5, UNIX + 0.5),
        ],
    )
    def test_a_stamp_with_a_zone_is_read(self, text: object, seconds: float) -> None:
        assert read_stamp(text) == round(seconds * 1000) * 1_000_000

    @pytest.mark.parametrize(
        "value",
        ["2025-01-28T10:30:00", "2025-01-28", "yesterday", "", "Z" * 99, True, [], {}, -1, 1e300, 10**40],
    )
    def test_rule_6_what_has_no_zone_says_nothing(self, value: object) -> None:
        assert read_stamp(value) is None

    def test_rule_6_bounds_of_trust(self) -> None:
        arrived = ns(1_000_000)
        assert trusted(arrived - ns(86_400), arrived)
        assert not trusted(arrived - ns(86_400) - 1, arrived)
        assert trusted(arrived + ns(300), arrived)
        assert not trusted(arrived + ns(300) + 1, arrived)

    @pytest.mark.parametrize("told", ["1970-01-01T00:01:00Z", "2025-01-28T10:30:05", stamp(9999), "soon"])
    def test_rule_6_a_clock_that_cannot_be_right_is_counted_and_arrival_counts(self, told: str) -> None:
        driver = Driver()
        driver.telemetry(1, temperature=1, timestamp=stamp(1))
        assert CLOCK in driver.telemetry(5, temperature=2, timestamp=told)
        assert driver.device().clock_trusted is False
        sensor = driver.device().sensors["temperature"]
        assert (sensor.value, sensor.at_ns) == (2, (UNIX + 5) * NS)

    def test_rule_6_without_a_timestamp_arrival_counts_and_nothing_is_wrong(self) -> None:
        driver = Driver()
        assert CLOCK not in driver.telemetry(5, temperature=2)
        device = driver.device()
        assert (device.clock_trusted, device.clock_offset_ns) == (None, None)

    def test_rule_6_trust_and_offset_are_those_of_a_device(self) -> None:
        driver = Driver()
        driver.telemetry(5, "A", temperature=2, timestamp=stamp(3))
        driver.telemetry(5, "B", temperature=2, timestamp=stamp(65))
        driver.telemetry(5, "C", temperature=2, timestamp=0)
        found = {name: (d.clock_trusted, d.clock_offset_ns) for name, d in driver.fleet.devices.items()}
        assert found == {
            "A": (True, ns(-2)),
            "B": (True, ns(60)),
            "C": (False, -(UNIX + 5) * NS),
        }

    def test_rule_6_what_waited_on_its_way_says_nothing_of_the_offset(self) -> None:
        driver = Driver()
        payload = {"temperature": 1, "timestamp": stamp(1)}
        driver.publish(60, "autocore/A/telemetry", payload, backlog=True)
        assert driver.device().clock_trusted is True
        assert driver.device().clock_offset_ns is None

    def test_rule_6_of_two_timestamps_the_one_with_a_zone_counts(self) -> None:
        driver = Driver()
        payload = (
            f'{{"event":"relay_change","channel":1,"state":true,"timestamp":"{stamp(3)}",'
            '"n":{"timestamp":5},"timestamp":"2025-01-28T07:30:03"}'
        )
        told = driver.publish(5, "autocore/devices/A/telemetry", payload.encode())
        assert ("set_aside", "relay_change", "clock") not in told
        assert driver.device().relays[0].since_ns == (UNIX + 3) * NS

    def test_rule_6_of_two_unix_times_the_first_counts(self) -> None:
        driver = Driver()
        payload = b'{"a":%b,"timestamp":%d,"timestamp":"y"}' % (b"1" * 300, UNIX + 3)
        driver.publish(5, "autocore/A/telemetry", payload)
        assert driver.device().clock_offset_ns == ns(-2)

    def test_rule_6_of_two_timestamps_without_a_zone_none_counts(self) -> None:
        driver = Driver()
        told = driver.publish(5, "autocore/A/telemetry", b'{"a":1,"timestamp":"x","timestamp":"y"}')
        assert CLOCK in told
