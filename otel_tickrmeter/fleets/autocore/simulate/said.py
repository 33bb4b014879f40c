"""What a board says: a message before anybody knows when it leaves, and what becomes of it on its way."""

from collections.abc import Mapping
from typing import NamedTuple

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.simulate.planned import Subject


class Said(NamedTuple):
    """A message: its topic below the fleet's root, its fields but the time, and what it tells.

    `certain`: it comes in time and once. `retain`: the broker keeps it.
    """

    topic: str
    message_type: MessageType
    fields: Mapping[str, object]
    subject: Subject
    certain: bool = False
    retain: bool = False
