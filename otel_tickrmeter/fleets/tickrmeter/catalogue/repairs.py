"""Instruments about messages that were read although something is wrong with them."""

from otel_tickrmeter.catalogue.instrument import Instrument, counter
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.stream.reason import Repair


def repairs() -> tuple[Instrument, ...]:
    """The row about messages that were repaired."""
    return (
        counter(
            names.MESSAGES_REPAIRED,
            "{message}",
            "tickrmeter_messages_repaired_total",
            "Messages that were read although their payload is no JSON, by what was left out.",
            {"message_type": tuple(MessageType), "kind": tuple(Repair)},
        ),
    )
