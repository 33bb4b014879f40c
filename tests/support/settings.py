"""Settings as the program has them, with chosen tables of the fleets."""

from dataclasses import replace
from typing import Any

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.configuration import default_settings
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.fleets.tickrmeter.settings import MetricsSettings, TickrMeterSettings
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.settings.model import Settings


def settings_of(*fleets: object, **tables: Any) -> Settings:  # noqa: ANN401  any table
    """Settings with these of the fleets, and with these tables of the program's own; else the defaults."""
    given = {type(fleet): fleet for fleet in fleets}
    usual = default_settings()
    return replace(usual, **tables, fleets=tuple(given.get(type(each), each) for each in usual.fleets))


def rows_in(detail: Detail) -> tuple[Instrument, ...]:
    """The rows of the TickrMeter fleet alone, in this level of detail, and the program's."""
    return rows_of(settings_of(TickrMeterSettings(metrics=MetricsSettings(detail))))
