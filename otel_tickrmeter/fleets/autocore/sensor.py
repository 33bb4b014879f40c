"""What is remembered of one sensor of one device."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.insight.anomaly import Expectation, Judgement, Watch
from otel_tickrmeter.insight.average import MovingAverage
from otel_tickrmeter.stream.second import SECOND_NS

MAX_SENSORS = 128
"""Sensors of one device; a gateway of a large bus has 60."""


WINDOWS: Mapping[str, int] = MappingProxyType({"5m": 300 * SECOND_NS, "1h": 3600 * SECOND_NS})
"""The averages of a sensor: the label, and over which time each goes, in nanoseconds."""

UNJUDGED = Judgement(None, unusual=False, began=None)


class Sensor:
    """What is remembered of one sensor.

    Attributes:
        key: Its name; dotted when its device nests it.
        unit: As its device gives it, or as the seed has it; may be empty.
        value: Its newest reading.
        at_ns: When that was taken, Unix nanoseconds.
        kept_second: The second of arrival of the last reading that is to be stored.
        averages: Moving averages by their window; empty for a sensor that only counts up, or is a place.
        judgement: What was thought of the newest reading.
    """

    __slots__ = (
        "_attributes",
        "_sets",
        "_watch",
        "at_ns",
        "averages",
        "judgement",
        "kept_second",
        "key",
        "unit",
        "value",
    )

    def __init__(self, key: str, expected: Expectation | None = None) -> None:
        self.key = key
        self._watch = None if expected is None else Watch(expected)
        self.averages = {} if expected is None else {name: MovingAverage(ns) for name, ns in WINDOWS.items()}
        self.judgement = UNJUDGED
        self._sets: dict[str, AttributeSet] = {}
        self.unit = ""
        self.value = 0.0
        self.at_ns = 0
        self.kept_second = -1
        self._attributes: AttributeSet | None = None

    def take(self, value: float, unit: str, at_ns: int) -> None:
        """Take over a reading."""
        self.value = value
        self.at_ns = at_ns
        if unit != self.unit and unit:
            self.unit = unit
            self._attributes = None

    def judge(self, at_ns: int) -> Judgement:
        """Let the newest reading, of this time, count for the averages and for what is usual."""
        if self._watch is None:
            return UNJUDGED
        for average in self.averages.values():
            average.take(at_ns, self.value)
        self.judgement = self._watch.judge(at_ns, self.value)
        return self.judgement

    def kept(self) -> tuple[Any, ...]:
        """What there is to keep of what was made of its readings: plain values; nothing where nothing is.

        The averages stand in it in the order of WINDOWS.
        """
        if self._watch is None:
            return ()
        kept: list[Any] = [self.judgement.score, self.judgement.unusual]
        for average in self.averages.values():
            kept += average.kept()
        return *kept, *self._watch.kept()

    def recall(self, kept: Sequence[Any] | None, windows: Sequence[str]) -> None:
        """Take over what was kept; where nothing was, or it is not judged any more, nothing.

        Args:
            kept: What it was.
            windows: The averages in it, by their windows.

        Raises:
            TypeError, ValueError: It cannot have been kept.
        """
        if kept is None or self._watch is None:
            return
        (score, unusual), rest = kept[:2], kept[2:]
        for place, window in enumerate(windows):
            if window in self.averages:
                self.averages[window].recall(rest[2 * place : 2 * place + 2], 0)
        self._watch.recall(rest[2 * len(windows) :], 0)
        self.judgement = Judgement(None if score is None else float(score), bool(unusual), None)

    @property
    def watched(self) -> bool:
        """Whether it is judged at all."""
        return self._watch is not None

    def series(self, device_id: str, window: str = "") -> AttributeSet:
        """What tells the series of an average apart, or without a window those of what is unusual."""
        attributes = self._sets.get(window)
        if attributes is None:
            told = {"window": window} if window else {}
            attributes = AttributeSet(device_id=device_id, sensor=self.key, **told)
            self._sets[window] = attributes
        return attributes

    def attributes(self, device_id: str) -> AttributeSet:
        """What tells its value's series apart."""
        if self._attributes is None:
            self._attributes = AttributeSet(device_id=device_id, sensor=self.key, unit=self.unit)
        return self._attributes
