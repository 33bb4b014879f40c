"""The real simulator for tests, and its summary: what an exporter that saw the run must show."""

import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from tests.integration.child_environment import child_environment
from tests.integration.exposition import Labels, Series

_PER_DEVICE = "device_id"
_SUMMED = (
    "tickrmeter_stock_update_requests_total",
    "tickrmeter_stock_update_responses_total",
    "tickrmeter_stock_update_latency_seconds_bucket",
    "tickrmeter_stock_update_latency_seconds_count",
    "tickrmeter_stock_update_latency_seconds_sum",
)
"""What symbol detail adds up over devices."""


@dataclass(frozen=True, slots=True)
class Simulated:
    """A run that is over. `started` and `ended` are Unix seconds, around it.

    `expected` and `approximate` have the samples by name as in an exposition in device detail;
    the simulator's expected.py says when they hold. `worst_lag` is the longest a message left late, seconds.
    """

    started: float
    ended: float
    slow_symbols: frozenset[str]
    worst_lag: float
    messages: Mapping[str, int]
    expected: Mapping[str, Series]
    approximate: Mapping[str, Series]

    @property
    def sent(self) -> int:
        """How many messages."""
        return sum(self.messages.values())

    def expected_in(self, detail: Detail) -> Mapping[str, Series]:
        """What must be there in this detail."""
        if detail == "device":
            return self.expected
        return {
            name: without(_PER_DEVICE, series) if name in _SUMMED else series
            for name, series in self.expected.items()
            if name in _SUMMED or not name.startswith("tickrmeter_device_") or not _per_device(series)
        }


def simulate(directory: Path, broker: str, *options: str) -> Simulated:
    """Runs `otel-tickrmeter simulate` with further options, to its end."""
    file = directory / "summary.json"
    started = time.time()
    command = [
        sys.executable,
        "-m",
        "otel_tickrmeter",
        "simulate",
        "--broker",
        broker,
        "--summary",
        str(file),
    ]
    done = subprocess.run(
        [*command, *options],
        cwd=directory,
        env=child_environment(measured=False),  # it has a pace to keep
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    summary = orjson.loads(file.read_bytes())
    assert summary["complete"]
    return Simulated(
        started,
        time.time(),
        frozenset(summary["slow_symbols"]),
        summary["pace"]["worst_lag"],
        summary["messages"],
        dict(_series(summary["expected"])),
        dict(_series(summary["approximate"])),
    )


def without(label: str, series: Series) -> dict[Labels, float]:
    """Sums over a label."""
    sums: defaultdict[Labels, float] = defaultdict(float)
    for labels, value in series.items():
        sums[frozenset(pair for pair in labels if pair[0] != label)] += value
    return dict(sums)


def _per_device(series: Series) -> bool:
    return any(_PER_DEVICE in dict(labels) for labels in series)


def _series(samples: Mapping[str, Iterable[Mapping[str, Any]]]) -> Iterable[tuple[str, Series]]:
    for name, of_name in samples.items():
        if any("buckets" in sample for sample in of_name):
            yield from _histogram(name, of_name)
        else:
            yield name, {_labels(sample): sample["value"] for sample in of_name}


def _histogram(name: str, samples: Iterable[Mapping[str, Any]]) -> Iterable[tuple[str, Series]]:
    for part in ("count", "sum"):
        yield f"{name}_{part}", {_labels(sample): sample[part] for sample in samples}
    yield (
        f"{name}_bucket",
        {
            _labels(sample) | {("le", le if le == "+Inf" else str(float(le)))}: count
            for sample in samples
            for le, count in sample["buckets"].items()
        },
    )


def _labels(sample: Mapping[str, Any]) -> Labels:
    return frozenset(sample["labels"].items())
