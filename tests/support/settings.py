"""Settings as the program has them, with chosen tables of the TickrMeter fleet."""

from typing import Any

from otel_tickrmeter.fleets.tickrmeter.settings import TickrMeterSettings
from otel_tickrmeter.settings.model import Settings


def settings_of(fleet: TickrMeterSettings | None = None, **tables: Any) -> Settings:  # noqa: ANN401  any table
    """Settings with this fleet, and with these tables of the program's own."""
    return Settings(**tables, fleets=(fleet or TickrMeterSettings(),))
