"""The simulated AutoCore fleet: what it plans, and what it says the exporter must show."""

import argparse
from collections import Counter
from dataclasses import replace

import orjson
import pytest

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.simulate.expected import Samples, approximate, expected, rows
from otel_tickrmeter.fleets.autocore.simulate.options import (
    SimulateOptions,
    add_arguments,
    faults,
    from_arguments,
)
from otel_tickrmeter.fleets.autocore.simulate.plan import Plan
from otel_tickrmeter.fleets.autocore.simulate.planned import Reported
from otel_tickrmeter.fleets.autocore.simulate.truth import Truth
from otel_tickrmeter.insight.anomaly import Anomaly, Expectation
from tests.support.autocore import UNIX, Driver
from tests.support.autocore_instruments import Instruments
from tests.support.autocore_thought import HUMID, STICKING, thought
from tests.support.kept_rows import Kept
from tests.support.row_tables import tables

ODD = SimulateOptions(
    devices=40,
    layouts=("seed", "devices"),
    rate=100,
    duration=40,
    late=0.1,
    duplicates=0.1,
    bad_clocks=0.2,
    clocks_off=0.2,
    repeats=0.3,
    retained=0.5,
    bursts=0.002,
    started=UNIX,
)
EXPECTED = {
    STICKING: Expectation(can_stick=True),
    **{sensor: Expectation(least, most) for sensor, (least, most) in HUMID.items()},
}
LONG = replace(ODD, rate=40, duration=400, leaves=0.3)


def labelled(samples: Samples, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {frozenset(each["labels"].items()): each["value"] for each in samples[name]}  # type: ignore[attr-defined, misc]


def play(options: SimulateOptions, fleet: Driver) -> Truth:
    """What the broker keeps, the run, and what the broker keeps once more, as after another subscription."""
    plan, truth = Plan(options), Truth()
    kept = list(plan.kept())

    def subscribe(at: float) -> None:
        for planned in kept:
            truth.record(planned, UNIX + at)
            fleet.publish(at, planned.topic, planned.payload, retain=True)

    subscribe(0.0)
    for planned in plan.messages():
        truth.record(planned, UNIX + planned.at_seconds)
        fleet.publish(planned.at_seconds, planned.topic, planned.payload)
    subscribe(options.duration + 1)
    # Whoever could explain a switching has done so.
    fleet.quiet(options.duration + 3)
    return truth


@pytest.mark.parametrize("options", [ODD, LONG])
@pytest.mark.parametrize("seed", range(3))
def test_the_fleet_sees_what_the_simulator_says(seed: int, options: SimulateOptions) -> None:
    fleet = Instruments()
    truth = play(replace(options, seed=seed), fleet)
    shown = fleet.samples()
    exact, about = expected(truth), approximate(truth)
    assert min(map(len, (*exact.values(), *about.values()))) > 0
    for name in exact.keys() - {"autocore_messages_total"} | about.keys():
        found = {labels: value for (exposed, labels), value in shown.items() if exposed == name and value}
        wanted = {
            labels: value
            for samples in (exact, about)
            if name in samples
            for labels, value in labelled(samples, name).items()
            if value
        }
        # Times to the millisecond of the driver's clock.
        assert found == pytest.approx(wanted, rel=1e-12, abs=2e-3), name


@pytest.mark.parametrize("options", [ODD, LONG])
@pytest.mark.parametrize("seed", range(3))
def test_the_rows_are_what_the_simulator_says(seed: int, options: SimulateOptions) -> None:
    fleet = Kept()
    wanted = rows(play(replace(options, seed=seed), fleet))
    found = tables(fleet.list.rows)
    assert min(map(len, wanted.values())) > 0
    assert found.keys() == wanted.keys()
    for name, told in found.items():
        assert told == pytest.approx(labelled(wanted, name)), name


@pytest.mark.parametrize("seed", range(2))
def test_the_fleet_thinks_of_the_readings_what_whole_series_say(seed: int) -> None:
    options = replace(ODD, devices=6, rate=1.5, duration=9000, bad_clocks=0, leaves=0, stuck=0.5, seed=seed)
    options = replace(options, spikes=0.01, shifts=0.003, impossible=0.01, bursts=0.001)
    fleet = Instruments(expected=EXPECTED)
    play(options, fleet)
    wanted = thought(Plan(options).messages())
    shown = fleet.samples()
    for name, series in wanted.series.items():
        found = {labels: value for (exposed, labels), value in shown.items() if exposed == name}
        assert found == pytest.approx(series, rel=1e-6, abs=1e-6), name
    name = "autocore_telemetry_anomalies_total"
    assert {labels: value for (exposed, labels), value in shown.items() if exposed == name} == wanted.began
    assert {dict(labels)["kind"] for labels in wanted.began} == {*Anomaly}


def test_who_leaves_says_nothing_for_a_minute_and_comes_back() -> None:
    gone: dict[str, float] = {}
    back = wills = 0
    for planned in Plan(LONG).messages():
        device_id, subject = planned.meaning.device_id, planned.meaning.subject
        if planned.at_seconds < LONG.duration and device_id in gone:
            assert isinstance(subject, Reported)
            assert subject.online
            assert planned.at_seconds >= gone.pop(device_id) + 60
            back += 1
        if isinstance(subject, Reported) and not subject.online:
            gone[device_id] = planned.at_seconds
            wills += planned.will
            assert planned.will is subject.will is (b"unexpected_disconnect" in planned.payload)
    assert back > 30
    assert wills > 15


def test_the_same_options_give_the_same_messages() -> None:
    assert list(Plan(ODD).messages()) == list(Plan(ODD).messages())
    assert list(Plan(ODD).messages()) != list(Plan(replace(ODD, seed=2)).messages())


def test_what_was_kept_before_is_the_same_in_the_next_run() -> None:
    prepared = list(Plan(replace(ODD, prepare=True)).kept())
    assert [each.meaning.subject for each in Plan(replace(ODD, started=5.0)).kept()] == [
        each.meaning.subject for each in prepared
    ]
    assert all(each.retain for each in prepared)
    gone = {each.meaning.device_id for each in prepared if each.meaning.device_id.startswith("GONE")}
    assert 0 < len(gone) < 5
    assert gone.isdisjoint(each.meaning.device_id for each in Plan(ODD).messages())


def test_what_is_odd_is_as_planned() -> None:
    planned = list(Plan(ODD).messages())
    odd = Counter((each.meaning.odd, each.meaning.message_type) for each in planned)
    for kind in ("late", "duplicate"):
        for message_type in (MessageType.TELEMETRY, MessageType.RELAY_STATUS, MessageType.STATUS):
            assert odd[kind, message_type] > 3
    before = {each.payload for each in planned if each.meaning.odd is None}
    assert {each.payload for each in planned if each.meaning.odd == "duplicate"} <= before
    years = {
        str(orjson.loads(each.payload)["timestamp"])[:4] for each in planned if each.meaning.odd == "clock"
    }
    assert years == {"1970", "2025"}


def test_never_are_two_of_a_topic_late_in_a_row() -> None:
    late: set[str] = set()
    for planned in Plan(replace(ODD, late=0.9)).messages():
        if planned.meaning.odd == "late":
            assert planned.topic not in late
            late.add(planned.topic)
        else:
            late.discard(planned.topic)
    assert late


def test_options_that_do_not_go_together() -> None:
    assert list(faults(SimulateOptions())) == []
    assert len(list(faults(SimulateOptions(devices=1, rate=51)))) == 1
    assert len(list(faults(SimulateOptions(devices=1000, rate=10, duration=60)))) == 1
    assert len(list(faults(SimulateOptions(password="p")))) == 1  # noqa: S106  made up
    assert len(list(faults(SimulateOptions(bad_clocks=0.6, clocks_off=0.5)))) == 1
    assert len(list(faults(SimulateOptions(prepare=True)))) == 1
    assert list(faults(SimulateOptions(prepare=True, retained=0.1))) == []
    for layouts in (("seed", "seed"), ("other",), ()):
        assert len(list(faults(SimulateOptions(layouts=layouts)))) == 1
    assert list(faults(SimulateOptions(layouts=("devices", "seed")))) == []


def test_options_from_the_command_line() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    given = parser.parse_args(["--devices", "7", "--rate", "3", "--bad-clocks", "0.5", "--topic-prefix", "a"])
    options = from_arguments(given, 5.0)
    assert options == SimulateOptions(devices=7, rate=3.0, bad_clocks=0.5, topic_prefix="a/", started=5.0)
    assert from_arguments(parser.parse_args(["--layouts", "devices,seed"]), 5.0).layouts == (
        "devices",
        "seed",
    )
    with pytest.raises(ValueError, match="--password-file cannot be read"):
        from_arguments(parser.parse_args(["--password-file", "/nowhere"]), 5.0)
    with pytest.raises(ValueError, match="cannot be written"):
        from_arguments(parser.parse_args(["--summary", "/nowhere/at/all"]), 5.0)
