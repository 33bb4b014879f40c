"""Whose a message that was set aside says it is."""

import re

from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.stream.message import Message

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
