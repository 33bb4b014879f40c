"""Every instrument of the program: the rows of the fleet and those about the program itself."""

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.exporter.catalogue import process, receiving, sending
from otel_tickrmeter.fleets.tickrmeter.catalogue import boots, devices, identities, stock_updates
from otel_tickrmeter.fleets.tickrmeter.event import MessageType


def all_rows() -> tuple[Instrument, ...]:
    """Return every row, in the order in which it is exposed and documented."""
    return (
        *devices.devices(),
        *stock_updates.stock_updates(),
        *boots.boots(),
        *receiving.connection(),
        *receiving.messages(tuple(MessageType)),
        *receiving.queue(),
        *identities.rejected(),
        *sending.dead_letters(),
        *identities.departed(),
        *sending.output(),
        *process.process(),
    )
