"""What messages do to sensors: readings, and what is made of them."""

import re
from collections.abc import Iterable, Mapping

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import MessageType, Reading, When
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.stream.second import SECOND_NS

# What only counts up has no level, and of a place nothing can be said by its figures one by one.
_COUNTS = re.compile(r"(.*[._-])?(uptime|count|counter|total|errors|odometer)([._-].*)?")
_PLACES = re.compile(r"(gps|position|location)(\..*)?|(.*[._-])?(lat|lon|latitude|longitude|x|y)")


class Watching:
    """Keeps the newest readings, judges them, and tells `outcomes` of each.

    Args:
        outcomes: Told.
        expected: What some sensors are held to; all others to what is usual of them.
        max_sensors: How many are known at one time, of all devices: a thousand invented boards with a hundred
            sensors each must not fill the memory.
    """

    def __init__(self, outcomes: Outcomes, expected: Mapping[str, Expectation], max_sensors: int) -> None:
        self._outcomes = outcomes
        self._expected = expected
        self._room = self._most = max_sensors

    def use(self, max_sensors: int) -> None:
        """Go by another bound from now on; sensors that are known stay."""
        self._room += max_sensors - self._most
        self._most = max_sensors

    def read(
        self,
        device: Device,
        message_type: MessageType,
        readings: tuple[Reading, ...],
        when: When,
        *,
        burst: bool,
    ) -> None:
        """Take the readings of a live message; of a `burst` one of each sensor and second is kept."""
        second = when.received_ns // SECOND_NS
        thinned = False
        for key, value, unit in readings:
            sensor = device.sensors.get(key)
            if sensor is None:
                if self._room <= 0 or not device.has_room_for_a_sensor():
                    self._outcomes.set_aside(message_type, ErrorReason.OVERFLOW)
                    continue
                self._room -= 1
                sensor = device.sensors[key] = Sensor(key, held_to(key, self._expected))
            keep = not burst or sensor.kept_second != second
            if keep:
                sensor.kept_second = second
            else:
                thinned = True
            sensor.take(value, unit, when.at_ns)
            # By its arrival alone nobody knows when a reading that has waited was taken.
            began = sensor.judge(when.at_ns).began if when.trusted or not when.backlog else None
            self._outcomes.reading(device, sensor, when, keep=keep)
            if began is not None:
                self._outcomes.anomaly(device, sensor, began, when)
        if thinned:
            self._outcomes.set_aside(message_type, Reason.BURST)

    def recall(self, devices: Iterable[Device]) -> None:
        """Count the sensors of these devices as known, whatever the bound."""
        self._room -= sum(len(device.sensors) for device in devices)

    def forget(self, device: Device) -> None:
        """Make room: the sensors of a device are forgotten with it."""
        self._room += len(device.sensors)


def held_to(key: str, expected: Mapping[str, Expectation]) -> Expectation | None:
    """What a sensor is held to, some to what is `expected`; None when it is not judged."""
    if key in expected:
        return expected[key]
    return None if _COUNTS.fullmatch(key) or _PLACES.fullmatch(key) else Expectation()
