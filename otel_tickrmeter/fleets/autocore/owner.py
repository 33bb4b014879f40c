"""Whose a message is where several exporters share the fleet: its device's, as the decoder finds it.

The rules this file keeps:

1. Any bytes on any topic have exactly one owner.
2. The topic's device counts, whatever the payload says of it; where the topic names none, the payload's.
3. What is of no device, such as the run of a macro, goes by its topic, so that it stays in order; what should
   name one and does not, and what is on an ignored topic, by topic and payload.
"""

from collections.abc import Mapping
from typing import Any

from otel_tickrmeter.fleets.autocore.decode import OF_A_DEVICE, Decoder
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import Owns, Partition, remember


class MessageOwner:
    """Knows of each message whether it belongs to a partition."""

    def __init__(self, decoder: Decoder, partition: Partition) -> None:
        self._decoder = decoder
        self._partition = partition
        self._topics: dict[bytes, bool] = {}
        self._devices: dict[str, bool] = {}

    def owns(self, message: Message) -> bool | None:
        """Whether it belongs to the partition; None when its topic is none of the fleet's."""
        owned = self._topics.get(message.topic)
        return self._look(message) if owned is None else owned

    def _look(self, message: Message) -> bool | None:
        topic = message.topic
        where = self._decoder.place(topic)
        if where is None:
            return None
        if where.device_id is not None:
            return remember(self._topics, topic, owned=self._partition.has_device(where.device_id))
        if where.message_type in OF_A_DEVICE:
            device_id = self._decoder.named_device(message)
            if device_id is not None:
                owned = self._devices.get(device_id)
                if owned is None:
                    owned = self._partition.has_device(device_id)
                    remember(self._devices, device_id, owned=owned)
                return owned
        elif where.message_type is not MessageType.IGNORED:
            return self._partition.has_message(topic, b"")
        return self._partition.has_message(topic, message.payload)


def make_owner(options: Mapping[str, Any], partition: Partition) -> Owns:
    """See `OwnerRule`; `options` are the arguments of `Decoder`."""
    return MessageOwner(Decoder(**options), partition).owns
