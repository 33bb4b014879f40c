"""The history of readings as text: CSV, or OpenMetrics for `promtool tsdb create-blocks-from openmetrics`.

OpenMetrics wants families one after the other and times that rise within a series; Prometheus keeps
milliseconds, and of several readings in one only one. So of these the last is told. CSV has them all.
"""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta

from otel_tickrmeter.catalogue.instrument import Instrument
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.history import StoredReading, StoredSensor, readings_between

GaugeOf = Callable[[str], tuple[Instrument, float]]
"""By the key of a sensor: the gauge of its readings, and by what they are divided there."""

COLUMNS = ("recorded_at", "received_at", "device_id", "sensor", "unit", "value", "anomaly")


def as_csv(
    database: Database, sensors: Iterable[StoredSensor], start: datetime | None, end: datetime | None
) -> Iterator[str]:
    """Lines with a heading; times in UTC, to the microsecond.

    Raises:
        DatabaseError: the database is at fault, perhaps after some lines.
    """
    yield _csv_line(COLUMNS)
    for sensor in sensors:
        names = (sensor.device_id, sensor.key, sensor.unit or "")
        for reading in readings_between(database, sensor, start, end):
            times = (_iso(reading.recorded_at), _iso(reading.received_at))
            yield _csv_line((*times, *names, repr(reading.value), str(int(reading.anomaly))))


def as_openmetrics(
    database: Database,
    sensors: Iterable[StoredSensor],
    start: datetime | None,
    end: datetime | None,
    gauge_of: GaugeOf,
) -> Iterator[str]:
    """All families, with the names and labels of the gauges, sample by sample, and the end mark.

    Raises:
        DatabaseError: the database is at fault, perhaps after some lines; then there is no end mark.
    """
    introduced = ""
    # The order of sensors within a family stays.
    for sensor in sorted(sensors, key=lambda sensor: gauge_of(sensor.key)[0].exposed):
        gauge, divisor = gauge_of(sensor.key)
        series = f"{gauge.exposed}{{{_labels(gauge, sensor)}}}"
        for milliseconds, reading in _one_a_millisecond(readings_between(database, sensor, start, end)):
            if gauge.exposed != introduced:
                yield f"# HELP {gauge.exposed} {gauge.description}\n# TYPE {gauge.exposed} gauge\n"
                introduced = gauge.exposed
            yield f"{series} {reading.value / divisor!r} {milliseconds / 1000:.3f}\n"
    yield "# EOF\n"


def _one_a_millisecond(readings: Iterable[StoredReading]) -> Iterator[tuple[int, StoredReading]]:
    epoch, millisecond = datetime.fromtimestamp(0, UTC), timedelta(milliseconds=1)
    held: tuple[int, StoredReading] | None = None
    for reading in readings:
        moment = (reading.recorded_at - epoch) // millisecond
        if held is not None and held[0] != moment:
            yield held
        held = moment, reading
    if held is not None:
        yield held


def _labels(gauge: Instrument, sensor: StoredSensor) -> str:
    values = {"device_id": sensor.device_id, "sensor": sensor.key, "unit": sensor.unit or ""}
    return ",".join(f'{name}="{_escaped(values[name])}"' for name in gauge.attributes)


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _csv_line(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line).writerow(cells)
    return line.getvalue()
