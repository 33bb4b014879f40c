"""Whose a message is where several exporters share the fleet: its device's, so that pairs stay together.

The rules this file keeps:

1. Any bytes on any topic have exactly one owner.
2. A device is found as the decoder finds it, mended payloads included; its answers by the topic.
3. What names no device, as the decoder reads it, and what is on a topic of nobody's, goes by topic and
   payload: so one exporter counts each fault.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import Owns, Partition, remember


class MessageOwner:
    """Knows of each message whether it belongs to a partition."""

    def __init__(self, decoder: Decoder, partition: Partition) -> None:
        self._decoder = decoder
        self._partition = partition
        self._by_payload = decoder.named_topics
        self._topics: dict[bytes, bool] = {}
        self._spellings: dict[str, bool] = {}

    def owns(self, message: Message) -> bool | None:
        """Whether it belongs to the partition; None when its topic is none of the fleet's."""
        topic = message.topic
        owned = self._topics.get(topic)
        if owned is not None:
            return owned
        if topic in self._by_payload:
            try:
                return self._spellings[orjson.loads(message.payload)["device"]]
            except (ValueError, LookupError, TypeError):
                pass  # no JSON, no object, no such field, no text; or not seen before
        return self._look(message)

    def _look(self, message: Message) -> bool | None:
        message_type = self._decoder.classify(message.topic)
        if message_type is None:
            return None
        found = self._decoder.sender(message_type, message)
        if found is None:
            return self._partition.has_message(message.topic, message.payload)
        device_id, spelled = found
        owned = self._partition.has_device(device_id)
        if message_type is MessageType.STOCK_RESPONSE:
            return remember(self._topics, message.topic, owned=owned)
        return remember(self._spellings, spelled, owned=owned)


def make_owner(options: Mapping[str, Any], partition: Partition) -> Owns:
    """See `OwnerRule`; `options` are the arguments of `Decoder`."""
    return MessageOwner(Decoder(**options), partition).owns
