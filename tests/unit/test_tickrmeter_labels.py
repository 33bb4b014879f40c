"""Label values that devices report freely are bounded, the ones that many devices have come first."""

from collections.abc import Iterable

import pytest
from opentelemetry.metrics import Observation

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.labels import MAX_SETS, MAX_VALUES, OTHER, UNKNOWN, told_apart
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from tests.support.driver import Driver

COUNTS = (names.DEVICES_ONLINE_TOTAL, names.DEVICES_BY_FIRMWARE_TOTAL, names.DEVICES_BY_FLASH_ID_TOTAL)


def test_within_the_bounds_nothing_changes() -> None:
    assert told_apart([("a",), ("b",), ("a",)]) == {("a",): 2, ("b",): 1}
    assert told_apart([]) == {}


def test_the_rarest_values_are_other() -> None:
    reported = [(f"v{number:03}",) for number in range(MAX_VALUES + 3)] + [("zz",), ("zz",), (UNKNOWN,)]
    told = told_apart(reported)
    # The three with the last names, and one more for the one that two devices have.
    assert told[(OTHER,)] == 4
    assert told[("zz",)] == 2
    assert told[(UNKNOWN,)] == 1
    assert len(told) == MAX_VALUES + 2
    assert told.total() == len(reported)


def test_each_label_is_bounded_by_itself() -> None:
    reported = [("62p", f"f{number}") for number in range(2 * MAX_VALUES)]
    told = told_apart(reported)
    assert {firmware for firmware, _ in told} == {"62p"}
    assert told["62p", OTHER] == MAX_VALUES


def test_so_are_the_sets_they_make() -> None:
    side = 64
    assert side * side > MAX_SETS
    reported = [(f"a{n // side}", f"b{n % side}") for n in range(side * side)] + [
        ("a0", "b0"),
        ("a63", "b63"),
    ]
    told = told_apart(reported)
    assert len(told) == MAX_SETS + 1
    assert told["a0", "b0"] == told["a63", "b63"] == 2
    assert told[OTHER, OTHER] == side * side - MAX_SETS
    assert told.total() == len(reported)


def observed(callback: Observe) -> Iterable[Observation]:
    return callback()


@pytest.mark.parametrize("name", COUNTS)
def test_no_crowd_of_devices_makes_more_series_or_hides_a_version_of_many(name: str) -> None:
    """Attack B6: a new firmware, inner version and flash id in each heartbeat of each device."""
    driver = Driver(max_devices=3_000)
    for number in range(4):
        driver.heartbeat(1, f"real {number}", firmware_version="62p", inner_version="9.9", flash_id="zz")
    for number in range(2_000):
        made_up = {key: f"{key} {number}" for key in ("firmware_version", "inner_version", "flash_id")}
        driver.heartbeat(2, f"D{number}", **made_up)
    callback = FleetObserver(driver.fleet, Ranks(1, 10), lambda: 0).callbacks()[name]
    seen = list(observed(callback))
    real = {"firmware_version": "62p", "iv": "9.9", "flash_id": "zz"}
    attributes = [dict(each.attributes or {}) for each in seen]
    assert 4 in [
        each.value for each, labels in zip(seen, attributes, strict=True) if labels.items() <= real.items()
    ]
    for label in attributes[0]:
        assert len({each[label] for each in attributes}) <= MAX_VALUES + 2
    assert len(seen) <= MAX_SETS + 1
    assert sum(each.value for each in seen) == len(driver.fleet.devices)
