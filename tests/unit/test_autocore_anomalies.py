"""What is made of a sensor's readings: averages, and what is unusual; docs/autocore.md has what is meant."""

import pytest

from otel_tickrmeter.fleets.autocore.settings import AutoCoreTable, expectations
from otel_tickrmeter.insight.anomaly import Expectation
from tests.support.autocore import NS, Driver
from tests.support.autocore_instruments import Instruments

SENSORS = ("voltage", "temperature")


def feed(fleet: Driver, count: int, **spike: float) -> None:
    """A reading every 15 seconds, 20 and 21 by turns; the last one as given."""
    for place in range(count):
        readings = {"temperature": 20.0 + place % 2, **(spike if place == count - 1 else {})}
        fleet.telemetry(15 * place, **readings)


def test_averages_of_both_windows() -> None:
    fleet = Instruments()
    fleet.telemetry(0, temperature=20, humidity=50)
    fleet.telemetry(300, temperature=30, humidity=100)
    for window, weight in (("5m", 0.6321), ("1h", 0.07996)):
        average = fleet.value("telemetry_average", device_id="A", sensor="temperature", window=window)
        assert average == pytest.approx(20 + 10 * weight, abs=1e-3)
        # In the unit of its gauge.
        average = fleet.value("telemetry_average", device_id="A", sensor="humidity", window=window)
        assert average == pytest.approx(0.5 + 0.5 * weight, abs=1e-4)


def test_an_outlier_is_shown_and_counted_once() -> None:
    fleet = Instruments()
    feed(fleet, 60)
    assert fleet.value("telemetry_anomaly", device_id="A", sensor="temperature") == 0
    fleet.telemetry(15 * 60, temperature=90)
    fleet.telemetry(15 * 61, temperature=90)
    assert fleet.value("telemetry_anomaly", device_id="A", sensor="temperature") == 1
    score = fleet.value("telemetry_anomaly_score", device_id="A", sensor="temperature")
    assert score is not None
    assert score > 5
    assert fleet.value("telemetry_anomalies_total", sensor="temperature", kind="outlier") == 1


def test_there_is_no_score_before_the_level_is_known() -> None:
    fleet = Instruments()
    feed(fleet, 31)
    assert fleet.value("telemetry_anomaly_score", device_id="A", sensor="temperature") is None


def test_a_sensor_that_repeats_itself_is_unusual_if_it_is_one_that_does_not() -> None:
    table = AutoCoreTable(stuck_sensors=("voltage",))
    fleet = Instruments(expected=expectations(table))
    for number in range(121):
        fleet.telemetry(number * 60, voltage=12 + (number < 2) / 10, temperature=20 + (number < 2) / 10)
    found = {sensor: fleet.value("telemetry_anomaly", device_id="A", sensor=sensor) for sensor in SENSORS}
    assert found == {"voltage": 1, "temperature": 0}
    assert fleet.value("telemetry_anomalies_total", sensor="voltage", kind="stuck") == 1


def test_the_least_that_readings_spread_is_a_setting() -> None:
    table = AutoCoreTable(min_scales={"voltage": 1.0})
    fleet = Instruments(expected=expectations(table))
    for number in range(40):
        fleet.telemetry(15 * number, voltage=12 + number % 2 / 5, temperature=20 + number % 2 / 5)
    fleet.telemetry(600, voltage=14, temperature=22)
    found = {sensor: fleet.value("telemetry_anomaly", device_id="A", sensor=sensor) for sensor in SENSORS}
    assert found == {"voltage": 0, "temperature": 1}


def test_the_range_of_a_sensor_is_a_setting() -> None:
    fleet = Driver(expected={"voltage": Expectation(10.0, 15.0)})
    assert ("anomaly", "A", "voltage", "out_of_range") in fleet.telemetry(1, voltage=16)


@pytest.mark.parametrize("sensor", ["uptime", "error_count", "total_km.total", "gps.lat", "position.x", "x"])
def test_what_counts_up_and_places_are_not_judged(sensor: str) -> None:
    fleet = Driver()
    head, _, tail = sensor.partition(".")
    fleet.telemetry(1, **({head: {tail: 1.0}} if tail else {head: 1.0}))
    known = fleet.fleet.devices["A"].sensors
    assert all(not each.watched for each in known.values())


def test_a_reading_that_waited_counts_only_if_its_time_is_known() -> None:
    fleet = Instruments()
    fleet.telemetry(0, temperature=20)
    fleet.publish(300, "autocore/A/telemetry", {"temperature": 30}, backlog=True)
    assert fleet.value("telemetry_average", device_id="A", sensor="temperature", window="5m") == 20


def test_sensors_beyond_a_bound_are_counted_as_others() -> None:
    fleet = Instruments(expected={f"s{number}": Expectation(0.0, 1.0) for number in range(300)})
    for number in range(300):
        fleet.telemetry(number, f"D{number // 100}", **{f"s{number}": 5.0})
    assert fleet.value("telemetry_anomalies_total", sensor="s0", kind="out_of_range") == 1
    assert fleet.value("telemetry_anomalies_total", sensor="other", kind="out_of_range") == 300 - 256


def test_sensors_of_all_devices_have_a_bound_and_their_place_is_free_again() -> None:
    fleet = Driver(max_sensors=3, device_timeout_ns=300 * NS, device_retention_ns=600 * NS)
    fleet.telemetry(1, "A", a=1, b=1)
    entries = fleet.telemetry(2, "B", c=1, d=1)
    assert ("set_aside", "telemetry", "overflow") in entries
    assert fleet.fleet.devices["B"].sensors.keys() == {"c"}
    fleet.telemetry(500, "B", c=2)
    fleet.quiet(700)
    fleet.quiet(760)
    assert fleet.fleet.devices.keys() == {"B"}
    fleet.telemetry(770, "B", c=3, d=1, e=1)
    assert fleet.fleet.devices["B"].sensors.keys() == {"c", "d", "e"}
