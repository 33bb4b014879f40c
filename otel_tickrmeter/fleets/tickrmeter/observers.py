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
from otel_tickrmeter.fleets.tickrmeter.device import Device
from otel_tickrmeter.fleets.tickrmeter.habit import Standing
from otel_tickrmeter.fleets.tickrmeter.heartbeat import KEPT, PLACES
from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN, told_apart
from otel_tickrmeter.fleets.tickrmeter.ranking import ranking, slowest, symbol_figures
from otel_tickrmeter.fleets.tickrmeter.reason import RequestEvent
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import Figures
from otel_tickrmeter.stream.second import SECOND_NS

_GREEDIEST = 10
_BATTERY, _CHARGING, _FLASH, _INNER = (
    PLACES[name] for name in ("battery", "charging", "flash_id", "inner_version")
)


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

    def rank(self, ranks: Ranks) -> None:
        """Rank so from now on."""
        self._ranks = ranks

    def callbacks(self) -> dict[str, Observe]:
        """A callback for each instrument, by name."""
        return {
            names.DEVICES_ONLINE_TOTAL: self._online,
            names.DEVICE_BATTERY_LEVEL: self._battery,
            **{
                reading.gauge.name: self._each(_reading(place))
                for place, reading in enumerate(KEPT)
                if reading.gauge is not None
            },
            names.DEVICE_BOOT_COUNT: self._each(lambda device: device.boots),
            names.DEVICE_LAST_SEEN_TIMESTAMP: self._last_seen,
            names.DEVICES_BY_FIRMWARE_TOTAL: self._by_firmware,
            names.DEVICES_BY_CHARGING_STATE_TOTAL: self._by_charging_state,
            names.DEVICES_BY_FLASH_ID_TOTAL: self._by_flash_id,
            names.DEVICE_SYMBOLS_DISPLACED: self._displaced,
            names.STOCK_UPDATE_AVG_LATENCY: self._mean,
            names.SYMBOL_AVG_LATENCY: self._mean,
            names.SYMBOL_AVG_RESPONSE_TIME: self._mean,
            names.STOCK_UPDATE_P95_LATENCY: self._p95,
            names.STOCK_UPDATE_P99_LATENCY: self._p99,
            names.SYMBOL_RESPONSE_RATE: self._response_rate,
            names.SYMBOL_ANOMALY: self._anomaly,
            names.SYMBOL_ANOMALY_SCORE: self._anomaly_score,
            names.SYMBOL_LATENCY_TREND: self._trend,
            names.STOCK_UPDATE_SLOWEST_SYMBOL: self._slowest,
            names.SLOWEST_SYMBOLS_RANKING: self._ranking,
            names.STOCK_UPDATES_PENDING: self._pending,
            names.STOCK_UPDATE_ANSWERS_MISSING: self._answers_missing,
            names.EVENTS: self._events,
        }

    def _devices(self) -> list[Device]:
        return list(self._fleet.devices.values())

    def _online(self) -> Iterable[Observation]:
        counts = told_apart(
            (d.firmware_version, d.readings[_INNER] or UNKNOWN, d.readings[_FLASH] or UNKNOWN)
            for d in self._devices()
            if self._fleet.online(d)
        )
        for (firmware, inner, flash), count in counts.items():
            yield Observation(count, {"firmware_version": firmware, "iv": inner, "flash_id": flash})

    def _battery(self) -> Iterable[Observation]:
        for device in self._devices():
            battery = device.readings[_BATTERY]
            if battery is not None:
                yield Observation(battery, device.battery_attributes)

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
            yield Observation((device.seen_ns + offset_ns) / SECOND_NS, device.attributes)

    def _by_firmware(self) -> Iterable[Observation]:
        counts = told_apart((d.firmware_version, d.readings[_INNER] or UNKNOWN) for d in self._devices())
        for (firmware, inner), count in counts.items():
            yield Observation(count, {"firmware_version": firmware, "iv": inner})

    def _by_charging_state(self) -> Iterable[Observation]:
        words = {True: "charging", False: "discharging", None: UNKNOWN}
        counts = Counter(device.readings[_CHARGING] for device in self._devices())
        for state, word in words.items():
            yield Observation(counts[state], {"charging_state": word})

    def _by_flash_id(self) -> Iterable[Observation]:
        for (flash,), count in told_apart((d.readings[_FLASH] or UNKNOWN,) for d in self._devices()).items():
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

    def _standings(self) -> Iterable[tuple[Symbol, Standing]]:
        for symbol in list(self._fleet.symbols.values()):
            standing = symbol.habit.standing(symbol.window, self._fleet.now_ns)
            if standing is not None:
                yield symbol, standing

    def _anomaly(self) -> Iterable[Observation]:
        for symbol, standing in self._standings():
            yield Observation(int(standing.unusual), symbol.attributes)

    def _anomaly_score(self) -> Iterable[Observation]:
        for symbol, standing in self._standings():
            if standing.score is not None:
                yield Observation(standing.score, symbol.attributes)

    def _trend(self) -> Iterable[Observation]:
        for symbol, standing in self._standings():
            for window, ratio in standing.ratios.items():
                yield Observation(ratio, symbol.trend(window))

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


def _reading(place: int) -> Callable[[Device], float | bool | None]:
    return lambda device: device.readings[place]
