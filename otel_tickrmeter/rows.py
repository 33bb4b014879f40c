"""Every instrument of the program: the rows of the fleets and those about the program itself."""

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.configuration import default_settings
from otel_tickrmeter.exporter.catalogue import process, receiving, sending
from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.settings.model import Settings


def all_rows(settings: Settings | None = None) -> tuple[Instrument, ...]:
    """The rows of every fleet, watched or not, and the program's, in the order of the documents.

    Without settings, as the built-in defaults want them.
    """
    wanted = settings or default_settings()
    return (*(row for fleet in FLEETS for row in fleet.rows(wanted)), *_program_rows())


def rows_of(settings: Settings) -> tuple[Instrument, ...]:
    """Those of the fleets that are watched, and the program's, in the order they are exposed in."""
    watched = (fleet for fleet in FLEETS if fleet.enabled(settings))
    return (*(row for fleet in watched for row in fleet.rows(settings)), *_program_rows())


def _program_rows() -> tuple[Instrument, ...]:
    return (
        *receiving.connection(),
        *receiving.queue(),
        *sending.dead_letters(),
        *sending.output(),
        *process.process(),
    )
