"""How far the measured latencies are from the true ones, device by device, while scrapes go on.

Every pair asks once, so what its `_sum` gains is the one latency that was measured. The truth is when the
publisher handed request and answer to the kernel. A bare subscriber beside the exporter shows how much of
the error is the broker's and the machine's.
"""

import json
import re
import statistics
from array import array
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from benchmarks.figure import Figure, Result, Target, number, percentile, spread
from benchmarks.load.publisher import BOARDS
from benchmarks.load.traffic import Shape, one_round
from benchmarks.rig.live import Live, live
from benchmarks.rig.scraper import Scraper, values
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale

_RATE = 1000
_SCRAPE_SECONDS = 5.0
_FRESH_SECONDS = 20.0
_BOARDS = 500
_ENDLESS_SECONDS = 86_400
_MS_PER_NS = 1e-6
_LABELS = re.compile(rb'device_id="([^"]*)",symbol="([^"]*)"')
_LATENCY = "tickrmeter_stock_update_latency_seconds"

Pair = tuple[str, str]
Stamp = tuple[int, bytes, bytes]
"""Monotonic nanoseconds, topic, payload."""


class LatencyErrors:
    """What was measured less the truth, in ms, sorted, by run; and less what a subscriber saw."""

    def __init__(self) -> None:
        self.ours: list[list[float]] = []
        self.bare: list[list[float]] = []
        self.apart: list[list[float]] = []
        self.missing = 0

    def take(self, fleet: Live, runs: int, before: int = 0) -> None:
        """Let rounds pass; so many were taken of the same fleet before."""
        for run in range(before, before + runs):
            truth, seen, measured = _run(fleet, run)
            both = truth.keys() & measured.keys()
            self.ours.append(sorted(abs(measured[pair] - truth[pair]) for pair in both))
            self.bare.append(sorted(abs(seen[pair] - truth[pair]) for pair in truth.keys() & seen.keys()))
            both = seen.keys() & measured.keys()
            self.apart.append(sorted(abs(measured[pair] - seen[pair]) for pair in both))
            self.missing += len(truth.keys() - measured.keys())


def measure(scale: Scale) -> Result:
    """Compare the exporter's latencies, and a subscriber's, with the truth; alone and beside AutoCore."""
    runs = min(scale.runs, 3)
    alone, beside = LatencyErrors(), LatencyErrors()
    with live(scale.fleet, "device") as fleet:
        alone.take(fleet, runs)
    with live(scale.fleet, "device", {"AUTOCORE__ENABLED": "true"}) as fleet, _boards(fleet):
        beside.take(fleet, runs)
    what = f"error of a measured latency, scraped every {_SCRAPE_SECONDS:g} s, {number(_RATE)} msg/s"
    also = f"the same, with {number(_BOARDS)} AutoCore messages a second beside, into SQLite"
    found = sum(map(len, alone.ours)) + alone.missing
    return Result(
        (
            _figure(f"{what}: 99.9th percentile", alone, 0.999, Target(10)),
            _figure(f"{also}: 99.9th percentile", beside, 0.999, Target(10)),
            _figure(f"{what}: maximum", alone, 1.0, Target(50)),
            _figure(f"{also}: maximum", beside, 1.0, Target(50)),
            _figure(f"{what}: median", alone, 0.5, None),
            _figure(f"{also}: median", beside, 0.5, None),
            Figure(
                "the exporter's own share of it: difference from the bare subscriber, 99.9th percentile",
                statistics.median(percentile(run, 0.999) for run in alone.apart),
                "ms",
                note=spread([percentile(run, 0.999) for run in alone.apart], "ms"),
            ),
            Figure(
                "answers without a latency", alone.missing + beside.missing, "", Target(0), f"of {2 * found}"
            ),
        )
    )


@contextmanager
def _boards(fleet: Live) -> Iterator[None]:
    """Let AutoCore boards send while the context lasts."""
    with Worker(
        "benchmarks.load.publisher",
        port=fleet.broker.port,
        shape=Shape(_BOARDS, 1).as_job(),
        traffic=BOARDS,
        count=_BOARDS * _ENDLESS_SECONDS,
        rate=_BOARDS,
    ):
        yield


def _figure(what: str, errors: LatencyErrors, share: float, target: Target | None) -> Figure:
    mine, theirs = ([percentile(run, share) for run in runs] for runs in (errors.ours, errors.bare))
    note = f"{spread(mine, 'ms')}; a bare subscriber {spread(theirs, 'ms')}"
    return Figure(what, statistics.median(mine), "ms", target, note)


def _run(fleet: Live, run: int) -> tuple[dict[Pair, float], dict[Pair, float], dict[Pair, float]]:
    """Return the latencies of a round in ms: sent, seen by the bare subscriber, measured."""
    wires = list(one_round(fleet.shape))
    sends, arrivals = fleet.directory / f"sends-{run}", fleet.directory / f"arrivals-{run}"
    before = _sums(fleet, run + 1)
    with (
        Worker("benchmarks.load.subscriber", port=fleet.broker.port, file=str(arrivals)) as subscriber,
        Scraper(fleet.exporter.port) as scraper,
    ):
        subscriber.reply()
        with fleet.publisher(len(wires), _RATE, sends) as publisher:
            while not publisher.replied(_SCRAPE_SECONDS):
                scraper.scrape()
            publisher.reply()
        after = _sums(fleet, run + 2)
        subscriber.close_input()
        subscriber.reply()
    stamps = array("q", sends.read_bytes())
    truth = _latencies((stamp, wire.topic, wire.payload) for stamp, wire in zip(stamps, wires, strict=True))
    measured = {
        pair: 1000 * (total - before[pair][1])
        for pair, (count, total) in after.items()
        if count == before[pair][0] + 1
    }
    return truth, _latencies(_arrivals(arrivals)), measured


def _sums(fleet: Live, rounds: int) -> dict[Pair, tuple[float, float]]:
    """Count and sum of each pair's latencies, once the exposition has so many rounds of them."""
    found: dict[Pair, tuple[float, float]] = {}
    wanted = rounds * fleet.shape.pairs

    def complete() -> bool:
        body = scraper.scrape().body
        counts, sums = values(body, f"{_LATENCY}_count"), values(body, f"{_LATENCY}_sum")
        found.update({_pair(labels): (count, sums[labels]) for labels, count in counts.items()})
        return sum(values(body, "tickrmeter_stock_update_responses_total").values()) >= wanted

    with Scraper(fleet.exporter.port) as scraper:
        fleet.exporter.wait(complete, f"to show {wanted} answers", _FRESH_SECONDS)
    return found


def _pair(labels: bytes) -> Pair:
    match = _LABELS.search(labels)
    if match is None:
        raise ValueError(f"not the labels of a pair: {labels!r}")
    return match[1].decode(), match[2].decode()


def _arrivals(file: Path) -> Iterable[Stamp]:
    for line in file.read_bytes().splitlines():
        stamp, topic, payload = json.loads(line)
        yield stamp, topic.encode(), payload.encode()


def _latencies(stamps: Iterable[Stamp]) -> dict[Pair, float]:
    """Pair requests and answers, each pair's only ones; ms."""
    asked: dict[Pair, int] = {}
    latencies: dict[Pair, float] = {}
    for stamp, topic, payload in stamps:
        content: Mapping[str, str] = json.loads(payload)
        if topic == b"STOCKPRICEUPDATE":
            asked[content["device"], content["symbol"]] = stamp
        elif "price" in content:
            pair = topic.decode(), content["symbol"]
            latencies[pair] = (stamp - asked[pair]) * _MS_PER_NS
    return latencies
