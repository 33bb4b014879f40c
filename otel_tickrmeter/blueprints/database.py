"""What blueprints have in common that work at the database of the exporter."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, TypeVar

from otel_tickrmeter.jobs.blueprint import Parameter, ParameterFault, Work
from otel_tickrmeter.settings.database import parse_database_url
from otel_tickrmeter.settings.kinds import NAME, ValueKind
from otel_tickrmeter.store.extra import require_database_extra

if TYPE_CHECKING:
    from otel_tickrmeter.store.engine import Database
    from otel_tickrmeter.store.history import StoredSensor

_ResultT = TypeVar("_ResultT")

_TRIES = 5
"""How often something is tried for which somebody else leaves no room."""
TRY_AGAIN_SECONDS = 1.0
_SLICE_SECONDS = 0.1
"""How long is waited without looking whether there is to be a stop."""


def _read_moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ValueError('must be a time with a zone, such as "2026-01-28T10:30:00Z"')
    return moment


MOMENT = ValueKind(_read_moment)
"""A time with a zone."""

WINDOW = (
    Parameter("device", NAME, "of this device alone; of all is usual", None),
    Parameter("sensor", NAME, "of sensors of this name alone; of all is usual", None),
    Parameter("start", MOMENT, "from this time on", None),
    Parameter("end", MOMENT, "before this time", None),
)
"""Which readings are meant."""


def window_faults(parameters: Mapping[str, Any]) -> Sequence[ParameterFault]:
    """What is wrong with the bounds of a window."""
    start, end = parameters["start"], parameters["end"]
    wrong = start and end and end <= start
    return (ParameterFault("end", "must be after start"),) if wrong else ()


@contextmanager
def database_of(work: Work) -> Iterator["Database"]:
    """The database of the exporter, closed at the end.

    Raises:
        ExtraMissingError: Its libraries are missing.
        ValueError: It has no tables, or not those of this program: a job makes none.
        DatabaseError: It cannot be had.
    """
    require_database_extra()
    from otel_tickrmeter.store.engine import open_database
    from otel_tickrmeter.store.schema import SchemaState, schema_status, status_told

    database = open_database(parse_database_url(work.surroundings.database_url))
    try:
        status = schema_status(database)
        if status.state is not SchemaState.CURRENT:
            raise ValueError(f"{database.url}: {status_told(status)}")
        yield database
    finally:
        database.close()


def sensors_of_window(database: "Database", parameters: Mapping[str, Any]) -> Sequence["StoredSensor"]:
    """The sensors that are meant.

    Raises:
        ValueError: There are none of those names.
        DatabaseError: The database is at fault.
    """
    from otel_tickrmeter.store.history import sensors_of

    named = {name: parameters[name] for name in ("device", "sensor") if parameters[name] is not None}
    sensors = sensors_of(database, named.get("device"), named.get("sensor"))
    if named and not sensors:
        meant = " and ".join(f"{what} {name!r}" for what, name in named.items())
        raise ValueError(f"there are no readings of {meant}")
    return sensors


def count_window(
    database: "Database", sensors: Sequence["StoredSensor"], parameters: Mapping[str, Any], work: Work
) -> int:
    """How many readings are meant.

    Raises:
        DatabaseError: The database is at fault.
    """
    from otel_tickrmeter.store.history import count_readings

    total = 0
    for sensor in sensors:
        total += count_readings(database, sensor, parameters["start"], parameters["end"])
        work.checkpoint()
    return total


def rest(work: Work, seconds: float) -> None:
    """Wait, but not when there is to be a stop; at least look once whether there is."""
    until = monotonic() + seconds
    work.checkpoint()
    while (left := until - monotonic()) > 0:
        sleep(min(_SLICE_SECONDS, left))
        work.checkpoint()


def is_busy(error: Exception) -> bool:
    """Whether a database did not do what was asked because of others, who may soon be done."""
    from otel_tickrmeter.store.failures import DatabaseError, DatabaseErrorKind

    busy = (DatabaseErrorKind.LOCKED, DatabaseErrorKind.TIMEOUT, DatabaseErrorKind.CONFLICT)
    return isinstance(error, DatabaseError) and error.kind in busy


def patiently(work: Work, step: Callable[[], _ResultT]) -> _ResultT:
    """What a step gives, tried again some times while others are busy in the database.

    Raises:
        DatabaseError: They still are, or it is something else.
    """
    for _ in range(_TRIES - 1):
        try:
            return step()
        except Exception as error:
            if not is_busy(error):
                raise
        rest(work, TRY_AGAIN_SECONDS)
    return step()
