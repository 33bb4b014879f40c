"""What is done with a message that was set aside, as a whole or in part: told in the log, and kept.

Anybody may publish such messages, as many as the broker takes. So most cost a look into a table and no
more, and what a line shows of them is short, printable ASCII.
"""

import re
from collections.abc import Callable, Iterable

from loguru import logger

from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.letters.escape import escaped, payload_shown
from otel_tickrmeter.letters.letter import Letter
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.limiter import Limiter
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason

# A broker sends them by itself, at every reconnect.
_USUAL = frozenset({ErrorReason.RETAINED.value, ErrorReason.DUPLICATE.value})
# The others have the device in their topic.
_DEVICE_IN_PAYLOAD = frozenset(
    {
        MessageType.STOCK_REQUEST,
        MessageType.DEVICE_STATUS,
        MessageType.DEVICE_BOOT,
        MessageType.DEVICE_BOOTED,
        MessageType.HTTP_STREAM,
    }
)
# Not by a JSON parser: what is damaged behind the id still names its sender.
_DEVICE = re.compile(rb'"device"\s*:\s*(?:"([^"]{0,64})|([^\s",{}\[\]]{1,64}))')
_NS_PER_MS = 1_000_000


class SetAside:
    """Takes messages that were set aside.

    Args:
        letters: Keeps them; None when nothing is to be kept.
        unix_offset_ns: Unix time less monotonic time.
    """

    def __init__(self, letters: LetterWriter | None, unix_offset_ns: Callable[[], int]) -> None:
        self._letters = letters
        self._unix_offset_ns = unix_offset_ns
        self._limiter = Limiter()

    def take(self, message_type: MessageType, message: Message, reasons: Iterable[str]) -> None:
        """Tell of a message in the log, when a line is due for one of its reasons, and keep it."""
        distinct = sorted(set(reasons))
        for reason in distinct:
            count = self._limiter.count_due((message_type, reason), message.arrived_ns)
            if count:
                level = "DEBUG" if reason in _USUAL else "WARNING"
                logger.log(level, _line(message_type, message, reason, distinct, count))
        faults = [reason for reason in distinct if reason not in _USUAL]
        if faults and self._letters is not None:
            self._letters.post(
                Letter(
                    (message.arrived_ns + self._unix_offset_ns()) // _NS_PER_MS,
                    message.topic,
                    message.qos,
                    message.retain,
                    message.duplicate,
                    message_type.value,
                    ",".join(faults),
                    message.payload,
                )
            )


def device_in(message_type: MessageType, message: Message) -> bytes | None:
    """The device id of a message, as it is spelled there; None when it cannot be read.

    It need not be valid, nor that of the sender: anybody can write anything.
    """
    if message_type not in _DEVICE_IN_PAYLOAD:
        return message.topic.rpartition(b"/")[2]
    found = _DEVICE.search(message.payload)
    if found is None:
        return None
    return found[2] if found[1] is None else found[1]


def _line(
    message_type: MessageType, message: Message, reason: str, reasons: Iterable[str], count: int
) -> str:
    device = device_in(message_type, message)
    others = [other for other in reasons if other != reason]
    return "".join(
        (
            f"Set aside, as a whole or in part: {message_type} ({reason}), device ",
            "unknown" if device is None else escaped(device),
            f", topic {escaped(message.topic)}, payload {payload_shown(message.payload)}",
            f"; also {', '.join(others)}" if others else "",
            f"; {count} such since this was last said" if count > 1 else "",
        )
    )
