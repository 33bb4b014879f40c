"""What a row of the catalogue says, and the short ways to write one."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ANY: tuple[str, ...] = ()
"""An attribute whose values are bounded identities or versions rather than a closed list."""


class Kind(StrEnum):
    """Which OpenTelemetry instrument it is."""

    COUNTER = "counter"
    HISTOGRAM = "histogram"
    OBSERVABLE_COUNTER = "observable counter"
    OBSERVABLE_GAUGE = "observable gauge"


@dataclass(frozen=True, slots=True)
class Instrument:
    """One row of the catalogue.

    `exposed` is the name on the Prometheus side: what `name` and `unit` become there. `attributes` maps
    each attribute to its closed list of values, or to an empty tuple when bounded identities or versions
    fill it. `dropped` are attributes that are recorded all the same and tell no series apart: what a view of
    OpenTelemetry takes away. An `untyped` counter has the name of a gauge before its `_total`: OpenMetrics,
    where a counter's family is called without it, would have two of one name.
    """

    name: str
    kind: Kind
    unit: str
    exposed: str
    description: str
    attributes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    source: str = "message handler"
    absent: str = ""
    buckets: tuple[float, ...] = ()
    dropped: frozenset[str] = frozenset()
    untyped: bool = False

    @property
    def exposed_type(self) -> str:
        """The Prometheus type: counter, gauge or histogram."""
        return self.kind.value.removeprefix("observable ")

    @property
    def per_device(self) -> bool:
        """Whether it has a series for each device."""
        return "device_id" in self.attributes


def gauge(
    name: str,
    unit: str,
    exposed: str,
    description: str,
    attributes: Mapping[str, tuple[str, ...]] | None = None,
    *,
    source: str,
    absent: str = "",
) -> Instrument:
    """Make the row of an observable gauge."""
    return Instrument(
        name, Kind.OBSERVABLE_GAUGE, unit, exposed, description, attributes or {}, source, absent
    )


def counter(
    name: str,
    unit: str,
    exposed: str,
    description: str,
    attributes: Mapping[str, tuple[str, ...]],
    *,
    source: str = "message handler",
    absent: str = "",
) -> Instrument:
    """Make the row of a counter."""
    return Instrument(name, Kind.COUNTER, unit, exposed, description, attributes, source, absent)
