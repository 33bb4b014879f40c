"""Every instrument of the program: the rows of the fleets and those about the program itself."""

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.configuration import default_settings
from otel_tickrmeter.exporter.catalogue import forwarding, process, receiving, reloading, saving, sending
from otel_tickrmeter.fleets.roster import FLEETS, watched_fleets
from otel_tickrmeter.jobs.catalogue import job_status, jobs
from otel_tickrmeter.settings.model import Settings


def all_rows(settings: Settings | None = None) -> tuple[Instrument, ...]:
    """The rows of every fleet, watched or not, and the program's, in the order of the documents.

    Without settings, as the built-in defaults want them.
    """
    wanted = settings or default_settings()
    return (*(row for fleet in FLEETS for row in fleet.rows(wanted)), *_program_rows(), *jobs())


def rows_of(settings: Settings) -> tuple[Instrument, ...]:
    """Those of the fleets that are watched, the program's, and those of jobs that are on, as exposed."""
    watched = watched_fleets(settings)
    of_fleets = (row for fleet in watched for row in fleet.rows(settings))
    return (*of_fleets, *_program_rows(), *(jobs() if settings.dagda.enabled else ()))


def _program_rows() -> tuple[Instrument, ...]:
    return (
        *receiving.connection(),
        *receiving.queue(),
        *receiving.partition(),
        *forwarding.forwarding(),
        *sending.dead_letters(),
        *sending.output(),
        *reloading.reloading(),
        *saving.saving(),
        *process.process(),
        *job_status(),
    )
