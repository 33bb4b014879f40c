"""The simulated AutoCore fleet: what it plans, and what it says the exporter must show."""

import argparse
from dataclasses import replace

import orjson
import pytest

from otel_tickrmeter.fleets.autocore.simulate.options import (
    SimulateOptions,
    add_arguments,
    faults,
    from_arguments,
)
from otel_tickrmeter.fleets.autocore.simulate.plan import Plan
from otel_tickrmeter.fleets.autocore.simulate.planned import Measured, Reported
from otel_tickrmeter.fleets.autocore.simulate.truth import Samples, Truth
from tests.support.autocore import UNIX
from tests.support.autocore_instruments import Instruments
from tests.support.kept_rows import Kept
from tests.support.row_tables import tables

ODD = SimulateOptions(
    devices=40, rate=100, duration=40, late=0.1, duplicates=0.1, bad_clocks=0.2, repeats=0.3, started=UNIX
)
LONG = replace(ODD, rate=40, duration=400, leaves=0.3)


def labelled(samples: Samples, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {frozenset(each["labels"].items()): each["value"] for each in samples[name]}  # type: ignore[attr-defined, misc]


@pytest.mark.parametrize("options", [ODD, LONG])
@pytest.mark.parametrize("seed", range(3))
def test_the_fleet_sees_what_the_simulator_says(seed: int, options: SimulateOptions) -> None:
    options = replace(options, seed=seed)
    fleet, truth = Instruments(), Truth()
    for planned in Plan(options).messages():
        truth.record(planned)
        fleet.publish(planned.at_seconds, planned.topic, planned.payload)
    expected = truth.expected()
    shown = fleet.samples()
    assert min(map(len, expected.values())) > 0
    for name in expected.keys() - {"autocore_messages_total"}:
        found = {labels: value for (exposed, labels), value in shown.items() if exposed == name and value}
        wanted = {labels: value for labels, value in labelled(expected, name).items() if value}
        assert found == pytest.approx(wanted), name


@pytest.mark.parametrize("seed", range(3))
def test_the_rows_are_what_the_simulator_says(seed: int) -> None:
    fleet, truth = Kept(), Truth()
    for planned in Plan(replace(ODD, seed=seed)).messages():
        truth.record(planned)
        fleet.publish(planned.at_seconds, planned.topic, planned.payload)
    expected = truth.rows()
    found = tables(fleet.list.rows)
    assert min(map(len, expected.values())) > 0
    assert found.keys() == expected.keys()
    for name, rows in found.items():
        assert rows == pytest.approx(labelled(expected, name)), name


def test_who_leaves_says_nothing_for_a_minute_and_comes_back() -> None:
    gone: dict[str, float] = {}
    back = 0
    for planned in Plan(LONG).messages():
        device_id, subject, _ = planned.meaning
        if planned.at_seconds < LONG.duration and device_id in gone:
            assert isinstance(subject, Reported)
            assert subject.online
            assert planned.at_seconds >= gone.pop(device_id) + 60
            back += 1
        if isinstance(subject, Reported) and not subject.online:
            gone[device_id] = planned.at_seconds
    assert back > 30


def test_the_same_options_give_the_same_messages() -> None:
    assert list(Plan(ODD).messages()) == list(Plan(ODD).messages())
    assert list(Plan(ODD).messages()) != list(Plan(replace(ODD, seed=2)).messages())


def test_what_is_odd_is_as_planned() -> None:
    planned = [each for each in Plan(ODD).messages() if isinstance(each.meaning.subject, Measured)]
    odd = {
        kind: [each for each in planned if each.meaning.odd == kind]
        for kind in ("late", "clock", "duplicate")
    }
    assert all(len(each) > 20 for each in odd.values())
    before = {each.payload for each in planned if each.meaning.odd is None}
    assert {each.payload for each in odd["duplicate"]} <= before
    assert {orjson.loads(each.payload)["timestamp"] for each in odd["clock"]} == {"1970-01-01T00:00:09"}


def test_options_that_do_not_go_together() -> None:
    assert list(faults(SimulateOptions())) == []
    assert len(list(faults(SimulateOptions(devices=1, rate=51)))) == 1
    assert len(list(faults(SimulateOptions(devices=1000, rate=10, duration=60)))) == 1
    assert len(list(faults(SimulateOptions(password="p")))) == 1  # noqa: S106  made up


def test_options_from_the_command_line() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = parser.parse_args(["--devices", "7", "--rate", "3", "--bad-clocks", "0.5", "--topic-prefix", "a"])
    options = from_arguments(given, 5.0)
    assert options == SimulateOptions(devices=7, rate=3.0, bad_clocks=0.5, topic_prefix="a/", started=5.0)
    with pytest.raises(ValueError, match="--password-file cannot be read"):
        from_arguments(parser.parse_args(["--password-file", "/nowhere"]), 5.0)
    with pytest.raises(ValueError, match="cannot be written"):
        from_arguments(parser.parse_args(["--summary", "/nowhere/at/all"]), 5.0)
