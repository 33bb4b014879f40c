"""Whose a message is where several exporters share the fleet: its device's, so that pairs stay together.

The rules this file keeps:

1. Any bytes on any topic have exactly one owner.
2. A device is found as the decoder finds it, mended payloads included; its answers by the topic.
3. What names no device, as the decoder reads it, and what is on a topic of nobody's, goes by topic and
   payload: so one exporter counts each fault.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic

import orjson

from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import PlaceT, remember


class MessageOwner(Generic[PlaceT]):
    """Knows of each message where it belongs: to a partition or not, or to which.

    Args:
        decoder: Finds the device.
        of_device: Where a device belongs.
        of_message: Where a message of no device does, by topic and payload.
        most: How many answers of each kind are remembered.
    """

    def __init__(
        self,
        decoder: Decoder,
        of_device: Callable[[str], PlaceT],
        of_message: Callable[[bytes, bytes], PlaceT],
        most: int,
    ) -> None:
        self._decoder = decoder
        self._most = most
        self._of_device = of_device
        self._of_message = of_message
        self._by_payload = decoder.named_topics
        self._topics: dict[bytes, PlaceT] = {}
        self._spellings: dict[str, PlaceT] = {}

    def place(self, message: Message) -> PlaceT | None:
        """Where it belongs; None when its topic is none of the fleet's."""
        topic = message.topic
        place = self._topics.get(topic)
        if place is not None:
            return place
        if topic in self._by_payload:
            try:
                return self._spellings[orjson.loads(message.payload)["device"]]
            except (ValueError, LookupError, TypeError):
                pass  # no JSON, no object, no such field, no text; or not seen before
        return self._look(message)

    def _look(self, message: Message) -> PlaceT | None:
        message_type = self._decoder.classify(message.topic)
        if message_type is None:
            return None
        found = self._decoder.sender(message_type, message)
        if found is None:
            return self._of_message(message.topic, message.payload)
        device_id, spelled = found
        place = self._of_device(device_id)
        if message_type is MessageType.STOCK_RESPONSE:
            return remember(self._topics, message.topic, place, self._most)
        return remember(self._spellings, spelled, place, self._most)


def make_placer(
    options: Mapping[str, Any],
    of_device: Callable[[str], PlaceT],
    of_message: Callable[[bytes, bytes], PlaceT],
    most: int,
) -> Callable[[Message], PlaceT | None]:
    """See `OwnerRule`; `options` are the arguments of `Decoder`."""
    return MessageOwner(Decoder(**options), of_device, of_message, most).place
