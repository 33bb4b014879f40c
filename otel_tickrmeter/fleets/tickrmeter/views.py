"""What the fleet shows of itself: its symbols and devices as lists, and the whole at a glance."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.fleets.tickrmeter.device import Device
from otel_tickrmeter.fleets.tickrmeter.habit import MINUTE_NS, Standing
from otel_tickrmeter.fleets.tickrmeter.hour import MINUTES, Minute
from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.ranking import ranking, symbol_figures
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import Figures
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.views.glance import Breakdown, Course, Excerpt, Glance, Trouble, by_bounds, largest
from otel_tickrmeter.views.view import FieldKind, FieldValue, Part, View, ViewField

_SLOWEST = 10
_NO_FIGURES = Figures(0, 0, None, None, None)
_BATTERY = (
    (20.0, 40.0, 60.0, 80.0),
    ("below 20 %", "20 to 40 %", "40 to 60 %", "60 to 80 %", "80 % and more"),
)
_UPTIME = (
    (3_600.0, 86_400.0, 604_800.0),
    ("less than an hour", "less than a day", "less than a week", "a week and more"),
)
_CHARGING = {True: "charging", False: "discharging", None: UNKNOWN}


@dataclass(frozen=True, slots=True)
class SymbolNow:
    """A symbol at one moment. `rank` is 1 for the worst, None for one that is not ranked."""

    symbol: Symbol
    figures: Figures
    standing: Standing | None
    pending: int
    rank: int | None


class FleetViews:
    """Makes the views of the fleet's state.

    Args:
        fleet: The state.
        min_ranked: So many outcomes a symbol must have to be ranked.
        unix_offset_ns: Unix time less monotonic time.
    """

    def __init__(self, fleet: Fleet, min_ranked: int, unix_offset_ns: Callable[[], int]) -> None:
        self._fleet = fleet
        self._min_ranked = min_ranked
        self._unix_offset_ns = unix_offset_ns
        self._symbols: Sequence[SymbolNow] = ()
        self._symbols_of = -1
        devices, minutes = self._device_fields(), self._minute_fields()
        self._course = Course(
            "The last hour",
            *("symbols", "last_hour", minutes),
            span_seconds=MINUTES * MINUTE_NS // SECOND_NS,
            step_seconds=MINUTE_NS // SECOND_NS,
            line="mean_seconds",
            share="timeout_rate",
        )
        self._views = (
            View(
                "symbols",
                "Symbols with what their last outcomes say: those of monitoring.latency_window.",
                _SYMBOL_FIELDS,
                "rank",
                self.symbols,
                self._symbol,
                (
                    Part(
                        "last_hour",
                        "Each minute of the last hour that is over, the oldest first.",
                        minutes,
                        lambda each: each.symbol.habit.last_hour(each.symbol.window, fleet.now_ns),
                    ),
                ),
            ),
            View(
                "devices",
                "Devices as they reported themselves last.",
                devices,
                "device_id",
                lambda: list(fleet.devices.values()),
                fleet.devices.get,
                (
                    Part(
                        "symbols", "The symbols it asks for.", _PAIR_FIELDS, lambda d: list(d.pairs.values())
                    ),
                ),
            ),
        )

    def views(self) -> tuple[View, ...]:
        """The lists that can be asked for."""
        return self._views

    def rank(self, min_ranked: int) -> None:
        """Rank symbols with so many outcomes from now on."""
        self._min_ranked = min_ranked
        self._symbols_of = -1

    def symbols(self) -> Sequence[SymbolNow]:
        """Every symbol as it is now, or was in the same second: of thousands it takes milliseconds."""
        fleet = self._fleet
        second = fleet.now_ns // SECOND_NS
        if self._symbols_of != second:
            figures = symbol_figures(fleet.symbols.values(), fleet.now_ns)
            ranks = {each.symbol: each.rank for each in ranking(figures, self._min_ranked, len(figures))}
            pending = fleet.pending_by_symbol()
            self._symbols = [
                SymbolNow(
                    symbol,
                    figures.get(symbol, _NO_FIGURES),
                    symbol.habit.standing(symbol.window, fleet.now_ns),
                    pending[symbol],
                    ranks.get(symbol.name),
                )
                for symbol in fleet.symbols.values()
            ]
            self._symbols_of = second
        return self._symbols

    def _symbol(self, name: str) -> SymbolNow | None:
        if name not in self._fleet.symbols:
            return None
        return next((each for each in self.symbols() if each.symbol.name == name), None)

    def glance(self) -> Glance:
        """The whole fleet on one page."""
        fleet = self._fleet
        devices = list(fleet.devices.values())
        symbols = self.symbols()
        ranked = sorted((each for each in symbols if each.rank is not None), key=_rank)[:_SLOWEST]
        battery = [level for device in devices if (level := device.reading("battery")) is not None]
        uptime = [seconds for device in devices if (seconds := device.reading("uptime")) is not None]
        charging = Counter(_CHARGING[device.reading("charging")] for device in devices)
        return Glance(
            "TickrMeter",
            (
                ("devices", len(devices)),
                ("devices online", sum(map(fleet.online, devices))),
                ("symbols", len(symbols)),
                ("requests open", fleet.pending),
            ),
            (
                Breakdown("Firmware", largest(Counter(d.firmware_version for d in devices).items())),
                Breakdown("Charging", tuple((word, charging[word]) for word in _CHARGING.values())),
                Breakdown("Battery", tuple(by_bounds(battery, *_BATTERY))),
                Breakdown("Uptime", tuple(by_bounds(uptime, *_UPTIME))),
            ),
            (
                Excerpt(
                    "Slowest symbols",
                    "The ten worst, by mean latency and timeouts together.",
                    _SHOWN,
                    tuple(tuple(field.read(each) for field in _SHOWN) for each in ranked),
                    "p95_seconds",
                    self._course,
                ),
            ),
            self._troubles(symbols),
        )

    def _troubles(self, symbols: Sequence[SymbolNow]) -> tuple[Trouble, ...]:
        found: list[Trouble] = []
        if self._fleet.answers_missing:
            text = "Requests time out and no answer of any device is seen"
            found.append(Trouble(text, "exporter.md#tickrmeteranswersmissing"))
        unusual = [
            each.symbol.name for each in symbols if each.standing is not None and each.standing.unusual
        ]
        if unusual:
            named = ", ".join(sorted(unusual)[:_SLOWEST])
            text = f"Slower than usual, or timing out more often: {len(unusual)} of the symbols ({named})"
            found.append(Trouble(text, "backend.md#tickrmetersymbolunusual"))
        return tuple(found)

    def _minute_fields(self) -> tuple[ViewField, ...]:
        offset_ns = self._unix_offset_ns

        def began(minute: Minute) -> FieldValue:
            return (minute.number * MINUTE_NS + offset_ns()) / SECOND_NS

        return (
            ViewField("at", "moment", "When the minute began.", began),
            ViewField("mean_seconds", "number", "The mean latency of its answers.", lambda m: m.mean_seconds),
            ViewField("timeout_rate", "share", "The share that timed out, 0 to 1.", lambda m: m.timeout_rate),
            ViewField("answered", "whole", "Its answers.", lambda m: m.answered),
            ViewField("timed_out", "whole", "Its timeouts.", lambda m: m.timed_out),
        )

    def _device_fields(self) -> tuple[ViewField, ...]:
        fleet, offset_ns = self._fleet, self._unix_offset_ns

        def last_seen(device: Device) -> FieldValue:
            return (device.seen_ns + offset_ns()) / SECOND_NS

        def told(
            name: str, kind: FieldKind, meaning: str, reading: str, *, chooses: bool = False
        ) -> ViewField:
            return ViewField(name, kind, meaning, lambda device: device.reading(reading), chooses)

        return (
            ViewField("device_id", "text", "Its id.", lambda d: d.id),
            ViewField("online", "flag", "Whether it counts as online.", fleet.online, chooses=True),
            ViewField(
                "firmware_version", "text", "Its firmware.", lambda d: d.firmware_version, chooses=True
            ),
            told("inner_version", "text", "The inner version of its firmware.", "inner_version"),
            told("flash_id", "text", "Its flash memory.", "flash_id"),
            told("charging", "flag", "Whether it is charging.", "charging", chooses=True),
            told("battery_percent", "number", "Its battery level.", "battery"),
            told("vin_level", "number", "Its supply level, as it reports it.", "vin"),
            told("uptime_seconds", "number", "Its uptime, as it reports it.", "uptime"),
            told("wifi_lost", "number", "Losses of the wifi connection, as it reports them.", "wifi_lost"),
            ViewField("boots", "number", "Boots as reported, else as seen.", lambda d: d.boots),
            ViewField("symbols_count", "whole", "Symbols it asks for.", lambda d: len(d.pairs)),
            ViewField("last_seen", "moment", "The arrival of its last message.", last_seen),
        )


def _rank(each: SymbolNow) -> int:
    return each.rank or 0


def _timeout_rate(each: SymbolNow) -> FieldValue:
    outcomes = each.figures.outcomes
    return each.figures.timed_out / outcomes if outcomes else None


def _score(each: SymbolNow) -> FieldValue:
    return each.figures.score if each.figures.outcomes else None


def _p50(each: SymbolNow) -> FieldValue:
    return each.symbol.window.median_seconds()


def _anomaly(each: SymbolNow) -> FieldValue:
    return None if each.standing is None else each.standing.score


def _unusual(each: SymbolNow) -> FieldValue:
    return each.standing is not None and each.standing.unusual


def _symbol_fields() -> tuple[ViewField, ...]:
    def number(name: str, meaning: str, read: Callable[[Any], FieldValue]) -> ViewField:
        return ViewField(name, "number", meaning, read)

    def whole(name: str, meaning: str, read: Callable[[Any], FieldValue]) -> ViewField:
        return ViewField(name, "whole", meaning, read)

    return (
        ViewField("symbol", "text", "Its name, as devices spell it.", lambda s: s.symbol.name),
        whole("rank", "Its place by score, 1 the worst; null with too few outcomes.", lambda s: s.rank),
        number("p50_seconds", "The median latency.", _p50),
        number("p95_seconds", "The latency that 95 of 100 answers keep.", lambda s: s.figures.p95_seconds),
        number("mean_seconds", "The mean latency.", lambda s: s.figures.mean_seconds),
        ViewField(
            "timeout_rate", "share", "The share of its requests that timed out, 0 to 1.", _timeout_rate
        ),
        number("score", "Mean latency in seconds and ten times the timeout rate.", _score),
        whole("answered", "Answers in the window.", lambda s: s.figures.answered),
        whole("timed_out", "Timeouts in the window.", lambda s: s.figures.timed_out),
        whole("requests", "Requests since it is known.", lambda s: s.symbol.requests),
        whole("pending", "Requests that are open.", lambda s: s.pending),
        whole("devices", "Devices that ask for it.", lambda s: s.symbol.pairs),
        number("anomaly_score", "How far from usual it is, in usual spreads.", _anomaly),
        ViewField("unusual", "flag", "Whether it is worse than usual.", _unusual, chooses=True),
    )


_SYMBOL_FIELDS = _symbol_fields()
_SHOWN_NAMES = (
    "symbol",
    "p95_seconds",
    "mean_seconds",
    "timeout_rate",
    "requests",
    "pending",
    "anomaly_score",
)
_SHOWN = tuple(field for name in _SHOWN_NAMES for field in _SYMBOL_FIELDS if field.name == name)
_PAIR_FIELDS = (
    ViewField("symbol", "text", "The symbol.", lambda pair: pair.symbol.name),
    ViewField("pending", "flag", "Whether a request is open.", lambda pair: pair.opened_ns is not None),
    ViewField(
        "ended", "text", "How its last request ended; null before the first end.", lambda pair: pair.closed
    ),
)
