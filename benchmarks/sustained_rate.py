"""The highest rate at which nothing is lost, not one message."""

import statistics
from collections import Counter

from benchmarks.figure import Figure, Result, Target, number, spread
from benchmarks.load.traffic import one_round
from benchmarks.rig.live import Live, live
from benchmarks.rig.scraper import Scraper, value, values
from benchmarks.scale import Scale

_PACE_KEPT = 1.02
"""A step counts if its publisher took at most this share of the time it should have taken."""
_CATCH_UP_SECONDS = 1.0
"""A step counts if this long after its end all is processed: more would be a backlog that grows."""
_DRAIN_SECONDS = 60.0
_FRESH_SECONDS = 15.0


class _Ladder:
    """Climbs the rates; `sent` is all that was published to the exporter since its start, by type."""

    def __init__(self, fleet: Live) -> None:
        self._fleet = fleet
        self.sent = Counter(wire.kind for wire in one_round(fleet.shape))

    def climb(self, scale: Scale) -> tuple[float, str]:
        """Return the highest rate that was kept up, and why the next one was not."""
        best = 0.0
        for rate in scale.steps:
            count = int(rate * scale.step_seconds)
            published = self._fleet.publish(count, rate)
            self.sent.update(published["sent"])
            wanted = self.sent.total()
            done = self._fleet.exporter.wait_processed(wanted, _CATCH_UP_SECONDS)
            if published["seconds"] > count / rate * _PACE_KEPT:
                reached = count / published["seconds"]
                return best, f"publisher and broker manage {number(reached)} of {number(rate)} msg/s"
            if done != wanted:
                done = self._fleet.exporter.wait_processed(wanted, _DRAIN_SECONDS)
                why = f"lost {wanted - done}" if done != wanted else "fell behind"
                return best, f"{why} at {number(rate)} msg/s"
            best = rate
        return best, "no higher rate was tried"

    def lost(self) -> dict[str, float]:
        """Return what was sent and not counted by the exporter, by message type, and what it dropped."""
        body = b""

        def fresh() -> bool:
            nonlocal body
            body = scraper.scrape().body
            return value(body, "tickrmeter_messages_total") >= processed

        with Scraper(self._fleet.exporter.port) as scraper:
            processed = self._fleet.exporter.processed()
            self._fleet.exporter.wait(fresh, "to show all that it processed", _FRESH_SECONDS)
        counted = values(body, "tickrmeter_messages_total")
        lost = {
            kind: sent - counted.get(b'message_type="%s"' % kind.encode(), 0.0)
            for kind, sent in self.sent.items()
        }
        return lost | {"dropped": value(body, "tickrmeter_queue_dropped_total")}


def measure(scale: Scale) -> Result:
    """Climb the rates, several times, each time with a fresh exporter."""
    best: list[float] = []
    ends: list[str] = []
    lost: Counter[str] = Counter()
    for _ in range(min(scale.runs, 3)):
        with live(scale.fleet, "device") as fleet:
            ladder = _Ladder(fleet)
            rate, end = ladder.climb(scale)
            best.append(rate)
            ends.append(end)
            lost.update(ladder.lost())
    missing = ", ".join(f"{number(count)} {kind}" for kind, count in lost.items() if count)
    note = f"{spread(best, 'msg/s')}; {'; '.join(ends)}"
    return Result(
        (
            Figure(
                f"sustained rate through Mosquitto, QoS 0, {scale.step_seconds:g} s a step, nothing lost",
                statistics.median(best),
                "msg/s",
                Target(15_000, "at least"),
                note,
            ),
            Figure(
                "messages sent and not counted, the failing steps included",
                lost.total() - lost["dropped"],
                "",
                note=missing or "each type of message counted exactly",
            ),
        )
    )
