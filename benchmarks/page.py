"""What somebody who looks at the page costs: CPU, a scrape, and the error of a latency.

Eight people have it open, in turns with nobody, and with a program beside each that asks for every list every
two seconds. Before the first turn nobody has ever looked; between turns everybody has gone.
"""

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager

from benchmarks.figure import Figure, Result, Target, number, percentile, spread
from benchmarks.latency_error import LatencyErrors
from benchmarks.rig.live import Live, live
from benchmarks.rig.processes import cpu_seconds
from benchmarks.rig.scraper import Scraper
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale

_RATE = 1000
_VIEWERS = 8
_TIMED_EVERY_SECONDS = 0.227
"""Divides neither a refresh interval nor the time between two events."""
_SETTLE_SECONDS = 2.5
_SHARES = (("median", 0.5), ("95th percentile", 0.95))


class _Turns:
    """What each turn gave: CPU in % of a core, and scrapes in ms, sorted."""

    def __init__(self) -> None:
        self.cpu: list[float] = []
        self.scrapes: list[list[float]] = []

    def take(self, fleet: Live, scale: Scale) -> None:
        """Let a turn pass: a window of CPU, then scrapes, whose own cost is not in it."""
        time.sleep(_SETTLE_SECONDS)
        pid = fleet.exporter.pid
        before, start = cpu_seconds(pid), time.monotonic()
        time.sleep(scale.window_seconds)
        self.cpu.append(100 * (cpu_seconds(pid) - before) / (time.monotonic() - start))
        with Scraper(fleet.exporter.port) as scraper:
            took = []
            for _ in range(scale.scrapes // scale.runs):
                time.sleep(_TIMED_EVERY_SECONDS)
                took.append(1000 * scraper.scrape().seconds)
        self.scrapes.append(sorted(took))

    def scrape(self, share: float) -> list[float]:
        """A percentile of each turn's scrapes."""
        return [percentile(turn, share) for turn in self.scrapes]


def measure(scale: Scale) -> Result:
    """Measure both."""
    return Result((*_scrapes(scale), *_errors(scale)))


def _scrapes(scale: Scale) -> list[Figure]:
    nobody, pages, programs = _Turns(), _Turns(), _Turns()
    with live(scale.fleet, "device") as fleet, fleet.flow(_RATE):
        for _ in range(scale.runs):
            nobody.take(fleet, scale)
            with _looking(fleet, programs=False):
                pages.take(fleet, scale)
            nobody.take(fleet, scale)
            with _looking(fleet, programs=True):
                programs.take(fleet, scale)
    first, *after = nobody.cpu
    what = f"{number(_RATE)} msg/s, device detail"
    looked = ((f"{_VIEWERS} pages open", pages), (f"and {_VIEWERS} programs besides", programs))
    return [
        Figure(
            f"CPU, {what}: after everybody has gone, in that of before anybody looked",
            statistics.median(after) / first,
            "x",
            Target(1.1),
            f"before {number(first)} %; after {spread(after, '%')} of a core",
        ),
        *(
            Figure(
                f"CPU, {what}: more with {words}",
                statistics.median(turns.cpu) - statistics.median(nobody.cpu),
                "% of a core",
                None,
                spread(turns.cpu, "%"),
            )
            for words, turns in looked
        ),
        *(
            Figure(
                f"scrape, {what}, {which}: with {words}, in that with none",
                statistics.median(turns.scrape(share)) / statistics.median(nobody.scrape(share)),
                "x",
                None,
                f"{spread(turns.scrape(share), 'ms')}; with none {spread(nobody.scrape(share), 'ms')}",
            )
            for which, share in _SHARES
            for words, turns in looked
        ),
    ]


def _errors(scale: Scale) -> list[Figure]:
    nobody, looked = LatencyErrors(), LatencyErrors()
    with live(scale.fleet, "device") as fleet:
        for turn in range(min(scale.runs, 3)):
            nobody.take(fleet, 1, 2 * turn)
            with _looking(fleet, programs=True):
                looked.take(fleet, 1, 2 * turn + 1)
    what = f"a measured latency, {number(_RATE)} msg/s"
    return [
        _error(f"error of {what}, looked at: median", looked.ours, nobody.ours, 0.5),
        _error(f"error of {what}, looked at: 99.9th percentile", looked.ours, nobody.ours, 0.999),
        # On a machine that does other things, too, this alone says something of the exporter.
        _error(
            f"difference of {what}, from a bare subscriber's, looked at: 99.9th percentile",
            *(looked.apart, nobody.apart, 0.999),
            Target(10),
        ),
        Figure("answers without a latency", nobody.missing + looked.missing, "", Target(0)),
    ]


def _error(
    what: str,
    looked: list[list[float]],
    nobody: list[list[float]],
    share: float,
    target: Target | None = None,
) -> Figure:
    mine, theirs = ([percentile(run, share) for run in runs] for runs in (looked, nobody))
    note = f"{spread(mine, 'ms')}; not looked at {spread(theirs, 'ms')}"
    return Figure(what, statistics.median(mine), "ms", target, note)


@contextmanager
def _looking(fleet: Live, *, programs: bool) -> Iterator[None]:
    """Have people look while the context lasts.

    Raises:
        WorkerError: The exporter refused one of them, or did not answer.
        RuntimeError: No event came.
    """
    job = {"port": fleet.exporter.port, "count": _VIEWERS, "programs": programs}
    with Worker("benchmarks.load.viewers", **job) as viewers:
        yield
        viewers.close_input()
        if viewers.reply().get("events", 0) < _VIEWERS:
            raise RuntimeError("nobody was told anything")
