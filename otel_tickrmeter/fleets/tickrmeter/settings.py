"""The fleet's settings: keys, what must hold between them, and the records that the values end up in.

Field names are the keys operators write, in tables that the program has keys in too. Durations are seconds; a
default of a record is the built-in default.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS
from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.settings import kinds
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.kinds import DURATION, choice, integer
from otel_tickrmeter.stream.second import SECOND_NS


@dataclass(frozen=True, slots=True)
class FleetTable:
    """`[tickrmeter]`: whether the fleet is watched at all."""

    enabled: bool = True


@dataclass(frozen=True, slots=True)
class TopicSettings:
    """The fleet's part of `[mqtt]`.

    `topic_prefix` is empty or has a slash at its end, as `parse_topic_prefix` makes it.
    """

    topic_prefix: str = ""
    device_id_form: Literal["mac", "exact"] = "mac"
    device_id_pattern: str = "^[0-9A-Fa-f]{12}$"


@dataclass(frozen=True, slots=True)
class SpellingSettings:
    """The fleet's part of `[messages]`: `fields` has every reading, overridden ones replaced."""

    fields: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: DEFAULT_FIELDS)


@dataclass(frozen=True, slots=True)
class MonitoringSettings:
    """`[monitoring]`: durations in seconds, bounds in identities."""

    request_timeout: float = 30.0
    device_timeout: float = 300.0
    cleanup_interval: float = 60.0
    max_latency_samples: int = 1000
    latency_window: float = 900.0
    symbol_retention: float = 86400.0
    min_ranked_requests: int = 10
    ranking_size: int = 10
    max_devices: int = 20_000
    max_symbols: int = 5_000
    max_pairs: int = 100_000
    max_device_symbols: int = 100


@dataclass(frozen=True, slots=True)
class MetricsSettings:
    """`[metrics]`: `detail` chooses between series for each device and series for each symbol."""

    detail: Detail = "device"


@dataclass(frozen=True, slots=True)
class TickrMeterSettings:
    """Everything the fleet can be told."""

    tickrmeter: FleetTable = field(default_factory=FleetTable)
    mqtt: TopicSettings = field(default_factory=TopicSettings)
    messages: SpellingSettings = field(default_factory=SpellingSettings)
    monitoring: MonitoringSettings = field(default_factory=MonitoringSettings)
    metrics: MetricsSettings = field(default_factory=MetricsSettings)


def limits(monitoring: MonitoringSettings) -> Limits:
    """The bounds of the state."""
    return Limits(
        request_timeout_ns=int(monitoring.request_timeout * SECOND_NS),
        device_timeout_ns=int(monitoring.device_timeout * SECOND_NS),
        cleanup_interval_ns=int(monitoring.cleanup_interval * SECOND_NS),
        latency_window_ns=int(monitoring.latency_window * SECOND_NS),
        symbol_retention_ns=int(monitoring.symbol_retention * SECOND_NS),
        max_latency_samples=monitoring.max_latency_samples,
        max_devices=monitoring.max_devices,
        max_symbols=monitoring.max_symbols,
        max_pairs=monitoring.max_pairs,
        max_device_symbols=monitoring.max_device_symbols,
    )


_TOPIC_KEYS = (
    Key(
        "mqtt.topic_prefix",
        kinds.TOPIC_PREFIX,
        'Levels before every topic of TickrMeter. RabbitMQ delivers a "." as "/": write none there.',
    ),
    Key(
        "mqtt.device_id_form",
        choice("mac", "exact"),
        '"mac" makes one id of its spellings: upper case, no separators. "exact" takes ids as they are.',
    ),
    Key(
        "mqtt.device_id_pattern",
        kinds.PATTERN,
        "Regular expression that every device id matches, in the form above.",
    ),
)

_FIELD_KEYS = tuple(
    Key(f"messages.fields.{reading}", kinds.NAMES, f"Payload fields that carry {reading}, first found wins.")
    for reading in DEFAULT_FIELDS
)

_STATE_KEYS = (
    Key("tickrmeter.enabled", kinds.BOOL, "Watch the TickrMeter fleet."),
    Key(
        "monitoring.request_timeout",
        DURATION,
        "A request unanswered for this long has timed out.",
        reload=True,
    ),
    Key(
        "monitoring.device_timeout",
        DURATION,
        "A device unseen for this long leaves every series.",
        reload=True,
    ),
    Key("monitoring.cleanup_interval", DURATION, "How often what has expired is removed.", reload=True),
    Key(
        "monitoring.max_latency_samples",
        integer(1, 100_000),
        "Outcomes kept for each symbol's window.",
        reload=True,
    ),
    Key("monitoring.latency_window", DURATION, "Age at which an outcome leaves the window.", reload=True),
    Key(
        "monitoring.symbol_retention",
        DURATION,
        "A little-used symbol idle for this long is removed.",
        reload=True,
    ),
    Key(
        "monitoring.min_ranked_requests",
        integer(1, 1_000_000),
        "Outcomes a symbol needs to be ranked.",
        reload=True,
    ),
    Key("monitoring.ranking_size", integer(1, 100), "Symbols in the ranking of the slowest.", reload=True),
    Key("monitoring.max_devices", integer(1, 1_000_000), "Devices admitted at one time.", reload=True),
    Key("monitoring.max_symbols", integer(1, 1_000_000), "Symbols admitted at one time.", reload=True),
    Key(
        "monitoring.max_pairs",
        integer(1, 10_000_000),
        "Pairs of device and symbol remembered at one time.",
        reload=True,
    ),
    Key(
        "monitoring.max_device_symbols",
        integer(1, 10_000),
        "Symbols of one device remembered at one time; its longest unused one gives way.",
        reload=True,
    ),
    Key(
        "metrics.detail", choice("device", "symbol"), '"device" has series for each device, "symbol" has not.'
    ),
)

KEYS = (*_TOPIC_KEYS, *_FIELD_KEYS, *_STATE_KEYS)
"""Every key of the fleet."""

RULES = (
    Rule(
        ("monitoring.device_timeout", "monitoring.request_timeout"),
        lambda device, request: device >= request,
        "monitoring.device_timeout must not be below monitoring.request_timeout: "
        "a device must not leave while its request can still be answered",
    ),
)
"""What must hold between them."""
