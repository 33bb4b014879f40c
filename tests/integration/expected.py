"""What a simulation says of itself, held to what an exporter of it shows."""

import time
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import pytest

from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.plan import Plan
from tests.integration.exposition import Exposition, Labels, Series
from tests.support.autocore_thought import Thought, thought

HUMID_RANGES = "{humidity = [0, 100]}"
"""The setting `autocore.ranges` that finds the readings that cannot be."""
_MESSAGES = "autocore_messages_total"
_ERRORS = "autocore_message_errors_total"
_CLOCK_SLACK = 0.1
"""Seconds by which two programs on one machine may read its clock differently."""
_TO_THE_CENTISECOND = 5e-12
"""Of Unix times, as a share of them; sums of figures are far from it."""


def compare_exposed(shown: Exposition, run: Mapping[str, Any]) -> None:
    """Hold the series of each name to `expected` of a summary; those that are 0 need not be there.

    How much of a burst is too much depends on the second in which it arrives: that is left out.
    """
    others: Mapping[str, Collection[Labels]] = {
        name: _by_labels(samples).keys() for name, samples in run.get("approximate", {}).items()
    }
    for name, samples in run["expected"].items():
        wanted = {labels: value for labels, value in _by_labels(samples).items() if value}
        found = {
            labels: value
            for labels, value in shown.named(name).items()
            if value and labels not in others.get(name, ())
        }
        if name == _ERRORS:
            wanted, found = _but_of_bursts(wanted), _but_of_bursts(found)
        assert found == pytest.approx(wanted, rel=_TO_THE_CENTISECOND), name


def compare_repeated(shown: Exposition, run: Mapping[str, Any]) -> None:
    """Hold the same where a broker sent some once more: duplicates, or what it keeps, and nothing else."""
    messages, errors = (_by_labels(run["expected"][name]) for name in (_MESSAGES, _ERRORS))
    for labels, value in shown.named(_MESSAGES).items():
        again = value - messages.get(labels, 0)
        assert again >= 0, labels
        messages[labels] = value
        duplicate, retained = (labels | {("reason", reason)} for reason in ("duplicate", "retained"))
        kept = shown.named(_ERRORS).get(retained, 0)
        duplicates = again - kept + errors.get(retained, 0)
        assert duplicates >= 0, labels
        errors[duplicate] = errors.get(duplicate, 0) + duplicates
        errors[retained] = kept
    counted = {_MESSAGES: _as_samples(messages), _ERRORS: _as_samples(errors)}
    compare_exposed(shown, {**run, "expected": {**run["expected"], **counted}})


def compare_times(shown: Exposition, run: Mapping[str, Any], waited: float = 0.0) -> None:
    """Hold times of arrival to when messages left, by an AutoCore summary.

    Nothing arrives before it left, nor after it was asked for; how long it takes is no matter here. Where
    some may have `waited` on their way, for so many seconds, a clock may be judged by one before.
    """
    now = time.time()
    exact = {name: _by_labels(run["expected"].get(name, ())) for name in run["approximate"]}
    for name, samples in run["approximate"].items():
        wanted = _by_labels(samples)
        assert wanted.keys() | exact[name].keys() == shown.named(name).keys(), name
        # The later a message arrives, the more its device's clock seems to be behind.
        of_clock = name == "autocore_device_clock_offset_seconds"
        sign, slack = (-1, _CLOCK_SLACK + waited) if of_clock else (1, _CLOCK_SLACK)
        longest = now - run["options"]["started"]
        for labels, value in wanted.items():
            later = sign * (shown.named(name)[labels] - value)
            assert -slack <= later <= longest, (name, labels, later)


def compare_thoughts(shown: Exposition, run: Mapping[str, Any]) -> Thought:
    """Hold averages and anomalies to those of whole series, as an AutoCore fleet planned them; returns these.

    Its exporter must have HUMID_RANGES. What began is counted of all devices: if all have usable time.
    """
    options = SimulateOptions(**run["options"] | {"layouts": tuple(run["options"]["layouts"])})
    wanted = thought(Plan(options).messages())
    for name, series in wanted.series.items():
        # By arrival, as without usable time, they are not as planned.
        devices = {dict(labels)["device_id"] for labels in series}
        found = {key: value for key, value in shown.named(name).items() if dict(key)["device_id"] in devices}
        assert found == pytest.approx(series, rel=1e-6, abs=1e-6), name
    if not options.bad_clocks:
        assert shown.named("autocore_telemetry_anomalies_total") == wanted.began
    return wanted


def _but_of_bursts(errors: Series) -> dict[Labels, float]:
    return {labels: value for labels, value in errors.items() if ("reason", "burst") not in labels}


def _as_samples(values: Mapping[Labels, float]) -> list[dict[str, object]]:
    return [{"labels": dict(labels), "value": value} for labels, value in values.items()]


def _by_labels(samples: Iterable[Mapping[str, Any]]) -> dict[Labels, float]:
    return {frozenset(each["labels"].items()): each["value"] for each in samples}
