"""The callbacks of the fleet's observable instruments: they look at the state when a reader collects.

They run in the handler's thread, between two messages. Those of devices may be interrupted by messages
before the next one runs, so each takes its own copy of the list of devices.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from heapq import nlargest

from opentelemetry.metrics import Observation

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.device import UNKNOWN, Device
from otel_tickrmeter.fleets.tickrmeter.ranking import ranking, slowest, symbol_figures
from otel_tickrmeter.fleets.tickrmeter.reason import RequestEvent
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import Figures

_NS = 1e9
_GREEDIEST = 10


@dataclass(frozen=True, slots=True)
class Ranks:
    """How the slowest symbols are ranked: `monitoring.min_ranked_requests` and `.ranking_size`."""

    min_outcomes: int
    size: int


class FleetObserver:
    """Observes devices and symbols.

    Args:
        fleet: The state.
        ranks: How to rank.
        unix_offset_ns: Unix time less monotonic time.
    """

    def __init__(self, fleet: Fleet, ranks: Ranks, unix_offset_ns: Callable[[], int]) -> None:
        self._fleet = fleet
        self._ranks = ranks
        self._unix_offset_ns = unix_offset_ns
        self._figures: dict[Symbol, Figures] = {}
        self._figures_of = (-1, -1)

    def callbacks(self) -> dict[str, Observe]:
        """Return a callback for each instrument, by name."""
        return {
            "tickrmeter.devices.online.total": self._online,
            "tickrmeter.device.battery.level": self._battery,
            "tickrmeter.device.charging.status": self._each(lambda device: device.charging),
            "tickrmeter.device.uptime": self._each(lambda device: device.uptime),
            "tickrmeter.device.wifi_lost.count": self._each(lambda device: device.wifi_lost),
            "tickrmeter.device.vin.level": self._each(lambda device: device.vin),
            "tickrmeter.device.boot.count": self._each(lambda device: device.boots),
            "tickrmeter.device.last_seen.timestamp": self._last_seen,
            "tickrmeter.devices.by_firmware.total": self._by_firmware,
            "tickrmeter.devices.by_charging_state.total": self._by_charging_state,
            "tickrmeter.devices.by_flash_id.total": self._by_flash_id,
            "tickrmeter.device.symbols.displaced": self._displaced,
            "tickrmeter.stock_update.avg_latency": self._mean,
            "tickrmeter.symbol.avg_latency": self._mean,
            "tickrmeter.symbol.avg_response_time": self._mean,
            "tickrmeter.stock_update.p95_latency": self._p95,
            "tickrmeter.stock_update.p99_latency": self._p99,
            "tickrmeter.symbol.response_rate": self._response_rate,
            "tickrmeter.stock_update.slowest_symbol": self._slowest,
            "tickrmeter.slowest_symbols.ranking": self._ranking,
            "tickrmeter.stock_updates.pending": self._pending,
            "tickrmeter.stock_update.answers_missing": self._answers_missing,
            names.EVENTS: self._events,
        }

    def _devices(self) -> list[Device]:
        return list(self._fleet.devices.values())

    def _online(self) -> Iterable[Observation]:
        counts = Counter(
            (d.firmware_version, d.inner_version, d.flash_id)
            for d in self._devices()
            if self._fleet.online(d)
        )
        for (firmware, inner, flash), count in counts.items():
            yield Observation(count, {"firmware_version": firmware, "iv": inner, "flash_id": flash})

    def _battery(self) -> Iterable[Observation]:
        for device in self._devices():
            if device.battery is not None:
                yield Observation(device.battery, device.battery_attributes)

    def _each(self, read: Callable[[Device], float | bool | None]) -> Observe:
        def observe() -> Iterable[Observation]:
            for device in self._devices():
                value = read(device)
                if value is not None:
                    yield Observation(float(value), device.attributes)

        return observe

    def _last_seen(self) -> Iterable[Observation]:
        offset_ns = self._unix_offset_ns()
        for device in self._devices():
            yield Observation((device.seen_ns + offset_ns) / _NS, device.attributes)

    def _by_firmware(self) -> Iterable[Observation]:
        counts = Counter((d.firmware_version, d.inner_version) for d in self._devices())
        for (firmware, inner), count in counts.items():
            yield Observation(count, {"firmware_version": firmware, "iv": inner})

    def _by_charging_state(self) -> Iterable[Observation]:
        words = {True: "charging", False: "discharging", None: UNKNOWN}
        counts = Counter(device.charging for device in self._devices())
        for state, word in words.items():
            yield Observation(counts[state], {"charging_state": word})

    def _by_flash_id(self) -> Iterable[Observation]:
        for flash, count in Counter(d.flash_id for d in self._devices()).items():
            yield Observation(count, {"flash_id": flash})

    def _displaced(self) -> Iterable[Observation]:
        greedy = (device for device in self._devices() if device.displaced)
        for device in nlargest(_GREEDIEST, greedy, key=lambda device: device.displaced):
            yield Observation(device.displaced, device.attributes)

    def _symbols(self) -> dict[Symbol, Figures]:
        # Eight instruments look at the same figures in one collection.
        fleet = self._fleet
        moment = (fleet.now_ns, fleet.applied)
        if self._figures_of != moment:
            self._figures = symbol_figures(fleet.symbols.values(), fleet.now_ns)
            self._figures_of = moment
        return self._figures

    def _mean(self) -> Iterable[Observation]:
        for symbol, figures in self._symbols().items():
            if figures.mean_seconds is not None:
                yield Observation(figures.mean_seconds, symbol.attributes)

    def _p95(self) -> Iterable[Observation]:
        for symbol, figures in self._symbols().items():
            if figures.p95_seconds is not None:
                yield Observation(figures.p95_seconds, symbol.attributes)

    def _p99(self) -> Iterable[Observation]:
        for symbol, figures in self._symbols().items():
            if figures.p99_seconds is not None:
                yield Observation(figures.p99_seconds, symbol.attributes)

    def _response_rate(self) -> Iterable[Observation]:
        for symbol, figures in self._symbols().items():
            yield Observation(figures.response_rate, symbol.attributes)

    def _slowest(self) -> Iterable[Observation]:
        found = slowest(self._symbols())
        if found is not None:
            symbol, mean_seconds = found
            yield Observation(mean_seconds, symbol.attributes)

    def _ranking(self) -> Iterable[Observation]:
        for ranked in ranking(self._symbols(), self._ranks.min_outcomes, self._ranks.size):
            yield Observation(ranked.score, {"symbol": ranked.symbol, "rank": str(ranked.rank)})

    def _pending(self) -> Iterable[Observation]:
        yield Observation(self._fleet.pending)

    def _events(self) -> Iterable[Observation]:
        account = self._fleet.account
        for event in RequestEvent:
            yield Observation(getattr(account, event.value), {"event": event.value})

    def _answers_missing(self) -> Iterable[Observation]:
        yield Observation(int(self._fleet.answers_missing))
