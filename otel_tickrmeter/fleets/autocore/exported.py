"""As which gauge the readings of a sensor are exposed, for whoever has readings and no fleet."""

from collections.abc import Callable

from otel_tickrmeter.catalogue.instrument import Instrument
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.catalogue import rows
from otel_tickrmeter.fleets.autocore.sensors import (
    HUMIDITY,
    MEMORY_FREE,
    TEMPERATURE,
    VOLTAGE,
    WIFI_SIGNAL,
)

_PERCENT = 100.0
_NAMED = {
    TEMPERATURE: names.TEMPERATURE,
    HUMIDITY: names.HUMIDITY,
    VOLTAGE: names.VOLTAGE,
    MEMORY_FREE: names.MEMORY_FREE,
    WIFI_SIGNAL: names.WIFI_SIGNAL,
}


def gauges() -> Callable[[str], tuple[Instrument, float]]:
    """By the key of a sensor: the row of its gauge, and by what its readings are divided there."""
    by_name = {row.name: row for row in rows()}

    def gauge_of(key: str) -> tuple[Instrument, float]:
        return by_name[_NAMED.get(key, names.VALUE)], _PERCENT if key == HUMIDITY else 1.0

    return gauge_of
