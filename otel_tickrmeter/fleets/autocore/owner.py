"""Whose a message is where several exporters share the fleet: its device's, as the decoder finds it.

The rules this file keeps:

1. Any bytes on any topic have exactly one owner.
2. The topic's device counts, whatever the payload says of it; where the topic names none, the payload's.
3. What is of no device, such as the run of a macro, goes by its topic, so that it stays in order; what should
   name one and does not, and what is on an ignored topic, by topic and payload.
"""

from collections.abc import Callable, Mapping
from typing import Any, Generic

from otel_tickrmeter.fleets.autocore.decode import OF_A_DEVICE, Decoder
from otel_tickrmeter.fleets.autocore.event import MessageType
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
        self._topics: dict[bytes, PlaceT] = {}
        self._devices: dict[str, PlaceT] = {}

    def place(self, message: Message) -> PlaceT | None:
        """Where it belongs; None when its topic is none of the fleet's."""
        place = self._topics.get(message.topic)
        return self._look(message) if place is None else place

    def _look(self, message: Message) -> PlaceT | None:
        topic = message.topic
        where = self._decoder.place(topic)
        if where is None:
            return None
        if where.device_id is not None:
            return remember(self._topics, topic, self._of_device(where.device_id), self._most)
        if where.message_type in OF_A_DEVICE:
            device_id = self._decoder.named_device(message)
            if device_id is not None:
                place = self._devices.get(device_id)
                if place is None:
                    place = self._of_device(device_id)
                    remember(self._devices, device_id, place, self._most)
                return place
        elif where.message_type is not MessageType.IGNORED:
            return self._of_message(topic, b"")
        return self._of_message(topic, message.payload)


def make_placer(
    options: Mapping[str, Any],
    of_device: Callable[[str], PlaceT],
    of_message: Callable[[bytes, bytes], PlaceT],
    most: int,
) -> Callable[[Message], PlaceT | None]:
    """See `OwnerRule`; `options` are the arguments of `Decoder`."""
    return MessageOwner(Decoder(**options), of_device, of_message, most).place
