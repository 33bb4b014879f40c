"""Which messages give way when a queue is full, so that those are kept that nobody says again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.stream.message import Message

GivesWay = Callable[[Message], bool]
"""Whether a message may be lost before others are; never raises."""


@dataclass(frozen=True, slots=True)
class GivingWayRule:
    """How a fleet tells such messages, for a process that knows no fleet.

    Attributes:
        module: Has a `make_test(options)` that gives a `GivesWay`; what is on no topic of the fleet's stays.
        options: What that has to know, as JSON can say it.
    """

    module: str
    options: Mapping[str, Any]
