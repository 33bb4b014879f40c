"""What of the fleet stands in the program's log: devices that come and go."""

from collections.abc import Callable

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import When
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Cause
from otel_tickrmeter.stream.second import SECOND_NS

LINES_A_MINUTE = 60
"""When a whole fleet goes at once the log need not name every device."""


class Diary(Outcomes):
    """Writes lines, and no more than LINES_A_MINUTE.

    Args:
        say: Takes a line.
    """

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._minute = -1
        self._lines = 0

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        """The device came, or went."""
        minute = when.received_ns // (60 * SECOND_NS)
        if minute != self._minute:
            untold = self._lines - LINES_A_MINUTE
            if untold > 0:
                self._say(f"{untold} more devices came or went")
            self._minute, self._lines = minute, 0
        self._lines += 1
        if self._lines <= LINES_A_MINUTE:
            status = "online" if device.online else "offline"
            self._say(f"Device {device.id} status updated: {status} ({cause})")
