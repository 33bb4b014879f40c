"""The fleet's settings: `[autocore]`, its keys and what must hold between them."""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Literal

from otel_tickrmeter.fleets.autocore.reason import Registration
from otel_tickrmeter.fleets.autocore.state import Limits
from otel_tickrmeter.fleets.autocore.topics import DEVICE_ID, DEVICES, LAYOUTS, MAX_RELAYS, SEED
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.settings import kinds
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.kinds import DURATION, ValueKind, choice, integer
from otel_tickrmeter.stream.second import SECOND_NS

DEFAULT_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "device_id": ("device_id", "uuid"),
        "device_type": ("device_type", "type"),
        "firmware_version": ("firmware_version", "firmware"),
        "uptime": ("uptime", "uptime_seconds"),
        "memory_free": ("memory_free", "free_memory", "free_heap", "system.free_heap"),
        "wifi_signal": ("wifi_signal", "wifi_rssi", "rssi"),
        "triggered_by": ("triggered_by", "trigger"),
    }
)
"""Payload field names of each field, in the order they are looked for; a dotted one is nested."""

Range = tuple[float, float]
_SENSOR = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_BOUNDS = 2


@dataclass(frozen=True, slots=True)
class AutomationTable:
    """`[autocore.automation]`: whether rules may publish at all, and on what topics (filters)."""

    publish: bool = False
    topics: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AutoCoreTable:
    """`[autocore]`: durations in seconds, bounds in devices and sensors.

    `fields` has every field of DEFAULT_FIELDS, overridden ones replaced. Of some sensors, in the units of
    their readings, `ranges` has the least and the most that is normal, `min_scales` the least spread.
    `relay_offset` None: each layout its own.
    """

    enabled: bool = False
    database: bool = True
    topic_prefix: str = ""
    layouts: tuple[str, ...] = (SEED,)
    relay_offset: int | None = None
    registration: Literal["auto", "announce", "closed"] = "auto"
    device_timeout: float = 300.0
    device_retention: float = 30 * 86400.0
    max_devices: int = 2_000
    max_sensors: int = 50_000
    fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: DEFAULT_FIELDS)
    ranges: Mapping[str, Range] = field(default_factory=lambda: MappingProxyType({}))
    min_scales: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    stuck_sensors: tuple[str, ...] = ()
    critical_relays: tuple[str, ...] = ()
    automation: AutomationTable = field(default_factory=AutomationTable)


@dataclass(frozen=True, slots=True)
class AutoCoreSettings:
    """Everything the fleet can be told."""

    autocore: AutoCoreTable = field(default_factory=AutoCoreTable)


def limits(settings: AutoCoreTable) -> Limits:
    """The bounds of the state."""
    return Limits(
        Registration(settings.registration),
        round(settings.device_timeout * SECOND_NS),
        round(settings.device_retention * SECOND_NS),
        settings.max_devices,
        settings.max_sensors,
        expectations(settings),
    )


def expectations(settings: AutoCoreTable) -> Mapping[str, Expectation]:
    """What the sensors are held to that the settings name."""
    ranges, min_scales, stuck = settings.ranges, settings.min_scales, settings.stuck_sensors
    return {
        sensor: Expectation(
            *ranges.get(sensor, (-math.inf, math.inf)), min_scales.get(sensor, 0.0), sensor in stuck
        )
        for sensor in {*ranges, *min_scales, *stuck}
    }


def critical_relays(settings: AutoCoreTable) -> list[tuple[str, int]]:
    """Device ids and numbers of the relays whose every switching is told of."""
    parts = (name.partition("/") for name in settings.critical_relays)
    return [(device, int(number)) for device, _, number in parts]


def first_relays(settings: AutoCoreTable) -> tuple[int, int]:
    """What boards call their first relay: those with commands on topics of the seed's layout, and others."""
    if settings.relay_offset is not None:
        return settings.relay_offset, settings.relay_offset
    # Where only one layout is heard, all boards are of it, whatever topics they take commands on.
    return 0 if SEED in settings.layouts else 1, 1 if DEVICES in settings.layouts else 0


def _read_layouts(value: object) -> tuple[str, ...]:
    names: tuple[str, ...] = kinds.NAMES.read(value)
    if not names or not {*names} <= {*LAYOUTS} or len({*names}) < len(names):
        raise ValueError(f"must be a list of some of {', '.join(LAYOUTS)}, each once")
    return names


def _read_relays(value: object) -> tuple[str, ...]:
    names: tuple[str, ...] = kinds.NAMES.read(value)
    for name in names:
        device, slash, number = name.partition("/")
        if (
            not slash
            or not DEVICE_ID.fullmatch(device)
            or not number.isdecimal()
            or int(number) >= MAX_RELAYS
        ):
            raise ValueError('must have relays such as "ESP32_001/3": a device id and a number from 0')
    return names


def _read_filters(value: object) -> tuple[str, ...]:
    filters: tuple[str, ...] = kinds.NAMES.read(value)
    for each in filters:
        levels = each.split("/")
        wild = [level for level in levels if set(level) & {"+", "#"}]
        if any(level not in {"+", "#"} for level in wild) or "#" in levels[:-1] or "\0" in each:
            raise ValueError('must have topic filters, such as "autocore/devices/+/relays/set"')
    return filters


def _read_ranges(value: object) -> Mapping[str, Range]:
    ranges: dict[str, Range] = {}
    for sensor, bounds in _sensors(value, "[least, most]"):
        if not isinstance(bounds, list | tuple) or len(bounds) != _BOUNDS:
            raise ValueError("must have [least, most] for each sensor")
        if not all(map(_is_number, bounds)):
            raise ValueError("must have numbers as bounds")
        least, most = map(float, bounds)
        if not least <= most:
            raise ValueError("must have bounds of which the first is not above the second")
        ranges[sensor] = (least, most)
    return MappingProxyType(ranges)


def _read_scales(value: object) -> Mapping[str, float]:
    scales = {}
    for sensor, scale in _sensors(value, "a number"):
        if not _is_number(scale) or not 0 < scale < math.inf:
            raise ValueError("must have a number above 0 for each sensor")
        scales[sensor] = float(scale)
    return MappingProxyType(scales)


def _read_sensors(value: object) -> tuple[str, ...]:
    names: tuple[str, ...] = kinds.NAMES.read(value)
    for name in names:
        _check_sensor(name)
    return names


def _sensors(value: object, what: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, Mapping):
        raise ValueError(f"must be a table of sensors, each with {what}")  # noqa: TRY004  as every reader
    for name in value:
        _check_sensor(name)
    return value.items()


def _check_sensor(name: object) -> None:
    if not isinstance(name, str) or not _SENSOR.fullmatch(name):
        raise ValueError("must have names of sensors: small letters, digits, _, - and dots")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


KEYS = (
    Key(
        "autocore.enabled",
        kinds.BOOL,
        "Whether the AutoCore fleet is watched too.",
        variable="MQTT_MONITOR_ENABLED",
    ),
    Key("autocore.database", kinds.BOOL, "Whether what it tells is kept in the database."),
    Key("autocore.topic_prefix", kinds.TOPIC_PREFIX, "Levels before every topic of this fleet."),
    Key(
        "autocore.layouts",
        ValueKind(_read_layouts, structured=True),
        'Layouts of topics: "seed" is the specified one, "devices" that of boards in the field.',
    ),
    Key(
        "autocore.relay_offset",
        integer(0, MAX_RELAYS),
        "What boards call their first relay.",
        example="1",
        default="0 in the seed layout, 1 in devices",
    ),
    Key(
        "autocore.registration",
        choice(*Registration),
        '"auto" admits any device, "announce" those that say who they are, "closed" none.',
        reload=True,
    ),
    Key("autocore.device_timeout", DURATION, "A device silent for this long is offline.", reload=True),
    Key(
        "autocore.device_retention",
        DURATION,
        "A device offline and silent for this long is forgotten.",
        reload=True,
    ),
    Key("autocore.max_devices", integer(1, 1_000_000), "Devices known at one time.", reload=True),
    Key(
        "autocore.max_sensors",
        integer(1, 10_000_000),
        "Sensors of all devices known at one time.",
        reload=True,
    ),
    *(
        Key(
            f"autocore.fields.{name}",
            kinds.NAMES,
            f"Payload fields that carry {name}, first found wins; dotted ones are nested.",
        )
        for name in DEFAULT_FIELDS
    ),
    Key(
        "autocore.critical_relays",
        ValueKind(_read_relays, structured=True),
        'Relays whose every switching is told of, such as ["ESP32_001/3"].',
        reload=True,
    ),
    Key(
        "autocore.automation.publish",
        kinds.BOOL,
        "Whether rules may publish; they need three more permissions.",
        reload=True,
    ),
    Key(
        "autocore.automation.topics",
        ValueKind(_read_filters, structured=True),
        'Filters of the topics that rules may publish on, such as ["autocore/devices/+/relays/set"].',
        reload=True,
    ),
    Key(
        "autocore.ranges",
        ValueKind(_read_ranges, structured=True),
        "What is normal of a sensor, from the least to the most, such as {voltage = [10.5, 15]}.",
    ),
    Key(
        "autocore.min_scales",
        ValueKind(_read_scales, structured=True),
        "The least that readings of a sensor spread, such as {voltage = 0.05}; else 0.1 % of its level.",
    ),
    Key(
        "autocore.stuck_sensors",
        ValueKind(_read_sensors, structured=True),
        "Sensors that are unusual when they varied, and then repeat one value for an hour.",
    ),
)
"""Of `[autocore]`."""

RULES = (
    Rule(
        ("autocore.device_retention", "autocore.device_timeout"),
        lambda retention, timeout: retention >= timeout,
        "autocore.device_retention must not be below autocore.device_timeout",
    ),
    Rule(
        ("autocore.automation.publish", "autocore.automation.topics"),
        lambda publish, topics: not publish or bool(topics),
        "needs autocore.automation.topics: there is nothing that may be published on",
    ),
)
