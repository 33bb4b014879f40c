"""The rows of the fleet's instruments."""

from otel_tickrmeter.catalogue.instrument import Instrument
from otel_tickrmeter.fleets.autocore.catalogue import database, devices, messages, relays, telemetry


def rows() -> tuple[Instrument, ...]:
    """Every row, in the order in which it is exposed and documented."""
    return (
        *devices.devices(),
        *relays.relays(),
        *telemetry.telemetry(),
        *messages.messages(),
        *database.database(),
    )
