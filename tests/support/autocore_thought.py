"""What must be thought of the readings that a simulated AutoCore fleet sends: by NumPy, of whole series."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from otel_tickrmeter.fleets.autocore.simulate.planned import Measured, Planned
from tests.support.insight_oracle import last_average, watched

Labels = frozenset[tuple[str, str]]

HUMIDITY = "humidity"
HUMID: Mapping[str, tuple[float, float]] = {HUMIDITY: (0.0, 100.0)}
"""A range that the simulated fleet leaves now and then, in %."""
STICKING = "current"
"""A sensor that sticks, of some devices."""
_WINDOWS = {"5m": 300.0, "1h": 3600.0}


class Thought(NamedTuple):
    """Of devices with usable time: series by exposed name; and how often something began, by sensor and kind.

    The counts are of all devices, if all have usable time.
    """

    series: Mapping[str, Mapping[Labels, float]]
    began: Mapping[Labels, float]


def thought(messages: Iterable[Planned]) -> Thought:
    """Judge what was planned, if `HUMID` are the ranges and `STICKING` is a sensor that may be stuck."""
    told: defaultdict[tuple[str, str], list[tuple[float, float]]] = defaultdict(list)
    for message in messages:
        device_id, _, subject, stamp, odd = message.meaning
        if isinstance(subject, Measured) and odd is None and stamp is not None:
            for name, value in subject.readings.items():
                told[device_id, name].append((stamp, value))
    series: defaultdict[str, dict[Labels, float]] = defaultdict(dict)
    began: Counter[Labels] = Counter()
    for (device_id, sensor), pairs in told.items():
        seconds, readings = np.asarray(pairs).T
        seconds = seconds - seconds[0]
        divisor = 100.0 if sensor == HUMIDITY else 1.0
        for window, tau in _WINDOWS.items():
            labels = _labels(device_id=device_id, sensor=sensor, window=window)
            average = last_average(seconds, readings, tau)
            series["autocore_telemetry_average"][labels] = average / divisor
        least, most = HUMID.get(sensor, (-np.inf, np.inf))
        last = watched(seconds, readings, least=least, most=most, sticks=sensor == STICKING)
        labels = _labels(device_id=device_id, sensor=sensor)
        series["autocore_telemetry_anomaly"][labels] = float(last.unusual)
        if last.score is not None:
            series["autocore_telemetry_anomaly_score"][labels] = last.score
        for kind, count in last.began.items():
            began[_labels(sensor=sensor, kind=kind)] += count
    return Thought(series, began)


def _labels(**labels: str) -> Labels:
    return frozenset(labels.items())
