"""What messages do to sensors: readings, and what is made of them."""

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import MessageType, Reading, When
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.stream.second import SECOND_NS


class Watching:
    """Keeps the newest readings, and tells `outcomes` of each."""

    def __init__(self, outcomes: Outcomes) -> None:
        self._outcomes = outcomes

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
            sensor = device.sensor(key)
            if sensor is None:
                self._outcomes.set_aside(message_type, ErrorReason.OVERFLOW)
                continue
            keep = not burst or sensor.kept_second != second
            if keep:
                sensor.kept_second = second
            else:
                thinned = True
            sensor.take(value, unit, when.at_ns)
            self._outcomes.reading(device, sensor, when, keep=keep)
        if thinned:
            self._outcomes.set_aside(message_type, Reason.BURST)
