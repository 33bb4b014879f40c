"""The job that goes through stored readings, and writes down which of them are unusual.

Each sensor is a series of its own. What is found is an event, which is known by what it is about: who scans
the same readings again writes it once. The checkpoint is the last sensor that is done, with the window in
which all of them are looked at.
"""

from array import array
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from otel_tickrmeter.blueprints.database import (
    WINDOW,
    database_of,
    patiently,
    sensors_of_window,
    window_faults,
)
from otel_tickrmeter.insight.scan import LEAST_READINGS, Outlier, outliers
from otel_tickrmeter.jobs.blueprint import Blueprint, Parameter, ParameterFault, Work
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import DURATION, integer, number
from otel_tickrmeter.store.rows import Event

if TYPE_CHECKING:
    from otel_tickrmeter.store.engine import Database
    from otel_tickrmeter.store.history import StoredSensor

_DAY = timedelta(days=1)
_MICROSECOND = timedelta(microseconds=1)
_LOOK_EVERY = 1_000
"""Readings, after which it looks whether there is to be a stop."""


def anomaly_scan_blueprint() -> Blueprint:
    """Anomaly scan."""
    return Blueprint(
        "anomaly_scan",
        "Finds stored readings that are unusual by the modified z-score, and writes them down as events.",
        (
            *WINDOW,
            Parameter("last", DURATION, "instead of these two: so long, up to now; a day is usual", None),
            Parameter(
                "threshold", number(0.1, 1000), "beyond this score, either way, a reading is unusual", 3.5
            ),
            Parameter("findings", integer(1, 10_000), "of a sensor at most so many, the worst ones", 100),
        ),
        _work,
        resumable=True,
        check=_faults,
    )


def _faults(parameters: Mapping[str, Any], _: Surroundings) -> Sequence[ParameterFault]:
    if parameters["last"] and (parameters["start"] or parameters["end"]):
        return (ParameterFault("last", "goes with neither start nor end"),)
    return window_faults(parameters)


def _work(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    mark = work.resumed_at or {
        **_window(parameters, datetime.now(UTC)),
        "place": None,
        **dict.fromkeys(("sensors", "too_few", "readings", "findings", "written"), 0),
    }
    counts = {name: count for name, count in mark.items() if name not in ("start", "end", "place")}
    bounds = (_moment(mark["start"]), _moment(mark["end"]))
    with database_of(work) as database:
        named = {(each.device_id, each.key): each for each in sensors_of_window(database, parameters)}
        left = sorted(name for name in named if mark["place"] is None or name > tuple(mark["place"]))
        total = counts["sensors"] + len(left)
        work.report(counts["sensors"], total)
        for name in left:
            series = _series(database, named[name], bounds, work)
            found = outliers(series.values, parameters["threshold"], parameters["findings"])
            events = [_event(named[name], series, outlier) for outlier in found]
            counts["sensors"] += 1
            counts["too_few"] += len(series.values) < LEAST_READINGS
            counts["readings"] += len(series.values)
            counts["findings"] += len(events)
            counts["written"] += _written(database, events, work)
            work.report(counts["sensors"], total)
            work.checkpoint({**mark, **counts, "place": name})
    return counts


def _window(parameters: Mapping[str, Any], now: datetime) -> Mapping[str, str | None]:
    start, end, last = parameters["start"], parameters["end"], parameters["last"]
    if start is None and end is None:
        start, end = now - (_DAY if last is None else timedelta(seconds=last)), now
    return {"start": start and start.isoformat(), "end": end and end.isoformat()}


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _epoch() -> datetime:
    return datetime.fromtimestamp(0, UTC)


class _Series(NamedTuple):
    """Readings as numbers, not as records: a sensor may have a million. Times are microseconds."""

    values: "array[float]"
    recorded: "array[int]"
    received: "array[int]"


def _series(
    database: "Database",
    sensor: "StoredSensor",
    bounds: tuple[datetime | None, datetime | None],
    work: Work,
) -> _Series:
    from otel_tickrmeter.store.history import readings_between

    epoch = _epoch()
    series = _Series(array("d"), array("q"), array("q"))
    for reading in readings_between(database, sensor, *bounds):
        series.values.append(reading.value)
        series.recorded.append((reading.recorded_at - epoch) // _MICROSECOND)
        series.received.append((reading.received_at - epoch) // _MICROSECOND)
        if len(series.values) % _LOOK_EVERY == 0:
            work.checkpoint()
    return series


def _event(sensor: "StoredSensor", series: _Series, outlier: Outlier) -> Event:
    value = series.values[outlier.place]
    recorded_at = (_epoch() + series.recorded[outlier.place] * _MICROSECOND).isoformat()
    return Event(
        f"scan/{sensor.device_id}/{sensor.key}/{recorded_at}/{value!r}",
        sensor.device_id,
        "anomaly",
        _epoch() + series.received[outlier.place] * _MICROSECOND,
        "scan",
        {"sensor": sensor.key, "value": value, "score": round(outlier.score, 3), "recorded_at": recorded_at},
    )


def _written(database: "Database", events: Sequence[Event], work: Work) -> int:
    """Write events; how many were not there yet."""
    from otel_tickrmeter.store.writer import write_batch

    return sum(patiently(work, lambda: write_batch(database, events)).rows.values())
