"""Whose a message that was set aside says it is."""

import re

from otel_tickrmeter.fleets.autocore.decode import Decoder
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.stream.message import Message

# Of those whose topic names no device.
_DEVICE_IN_PAYLOAD = frozenset({MessageType.TELEMETRY, MessageType.ANNOUNCE})
# Not by a JSON parser: what is damaged behind the id still names its sender.
_DEVICE = re.compile(rb'"(?:uuid|device_id)"\s*:\s*"([^"]{0,64})')


def device_in(decoder: Decoder, message_type: MessageType, message: Message) -> bytes | None:
    """The device id of a message, as it is spelled there; None when it cannot be read.

    It need not be valid, nor that of the sender: anybody can write anything.
    """
    where = decoder.place(message.topic)
    if where is not None and where.device_id is not None:
        return where.device_id.encode()
    found = _DEVICE.search(message.payload) if message_type in _DEVICE_IN_PAYLOAD else None
    return None if found is None else found[1]
