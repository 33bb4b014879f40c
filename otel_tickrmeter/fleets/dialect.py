"""What a fleet is to the rest of the program."""

from enum import StrEnum
from typing import Protocol, TypeVar

from otel_tickrmeter.stream.message import LinkEvent, Message

TypeT = TypeVar("TypeT", bound=StrEnum)
"""What a fleet's messages may be, by their topics."""


class Dialect(Protocol[TypeT]):
    """Takes what arrives for a fleet, in its order, and what the receiver noticed about the link."""

    def classify(self, topic: bytes, /) -> TypeT:
        """Return what a message of the topic is; never raises."""

    def take(self, message_type: TypeT, message: Message) -> TypeT:
        """Let a message have its effect; returns what it turned out to be."""

    def noticed(self, event: LinkEvent) -> None:
        """Draw from the state of the link what it means for the fleet, time passing among it."""
