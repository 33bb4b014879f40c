"""What is remembered of one sensor of one device."""

from otel_tickrmeter.catalogue.attributes import AttributeSet

MAX_SENSORS = 128
"""Sensors of one device; a gateway of a large bus has 60."""


class Sensor:
    """What is remembered of one sensor.

    Attributes:
        key: Its name; dotted when its device nests it.
        unit: As its device gives it, or as the seed has it; may be empty.
        value: Its newest reading.
        at_ns: When that was taken, Unix nanoseconds.
        kept_second: The second of arrival of the last reading that is to be stored.
    """

    __slots__ = ("_attributes", "at_ns", "kept_second", "key", "unit", "value")

    def __init__(self, key: str) -> None:
        self.key = key
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

    def attributes(self, device_id: str) -> AttributeSet:
        """What tells its value's series apart."""
        if self._attributes is None:
            self._attributes = AttributeSet(device_id=device_id, sensor=self.key, unit=self.unit)
        return self._attributes
