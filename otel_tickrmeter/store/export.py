"""The history of readings: CSV, OpenMetrics for `promtool tsdb create-blocks-from openmetrics`, or pieces.

OpenMetrics wants families one after the other and times that rise within a series; Prometheus keeps
milliseconds, and of several readings in one only one. So of these the last is told. CSV has them all.
"""

import csv
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from otel_tickrmeter.catalogue.instrument import Instrument
from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.history import StoredSensor, readings_between
from otel_tickrmeter.store.readings import StoredReading

GaugeOf = Callable[[str], tuple[Instrument, float]]
"""By the key of a sensor: the gauge of its readings, and by what they are divided there."""

END_MARK = "# EOF\n"
"""Of OpenMetrics: what is behind it is no part of it, and what lacks it is not whole."""
SAMPLES_A_PIECE = 1_000
_LINE_END = "\r\n"
_MILLISECOND = timedelta(milliseconds=1)

COLUMNS = ("recorded_at", "received_at", "device_id", "sensor", "unit", "value", "anomaly")


def as_csv(
    database: Database, sensors: Iterable[StoredSensor], start: datetime | None, end: datetime | None
) -> Iterator[str]:
    """Lines with a heading; times in UTC, to the microsecond.

    Raises:
        DatabaseError: the database is at fault, perhaps after some lines.
    """
    line_of = csv.writer(_Line()).writerow
    yield line_of(COLUMNS)
    for sensor in sensors:
        # All that may need quotes; it is the same in each line.
        named = line_of((sensor.device_id, sensor.key, sensor.unit or "")).removesuffix(_LINE_END)
        for recorded, received, value, anomaly in readings_between(database, sensor, start, end):
            yield f"{_iso(recorded)},{_iso(received)},{named},{value!r},{anomaly:d}{_LINE_END}"


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
    for piece in pieces_of(database, sensors, start, end, gauge_of):
        yield piece.text
    yield END_MARK


@dataclass(frozen=True, slots=True)
class Place:
    """How far an OpenMetrics text has come.

    Attributes:
        family: The name of the gauge.
        device_id: Whose sensor it is.
        key: The sensor. Those before it are done.
        milliseconds: Up to and with which Unix time its readings are told; None: none of them.
        introduced: The family of which the text had the heading last.
    """

    family: str
    device_id: str
    key: str
    milliseconds: int | None
    introduced: str


@dataclass(frozen=True, slots=True)
class Piece:
    """Some samples of one sensor, perhaps none.

    Attributes:
        gauge: The family.
        labels: The names and values of the series.
        samples: Unix milliseconds and values, in their order.
        heads: Whether they are the first of their family.
        readings: How many readings they stand for.
        place: Where the next piece goes on.
    """

    gauge: Instrument
    labels: Mapping[str, str]
    samples: Sequence[tuple[int, float]]
    heads: bool
    readings: int
    place: Place

    @property
    def text(self) -> str:
        """Whole lines, with the heading of the family before its first."""
        family = self.gauge.exposed
        labels = ",".join(f'{name}="{_escaped(value)}"' for name, value in self.labels.items())
        lines = [f"{family}{{{labels}}} {value!r} {at / 1000:.3f}\n" for at, value in self.samples]
        if self.heads:
            lines.insert(0, f"# HELP {family} {self.gauge.description}\n# TYPE {family} gauge\n")
        return "".join(lines)


def pieces_of(
    database: Database,
    sensors: Iterable[StoredSensor],
    start: datetime | None,
    end: datetime | None,
    gauge_of: GaugeOf,
    *,
    after: Place | None = None,
    samples: int = SAMPLES_A_PIECE,
) -> Iterator[Piece]:
    """All families, in pieces of so many samples at most, at least one of each sensor.

    With `after`, the place of a piece: what comes after that piece, by its order even when there are new
    sensors meanwhile.

    Raises:
        DatabaseError: the database is at fault, perhaps after some pieces.
    """
    # Not by the order of the database, which depends on its language.
    named = {(gauge_of(each.key)[0].exposed, each.device_id, each.key): each for each in sensors}
    reached = None if after is None else (after.family, after.device_id, after.key)
    introduced = "" if after is None else after.introduced
    for name, sensor in sorted(named.items()):
        if reached is not None and name < reached:
            continue
        last = after.milliseconds if after is not None and name == reached else None
        family, device_id, key = name
        gauge, divisor = gauge_of(key)
        labels = _labels(gauge, sensor)
        told: list[tuple[int, float]] = []
        readings = 0
        heads = False
        found = readings_between(database, sensor, _later(start, last), end)
        for milliseconds, number, reading in _one_a_millisecond(found):
            if len(told) >= samples:
                place = Place(family, device_id, key, last, introduced)
                yield Piece(gauge, labels, told, heads, readings, place)
                told, readings, heads = [], 0, False
            heads = heads or family != introduced
            introduced = family
            told.append((milliseconds, reading.value / divisor))
            readings += number
            last = milliseconds
        place = Place(family, device_id, key, last, introduced)
        yield Piece(gauge, labels, told, heads, readings, place)


def _later(start: datetime | None, milliseconds: int | None) -> datetime | None:
    """What is not before `start` and not within a millisecond of Unix time or before it."""
    if milliseconds is None:
        return start
    next_one = _epoch() + (milliseconds + 1) * _MILLISECOND
    return next_one if start is None else max(start, next_one)


def _one_a_millisecond(readings: Iterable[StoredReading]) -> Iterator[tuple[int, int, StoredReading]]:
    """The last reading of each millisecond of Unix time that has some, and how many these are."""
    epoch = _epoch()
    moment, number = 0, 0
    held: StoredReading | None = None
    for reading in readings:
        at = (reading.recorded_at - epoch) // _MILLISECOND
        if held is not None and at != moment:
            yield moment, number, held
            number = 0
        moment, held = at, reading
        number += 1
    if held is not None:
        yield moment, number, held


def _epoch() -> datetime:
    return datetime.fromtimestamp(0, UTC)


def _labels(gauge: Instrument, sensor: StoredSensor) -> Mapping[str, str]:
    values = {"device_id": sensor.device_id, "sensor": sensor.key, "unit": sensor.unit or ""}
    return {name: values[name] for name in gauge.attributes}


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


class _Line:
    """For a CSV writer, whose `writerow` returns what this does: making a writer for each line is slow."""

    def write(self, line: str) -> str:
        return line
