"""What of the fleet's state outlasts a restart, and how it is made into a state again.

The rules this file keeps:

1. What is saved is one moment: what one table says of a device, relay or order another one has, or nothing is
   taken back.
2. Bounds have no say in what is taken back: as after a bound that became narrower, what is known stays.
3. Of times only those of the monotonic clock are shifted; what devices and the calendar say is as it was.

What is not saved, and why:

- What the broker kept of devices that are not known (`retained.py`): it comes again when we subscribe.
- The message whose copy, by another filter, has not come (`intake.py`): with a timestamp it is known by that.
- Runs of rules, and since when a reading is beyond a bound: what a rule has begun must not be gone on with by
  a program that does not know whether it was done. Rules and when they ran last are in the database. Until
  when somebody has stopped them all is saved.
- Notices, and rows: they were handed on, and whoever has them ends them, sends or spools them.
- What of a device stands in the database: that is written once more, and is the same.
- How many lines of the log, letters and events of nobody there were this second or minute.
"""

import json
from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import chain, compress, count, islice, repeat
from operator import attrgetter
from typing import Any, TypeVar

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import Description, Figures, When
from otel_tickrmeter.fleets.autocore.order import Order
from otel_tickrmeter.fleets.autocore.reason import Trigger, Word
from otel_tickrmeter.fleets.autocore.relay import EXPLAINED_NS, Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import WINDOWS, Sensor
from otel_tickrmeter.fleets.autocore.watching import held_to
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.saved.form import Cell, Form, SavedError, Tables, rows_of
from otel_tickrmeter.stream.position import Position
from otel_tickrmeter.stream.second import SECOND_NS

_DESCRIPTION = dict.fromkeys(Description._fields, Cell.TEXT)
_FLEET = Form(
    "autocore_fleet",
    {
        "heard_ns": Cell.WHOLE,
        "deaf_ns": Cell.WHOLE,
        "next_sweep_ns": Cell.WHOLE,
        "next_room_ns": Cell.WHOLE,
        "windows": Cell.NESTED,
    },
)
_DEVICES = Form(
    "autocore_device",
    {
        "id": Cell.TEXT,
        "seen_ns": Cell.WHOLE,
        "last_seen_ns": Cell.WHOLE,
        "first_seen_ns": Cell.WHOLE,
        "burst_second": Cell.WHOLE,
        "burst_count": Cell.WHOLE,
        "word": Cell.TEXT,
        "reason": Cell.TEXT,
        "clock_trusted": Cell.WHOLE,
        "clock_offset_ns": Cell.WHOLE,
        "uptime": Cell.NUMBER,
        "memory_free": Cell.NUMBER,
        "wifi_signal": Cell.NUMBER,
        **_DESCRIPTION,
    },
    optional=frozenset(
        {
            *("word", "reason", "clock_trusted", "clock_offset_ns", "uptime", "memory_free", "wifi_signal"),
            *_DESCRIPTION,
        }
    ),
)
_RELAYS = Form(
    "autocore_relay",
    {
        "device": Cell.TEXT,
        "number": Cell.WHOLE,
        "state": Cell.WHOLE,
        "retained": Cell.WHOLE,
        "since_ns": Cell.WHOLE,
        "trigger": Cell.TEXT,
        "refreshed_ns": Cell.WHOLE,
    },
    optional=frozenset({"state", "since_ns", "trigger"}),
)
_CHANGES = Form(
    "autocore_change",
    {
        "device": Cell.TEXT,
        "relay": Cell.WHOLE,
        "state": Cell.WHOLE,
        "previous": Cell.WHOLE,
        "source": Cell.TEXT,
        "at_ns": Cell.WHOLE,
        "received_ns": Cell.WHOLE,
        "trusted": Cell.WHOLE,
        "backlog": Cell.WHOLE,
    },
    optional=frozenset({"previous", "source"}),
)
_SENSORS = Form(
    "autocore_sensor",
    {
        "device": Cell.TEXT,
        "key": Cell.TEXT,
        "unit": Cell.TEXT,
        "value": Cell.NUMBER,
        "at_ns": Cell.WHOLE,
        "kept_second": Cell.WHOLE,
        "judged": Cell.NESTED,
    },
)
_ORDERS = Form(
    "autocore_order",
    {
        "device": Cell.TEXT,
        "topic": Cell.TEXT,
        "newest_ns": Cell.WHOLE,
        "late_in_a_row": Cell.WHOLE,
        "late_by_ns": Cell.WHOLE,
        "late_stamp_ns": Cell.WHOLE,
        "late_content": Cell.WHOLE,
    },
)
# What may be there besides: of a fleet that goes on from the very position in the stream where it was.
_POSITION = Form(
    "autocore_position",
    {
        "run": Cell.TEXT,
        "arrived_ns": Cell.WHOLE,
        "number": Cell.WHOLE,
        "back_ns": Cell.WHOLE,
        "due_ns": Cell.FIGURES,
    },
)
# Not a list in each order: tens of thousands of those at once would wake the garbage collector.
_CONTENTS = Form("autocore_content", {"order": Cell.WHOLE, "stamp_ns": Cell.WHOLE, "content": Cell.WHOLE})

# Not in what was saved before there was one.
_RULES = Form("autocore_rules", {"stopped_until_ns": Cell.WHOLE})

FORMS = (_FLEET, _DEVICES, _RELAYS, _CHANGES, _SENSORS, _ORDERS, _CONTENTS, _RULES)
"""The tables of the fleet. Orders go by their places, from 0 on."""
FORMS_WITH_POSITION = (*FORMS, _POSITION)
"""The same, and how far messages had been taken."""

# A topic is bytes, and its text must be these bytes again, whatever they are.
_BYTES = "latin-1"
_LARGEST_NS = 2**63 - 1
# Copied at once: their rows stay in the processor's cache, and are too few for the collector to wake (700).
_PART = 256
_Key = TypeVar("_Key")
_Thing = TypeVar("_Thing")


@dataclass(frozen=True, slots=True)
class Remembered:
    """What of a fleet's state is saved, or was taken back; times are monotonic nanoseconds of this machine.

    Attributes:
        heard_ns: The time up to which the broker had been heard.
        deaf_ns: For how long the fleet could not be heard, all in all.
        next_sweep_ns: When silence is looked for next.
        next_room_ns: Before this no room is looked for.
        devices: By id, with all that is known of them.
        unexplained: Relays with a change that no cause is known of yet, in the order of the changes.
        due_ns: When each of these is told without one.
        back_ns: What the clock of what is heard said when the connection was there last.
        position: Up to where messages are in it; None when that is not known.
        stopped_until_ns: Until when no rule may run, since somebody stopped all.
    """

    heard_ns: int
    deaf_ns: int
    next_sweep_ns: int
    next_room_ns: int
    devices: Mapping[str, Device]
    unexplained: Sequence[tuple[Device, Relay]]
    due_ns: Sequence[int] = ()
    back_ns: int = 0
    position: Position | None = None
    stopped_until_ns: int = 0


def to_tables(fleet: Remembered) -> Tables:
    """Copy what outlasts a restart; docs/performance.md has how long it takes.

    What can be made of the copies is left to who goes through the columns, once, in a thread.
    """
    devices = list(fleet.devices.values())
    return {
        _FLEET.name: {
            "heard_ns": [fleet.heard_ns],
            "deaf_ns": [fleet.deaf_ns],
            "next_sweep_ns": [fleet.next_sweep_ns],
            "next_room_ns": [fleet.next_room_ns],
            "windows": [tuple(WINDOWS)],
        },
        _DEVICES.name: _columns(
            _DEVICES.columns, devices, word=_word, clock_trusted=_flag, clock_offset_ns=_within
        ),
        **_relay_tables(devices),
        **_change_tables(fleet.unexplained),
        **_sensor_tables(devices),
        **_order_tables(devices),
        _RULES.name: {"stopped_until_ns": [fleet.stopped_until_ns]},
    }


def position_tables(fleet: Remembered, position: Position) -> Tables:
    """How far messages are in it, and what makes it go on from there as if nothing had been."""
    columns = {
        **{name: [cell] for name, cell in position._asdict().items()},
        "back_ns": [fleet.back_ns],
        "due_ns": [array("q", fleet.due_ns)],
    }
    return {_POSITION.name: columns}


def _relay_tables(devices: Sequence[Device]) -> Tables:
    of_devices = [device.relays for device in devices]
    relays = chain.from_iterable(map(dict.values, of_devices))
    own = _columns(_RELAYS.columns.keys() - {"device"}, relays, state=_flag, retained=_flag, trigger=_word)
    return {_RELAYS.name: {"device": _owners(devices, of_devices), **own}}


def _change_tables(unexplained: Sequence[tuple[Device, Relay]]) -> Tables:
    changes = [relay.unexplained for _, relay in unexplained if relay.unexplained is not None]
    whens = [change.when for change in changes]
    return {
        _CHANGES.name: {
            "device": [device.id for device, _ in unexplained],
            "relay": [relay.number for _, relay in unexplained],
            **_columns(("state", "previous", "source"), changes, state=_flag, previous=_flag),
            **_columns(When._fields, whens, trusted=_flag, backlog=_flag),
        }
    }


def _sensor_tables(devices: Sequence[Device]) -> Tables:
    of_devices = [device.sensors for device in devices]
    sensors = list(chain.from_iterable(map(dict.values, of_devices)))
    return {
        _SENSORS.name: {
            "device": _owners(devices, of_devices),
            **_columns(_SENSORS.columns.keys() - {"device", "judged"}, sensors),
            "judged": _judged(sensors),
        }
    }


def _order_tables(devices: Sequence[Device]) -> Tables:
    of_devices = [device.orders for device in devices]
    orders = list(chain.from_iterable(map(dict.values, of_devices)))
    lengths: list[int] = []
    stamps: list[int] = []
    contents: list[int] = []
    for some in _in_parts(orders):
        recent = [order.recent for order in some]
        lengths += map(len, recent)
        stamps += chain.from_iterable(recent)
        contents += chain.from_iterable(map(dict.values, recent))
    return {
        _ORDERS.name: {
            "device": _owners(devices, of_devices),
            "topic": map(_topic, list(chain.from_iterable(of_devices))),
            **_columns(_ORDERS.columns.keys() - {"device", "topic"}, orders),
        },
        _CONTENTS.name: {
            "order": chain.from_iterable(map(repeat, count(), lengths)),
            "stamp_ns": stamps,
            "content": contents,
        },
    }


def _columns(
    names: Iterable[str], things: Iterable[object], **make: Callable[[Any], object]
) -> dict[str, Iterable[object]]:
    """Copy attributes of things that are called like columns; some have cells made of them, later."""
    wanted = tuple(names)
    columns = _copied(attrgetter(*wanted), things) or [[] for _ in wanted]
    return {
        name: map(make[name], column) if name in make else column
        for name, column in zip(wanted, columns, strict=True)
    }


def _judged(sensors: Iterable[Sensor]) -> Iterator[object]:
    """What is to be kept of each sensor; null of one that is not judged."""
    judged = [sensor.watched for sensor in sensors]
    kept = zip(*_copied(Sensor.kept, compress(sensors, judged)), strict=True)
    return (next(kept) if each else None for each in judged)


def _copied(read: Callable[[Any], tuple[object, ...]], things: Iterable[object]) -> list[list[object]]:
    """Copy rows of things as columns; nothing of nothing.

    Some things at a time, and all of each: objects that lie about in memory are waited for once and not for
    each column, and the garbage collector hears nothing of it.
    """
    columns: list[list[object]] = []
    for some in _in_parts(things):
        cells = list(zip(*map(read, some), strict=True))
        columns = columns or [[] for _ in cells]
        for column, more in zip(columns, cells, strict=True):
            column.extend(more)
    return columns


def _in_parts(things: Iterable[_Thing]) -> Iterator[list[_Thing]]:
    source = iter(things)
    while some := list(islice(source, _PART)):
        yield some


def _owners(devices: Iterable[Device], of_devices: Iterable[Sized]) -> Iterator[str]:
    """The ids of devices, each as often as it has something."""
    return chain.from_iterable(map(repeat, [device.id for device in devices], list(map(len, of_devices))))


def from_tables(
    tables: Tables, expected: Mapping[str, Expectation], shift_ns: int, *, counted: bool
) -> Remembered:
    """Make a state of what was saved; nothing else knows of it yet.

    Args:
        tables: As `to_tables` made them, cells of their kinds.
        expected: What some sensors are held to.
        shift_ns: What the monotonic clock is ahead of the one that the times are of.
        counted: Whether what is counted goes on from there. Else nothing waits to be told, unless the
            position is known: it has been, most likely, after what was saved, and no row may be there twice.

    Raises:
        SavedError: It cannot have been saved.
    """
    try:
        remembered = _remembered(tables, expected, shift_ns)
    except (TypeError, ValueError, LookupError, OverflowError) as error:
        raise SavedError(f"the fleet: {error!r}") from error
    if counted or remembered.position is not None:
        return remembered
    for _, relay in remembered.unexplained:
        relay.unexplained = None
    return replace(remembered, unexplained=(), due_ns=())


def _remembered(tables: Tables, expected: Mapping[str, Expectation], shift_ns: int) -> Remembered:
    ((heard_ns, deaf_ns, next_sweep_ns, next_room_ns, windows),) = rows_of(_FLEET, tables)
    devices: dict[str, Device] = {}
    for row in rows_of(_DEVICES, tables):
        device = _device(row, shift_ns)
        _put(devices, device.id, device)
    for device_id, number, *told in rows_of(_RELAYS, tables):
        _put(devices[device_id].relays, number, _relay(number, *told))
    unexplained = [_unexplained(devices, row) for row in rows_of(_CHANGES, tables)]
    for device_id, key, *told in rows_of(_SENSORS, tables):
        _put(devices[device_id].sensors, key, _sensor(key, told, held_to(key, expected), windows))
    orders: dict[int, Order] = {}
    for device_id, topic, *told in rows_of(_ORDERS, tables):
        order = orders[len(orders)] = _order(*told)
        _put(devices[device_id].orders, topic.encode(_BYTES), order)
    for place, stamp_ns, content in rows_of(_CONTENTS, tables):
        _put(orders[place].recent, stamp_ns, content)
    position, back_ns, due_ns = _position(tables, shift_ns)
    if position is None:
        due_ns = [heard_ns + shift_ns + EXPLAINED_NS] * len(unexplained)
    if len(due_ns) != len(unexplained):
        raise ValueError("changes are due that are not there")
    return Remembered(
        heard_ns + shift_ns,
        deaf_ns,
        next_sweep_ns + shift_ns,
        next_room_ns + shift_ns,
        devices,
        unexplained,
        due_ns,
        back_ns + shift_ns,
        position,
        _stopped_until_ns(tables) + shift_ns,
    )


def _stopped_until_ns(tables: Tables) -> int:
    if _RULES.name not in tables:
        return 0
    ((until_ns,),) = rows_of(_RULES, tables)
    return int(until_ns)


def _position(tables: Tables, shift_ns: int) -> tuple[Position | None, int, Sequence[int]]:
    if _POSITION.name not in tables:
        return None, 0, ()
    ((run, arrived_ns, number, back_ns, due_ns),) = rows_of(_POSITION, tables)
    # The position is told by the clock of its run.
    return Position(run, arrived_ns, number), back_ns, [due + shift_ns for due in due_ns]


def _device(row: tuple[Any, ...], shift_ns: int) -> Device:
    device_id, seen_ns, last_seen_ns, first_seen_ns, burst_second, burst_count, word, reason, *more = row
    clock_trusted, clock_offset_ns, uptime, memory_free, wifi_signal, *description = more
    device = Device(device_id, seen_ns + shift_ns, first_seen_ns)
    device.last_seen_ns = last_seen_ns
    device.burst_second = (burst_second * SECOND_NS + shift_ns) // SECOND_NS
    device.burst_count = burst_count
    device.word = None if word is None else Word(word)
    device.reason = reason
    device.clock_trusted = _truth(clock_trusted)
    device.clock_offset_ns = clock_offset_ns
    device.describe(Description(*description), only_unknown=True)
    if device.capabilities is not None:
        json.loads(device.capabilities)
    device.take_figures(Figures(uptime, memory_free, wifi_signal), only_unknown=True)
    return device


def _relay(  # noqa: PLR0917  the columns of a relay
    number: int,
    state: int | None,
    retained: int,
    since_ns: int | None,
    trigger: str | None,
    refreshed_ns: int,
) -> Relay:
    relay = Relay(number)
    relay.state = _truth(state)
    relay.retained = bool(retained)
    relay.since_ns = since_ns
    relay.trigger = None if trigger is None else Trigger(trigger)
    relay.refreshed_ns = refreshed_ns
    return relay


def _unexplained(devices: Mapping[str, Device], row: tuple[Any, ...]) -> tuple[Device, Relay]:
    device_id, number, state, previous, source, at_ns, received_ns, trusted, backlog = row
    device = devices[device_id]
    relay = device.relays[number]
    if relay.unexplained is not None or relay.state is not bool(state):
        raise ValueError("a change is there twice, or the relay is not what it was changed to")
    when = When(at_ns, received_ns, bool(trusted), bool(backlog))
    relay.unexplained = Change(bool(state), _truth(previous), None, source, when)
    return device, relay


def _sensor(key: str, row: Sequence[Any], expected: Expectation | None, windows: Sequence[str]) -> Sensor:
    sensor = Sensor(key, expected)
    sensor.unit, sensor.value, sensor.at_ns, sensor.kept_second, judged = row
    sensor.recall(judged, windows)
    return sensor


def _order(*told: int) -> Order:
    order = Order()
    order.newest_ns, order.late_in_a_row, order.late_by_ns, order.late_stamp_ns, order.late_content = told
    return order


def _put(known: dict[_Key, _Thing], key: _Key, thing: _Thing) -> None:
    if key in known:
        raise ValueError(f"{key!r} is there twice")
    known[key] = thing


def _topic(topic: bytes) -> str:
    return topic.decode(_BYTES)


def _flag(value: int | None) -> int | None:
    return None if value is None else int(value)


def _word(value: StrEnum | None) -> str | None:
    return None if value is None else value.value


def _truth(cell: int | None) -> bool | None:
    return None if cell is None else bool(cell)


def _within(offset_ns: int | None) -> int | None:
    """No clock is off by more than 292 years: SQLite has no greater number."""
    return None if offset_ns is None else max(-_LARGEST_NS, min(offset_ns, _LARGEST_NS))
