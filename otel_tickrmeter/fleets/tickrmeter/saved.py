"""What of the fleet's state outlasts a restart, and how it is made into a state again.

The rules this file keeps:

1. What is saved is one moment: requests, their ends and what is open add up, or it is not taken back.
2. An open request is saved as open. Who takes it back ends it as abandoned: its answer may have come while
   nobody listened. The start of a boot is not saved, for the same reason.
3. Bounds have no say in what is taken back: as after a bound that became narrower, what is known stays.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.heartbeat import PLACES
from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.pairs import Account
from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow
from otel_tickrmeter.saved.form import Cell, Form, SavedError, Tables, rows_of

_FLEET = Form(
    "tickrmeter_fleet",
    {
        "now_ns": Cell.WHOLE,
        "heard_ns": Cell.WHOLE,
        "deaf_ns": Cell.WHOLE,
        "readings": Cell.NESTED,
        "requested": Cell.WHOLE,
        "answered": Cell.WHOLE,
        "timeout": Cell.WHOLE,
        "superseded": Cell.WHOLE,
        "abandoned": Cell.WHOLE,
    },
)
_DEVICES = Form(
    "tickrmeter_device",
    {
        "id": Cell.TEXT,
        "seen_ns": Cell.WHOLE,
        "deaf_ns": Cell.WHOLE,
        "offline": Cell.WHOLE,
        "displaced": Cell.WHOLE,
        "boots_seen": Cell.WHOLE,
        "firmware_version": Cell.TEXT,
        "readings": Cell.NESTED,
    },
)
_SYMBOLS = Form(
    "tickrmeter_symbol",
    {
        "name": Cell.TEXT,
        "active_ns": Cell.WHOLE,
        "requests": Cell.WHOLE,
        "outcomes_ns": Cell.FIGURES,
        "latencies_ns": Cell.FIGURES,
        "habit": Cell.NESTED,
        "hour": Cell.FIGURES,
    },
)
_PAIRS = Form(
    "tickrmeter_pair",
    {
        "device": Cell.TEXT,
        "symbol": Cell.TEXT,
        "opened_ns": Cell.WHOLE,
        "closed_ns": Cell.WHOLE,
        "closed": Cell.TEXT,
    },
    optional=frozenset({"opened_ns", "closed"}),
)
_FIRMWARES = Form("tickrmeter_firmware", {"version": Cell.TEXT})

FORMS = (_FLEET, _DEVICES, _SYMBOLS, _PAIRS, _FIRMWARES)
"""The tables of the fleet."""

_READINGS = frozenset({type(None), float, str, bool})
_CLOSED = frozenset({None, "answered", "timeout", "abandoned"})


@dataclass(frozen=True, slots=True)
class Remembered:
    """What of a fleet's state is saved, or was taken back; times are monotonic nanoseconds of this machine.

    Attributes:
        now_ns: The time up to which everything has been applied.
        heard_ns: That up to which the broker had been heard.
        deaf_ns: For how long the fleet could not be heard, all in all.
        devices: By id, with their pairs.
        symbols: By name.
        orphans: Those that no pair is left of, in the order in which they lost their last.
        firmwares: How many devices there are of each version; none of one whose series end soon.
        account: All requests, and how they ended.
    """

    now_ns: int
    heard_ns: int
    deaf_ns: int
    devices: Mapping[str, Device]
    symbols: Mapping[str, Symbol]
    orphans: tuple[Symbol, ...]
    firmwares: Mapping[str, int]
    account: Account

    @property
    def open_pairs(self) -> list[Pair]:
        """Those with an open request."""
        return [pair for pair in _pairs(self.devices.values()) if pair.opened_ns is not None]


def to_tables(fleet: Remembered) -> Tables:
    """Copy what outlasts a restart: some five milliseconds for 8,000 devices with three symbols each."""
    account, devices = fleet.account, fleet.devices.values()
    pairs = _pairs(devices)
    symbols = [*(symbol for symbol in fleet.symbols.values() if symbol.pairs), *fleet.orphans]
    windows = [symbol.window.kept() for symbol in symbols]
    return {
        _FLEET.name: {
            "now_ns": [fleet.now_ns],
            "heard_ns": [fleet.heard_ns],
            "deaf_ns": [fleet.deaf_ns],
            "readings": [tuple(PLACES)],
            "requested": [account.requested],
            "answered": [account.answered],
            "timeout": [account.timeout],
            "superseded": [account.superseded],
            "abandoned": [account.abandoned],
        },
        _DEVICES.name: {
            "id": [device.id for device in devices],
            "seen_ns": [device.seen_ns for device in devices],
            "deaf_ns": [device.deaf_ns for device in devices],
            "offline": [int(device.offline) for device in devices],
            "displaced": [device.displaced for device in devices],
            "boots_seen": [device.boots_seen for device in devices],
            "firmware_version": [device.firmware_version for device in devices],
            "readings": [device.readings for device in devices],
        },
        _SYMBOLS.name: {
            "name": [symbol.name for symbol in symbols],
            "active_ns": [symbol.active_ns for symbol in symbols],
            "requests": [symbol.requests for symbol in symbols],
            "outcomes_ns": [at for at, _ in windows],
            "latencies_ns": [latencies for _, latencies in windows],
            "habit": [symbol.habit.kept() for symbol in symbols],
            "hour": [symbol.habit.kept_hour() for symbol in symbols],
        },
        _PAIRS.name: {
            "device": [device.id for device in devices for _ in device.pairs],
            "symbol": [name for device in devices for name in device.pairs],
            "opened_ns": [pair.opened_ns for pair in pairs],
            "closed_ns": [pair.closed_ns for pair in pairs],
            "closed": [pair.closed for pair in pairs],
        },
        _FIRMWARES.name: {"version": list(fleet.firmwares)},
    }


def from_tables(tables: Tables, limits: Limits, shift_ns: int, *, counted: bool) -> Remembered:
    """Make a state of what was saved; nothing else knows of it yet.

    Args:
        tables: As `to_tables` made them, cells of their kinds.
        limits: The bounds of the windows.
        shift_ns: What the monotonic clock is ahead of the one that the times are of.
        counted: Whether requests and their ends are counted on; else from zero, and nothing is open.

    Raises:
        SavedError: It cannot have been saved.
    """
    try:
        remembered = _remembered(tables, limits, shift_ns)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        raise SavedError(f"the fleet: {error!r}") from error
    if counted:
        return remembered
    for pair in remembered.open_pairs:
        pair.opened_ns = None
        pair.closed = "abandoned"
    return replace(remembered, account=Account())


def _remembered(tables: Tables, limits: Limits, shift_ns: int) -> Remembered:
    ((now_ns, heard_ns, deaf_ns, names, *ends),) = rows_of(_FLEET, tables)
    # Another version may have known other readings, or in another order.
    places = [names.index(name) if name in names else None for name in PLACES]
    firmwares = dict.fromkeys(tables[_FIRMWARES.name]["version"], 0)
    devices = {}
    for device_id, seen_ns, device_deaf_ns, offline, displaced, boots, firmware, readings in rows_of(
        _DEVICES, tables
    ):
        device = devices[device_id] = Device(device_id, seen_ns + shift_ns, device_deaf_ns)
        device.offline = bool(offline)
        device.displaced = displaced
        device.boots_seen = boots
        device.firmware_version = firmware
        if not _READINGS.issuperset(map(type, readings)):
            raise ValueError("a reading is no figure, text or truth value")
        device.readings = tuple([None if place is None else readings[place] for place in places])
        if firmware != UNKNOWN:
            firmwares[firmware] += 1
    symbols = {}
    for name, active_ns, requests, at, latencies, habit, hour in rows_of(_SYMBOLS, tables):
        window = OutcomeWindow(limits.max_latency_samples, limits.latency_window_ns)
        window.recall(at, latencies, shift_ns)
        symbol = symbols[name] = Symbol(name, active_ns + shift_ns, window)
        symbol.requests = requests
        symbol.habit.recall(habit, hour, shift_ns)
    for device_id, name, opened_ns, closed_ns, closed in rows_of(_PAIRS, tables):
        device, symbol = devices[device_id], symbols[name]
        if name in device.pairs or closed not in _CLOSED:
            raise ValueError("a pair is there twice, or ended in no known way")
        pair = device.pairs[name] = Pair(device, symbol)
        symbol.pairs += 1
        pair.opened_ns = None if opened_ns is None else opened_ns + shift_ns
        pair.closed_ns = closed_ns + shift_ns
        pair.closed = closed
    remembered = Remembered(
        now_ns + shift_ns,
        heard_ns + shift_ns,
        deaf_ns,
        devices,
        symbols,
        tuple(symbol for symbol in symbols.values() if not symbol.pairs),
        firmwares,
        Account(*ends),
    )
    requested, *ended = ends
    if requested != sum(ended) + len(remembered.open_pairs):
        raise ValueError("requests and their ends do not add up")
    return remembered


def _pairs(devices: Iterable[Device]) -> list[Pair]:
    return [pair for device in devices for pair in device.pairs.values()]
