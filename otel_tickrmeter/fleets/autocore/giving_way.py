"""Which messages are lost first when there are too many: telemetry (rule 10 of docs/autocore.md).

The rules this file keeps:

1. What the decoder takes for anything but telemetry stays: boards tell of switchings and safety shutoffs on
   topics of telemetry, too. So does what may be such, as far as can be told without reading it.
2. What cannot be read gives way when it is on a topic of telemetry.
"""

import json
from collections.abc import Collection, Mapping
from typing import Any

from otel_tickrmeter.fleets.autocore.event import (
    RELAY_CHANGE,
    SAFETY_SHUTOFF,
    TELEMETRY_EVENTS,
    MessageType,
)
from otel_tickrmeter.fleets.autocore.topics import ROOT, place
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import remember

_CHANGE, _SHUTOFF = RELAY_CHANGE.encode(), SAFETY_SHUTOFF.encode()

MAX_TOPICS = 131_072
"""Topics that are remembered; then all are forgotten at once, which costs one look each."""


class TelemetryTest:
    """Knows it by topic and payload.

    Args:
        layouts: The layouts of topics that are read, of `topics.LAYOUTS`.
        topic_prefix: What stands before every topic, a trailing slash included; may be empty.
    """

    def __init__(self, layouts: Collection[str], topic_prefix: str) -> None:
        self._layouts = frozenset(layouts)
        self._root = f"{topic_prefix}{ROOT}"
        # Of each topic: whether its messages are telemetry; None when that is to be seen in each of them.
        self._topics: dict[bytes, bool | None] = {}

    def gives_way(self, message: Message) -> bool:
        """Whether a message is telemetry and nothing else."""
        topic = message.topic
        try:
            known = self._topics[topic]
        except KeyError:
            known = remember(self._topics, topic, self._look(topic), MAX_TOPICS)
        return not _may_be_an_event(message.payload) if known is None else known

    def _look(self, topic: bytes) -> bool | None:
        text = topic.decode(errors="replace")
        if not text.startswith(self._root):
            return False
        where = place(tuple(text[len(self._root) :].split("/")), self._layouts)
        if where.message_type is not MessageType.TELEMETRY:
            return False
        return True if where.seed else None


def _may_be_an_event(payload: bytes) -> bool:
    if b"\\" not in payload:
        return _CHANGE in payload or _SHUTOFF in payload  # any() would take 0.3 µs more
    try:  # each letter of the word may be written as its number
        found = json.loads(payload)
    except (ValueError, RecursionError):
        return True
    return type(found) is dict and found.get("event") in TELEMETRY_EVENTS


def make_test(options: Mapping[str, Any]) -> GivesWay:
    """See `GivingWayRule`; `options` are the arguments of `TelemetryTest`."""
    return TelemetryTest(**options).gives_way
