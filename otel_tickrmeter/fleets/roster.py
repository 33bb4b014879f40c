"""The fleets that there are. Whether one is watched, its settings say."""

from otel_tickrmeter.fleets.autocore.dialect import AutoCore
from otel_tickrmeter.fleets.dialect import Dialect
from otel_tickrmeter.fleets.tickrmeter.dialect import TickrMeter
from otel_tickrmeter.settings.model import Settings

FLEETS: tuple[Dialect, ...] = (TickrMeter(), AutoCore())
"""In the order in which they are asked whose a topic is, and documented."""


def watched_fleets(settings: Settings) -> tuple[Dialect, ...]:
    """Those that are to be watched, in the same order."""
    return tuple(fleet for fleet in FLEETS if fleet.enabled(settings))
