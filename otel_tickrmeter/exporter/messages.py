"""Counts the messages of a fleet: how many, how long they took, and what was wrong with them."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.exporter.names import message_names
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.registration import Recorded


class MessageRecorder:
    """Records into the instruments about the messages of a fleet.

    Args:
        recorded: The instruments.
        fleet: What the fleet is called.
        message_types: What its messages may be.

    Attributes:
        set_aside: Why the present message was set aside, as a whole or in part, from whichever part of the
            fleet noticed; the handler takes them.
        processed: Messages counted.
        errors: Messages, or fields of them, counted as set aside.
    """

    def __init__(self, recorded: Recorded, fleet: str, message_types: Iterable[StrEnum]) -> None:
        names = message_names(fleet)
        self._messages = recorded.counters[names.messages]
        self._errors = recorded.counters[names.errors]
        self._processing = recorded.histograms[names.processing]
        self._types: Mapping[StrEnum, AttributeSet] = {
            message_type: AttributeSet(message_type=message_type.value) for message_type in message_types
        }
        self.set_aside: list[StrEnum] = []
        self.processed = 0
        self.errors = 0
        # A counter that appears with its first count hides that count from rate().
        for attributes in self._types.values():
            self._messages.add(0, attributes)

    def message(self, message_type: StrEnum, processing_ns: int) -> None:
        """Count a message and the time it took."""
        attributes = self._types[message_type]
        self.processed += 1
        self._messages.add(1, attributes)
        self._processing.record(processing_ns / SECOND_NS, attributes)

    def message_error(self, message_type: StrEnum, reason: StrEnum) -> None:
        """Count a message, or a field, that was set aside: an ErrorReason, or a reason of the fleet's own."""
        self.errors += 1
        self.message_noted(message_type, reason)
        self.set_aside.append(reason)

    def message_noted(self, message_type: StrEnum, reason: StrEnum) -> None:
        """Count the same of a message that has its effect all the same: it is not set aside."""
        self._errors.add(1, {"message_type": message_type.value, "reason": reason.value})
