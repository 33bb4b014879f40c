"""Whether a rule may publish what it wants to: all of four permissions, or it is a dry run."""

import re
from collections.abc import Callable, Collection, Iterable
from typing import Any, NamedTuple

import orjson

from otel_tickrmeter.fleets.autocore.automation.rule import Rule
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.topics import RESERVED

_OF_DEVICES = frozenset({None, MessageType.COMMAND, MessageType.IGNORED})
_NUMBER_KEYS = ("channel", "relay_index", "relay", "relay_id")
_NUMBER = re.compile(r"[0-9]{1,9}")


class Touched(NamedTuple):
    """Which relays a command may switch; None: any device, any relay of it."""

    device: str | None
    relay: int | None

    def meets(self, device: str, relay: int | None) -> bool:
        """Whether a relay may be one of them; None: any relay of the device."""
        return self.device in {None, device} and (relay is None or self.relay in {None, relay})


def touched(levels: tuple[str, ...], payload: str, offsets: tuple[int, int]) -> Touched:
    """What a command below the fleet's root may switch, as far as topic and payload say it for certain.

    `offsets` are what boards call their first relay: those of the seed's layout, and others.
    """
    device: str | None
    match levels:
        case ("devices", device, *rest):
            offset = offsets[1]
        case (device, *rest) if device not in RESERVED:
            offset = offsets[0]
        case _:
            return Touched(None, None)
    number = _number_in_topic(rest)
    if number is None:
        number = _number_in_payload(payload)
    return Touched(device, None if number is None else number - offset)


class Permission:
    """Says what may be published.

    Args:
        publish: Whether anything may.
        topics: Filters of the topics that may be published on.
        root: What the fleet's topics begin with.
        offsets: What boards call their first relay: those of the seed's layout, and others.
        classify: Says what a message is, by its topic; None when it is none of the fleet's.

    Attributes:
        barred: Relays that no rule may touch: critical, momentary, or barred by their operator.
    """

    def __init__(
        self,
        topics: Collection[str],
        root: str,
        offsets: tuple[int, int],
        classify: Callable[[bytes], MessageType | None],
        *,
        publish: bool,
    ) -> None:
        self.use(topics, publish=publish)
        self._root = root
        self._offsets = offsets
        self._classify = classify
        self.barred: frozenset[tuple[str, int]] = frozenset()

    def use(self, topics: Collection[str], *, publish: bool) -> None:
        """Go by these settings from now on, for what a run has yet to publish too."""
        self._publish = publish
        self._allowed = [topic_filter.split("/") for topic_filter in topics]

    def refusal(self, rule: Rule, topic: str, payload: str) -> str | None:
        """Why it may not be published, in words; None when it may."""
        if not self._publish:
            return "autocore.automation.publish is off"
        if not rule.may_publish:
            return "the rule has no may_publish"
        levels = topic.split("/")
        if not any(_matches(each, levels) for each in self._allowed):
            return f"{topic} is not in autocore.automation.topics"
        if self._classify(topic.encode()) not in _OF_DEVICES:
            return f"{topic} is for devices to speak on"
        return self._barred(topic, payload)

    def touched(self, topic: str, payload: str) -> Touched | None:
        """What it may switch; None when it is no topic of the fleet's."""
        if not topic.startswith(self._root):
            return None
        return touched(tuple(topic.removeprefix(self._root).split("/")), payload, self._offsets)

    def _barred(self, topic: str, payload: str) -> str | None:
        reach = self.touched(topic, payload)
        if reach is None:
            return None
        met = sorted(relay for relay in self.barred if reach.meets(*relay))
        if not met:
            return None
        device, number = met[0]
        return f"it may switch {device}/{number}, which no rule may"


def _number_in_topic(levels: Iterable[str]) -> int | None:
    match tuple(levels):
        case ("relay" | "relays", number, *_) if _NUMBER.fullmatch(number):
            return int(number)
    return None


def _number_in_payload(payload: str) -> int | None:
    try:
        given: Any = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(given, dict):
        return None
    named = [given[key] for key in _NUMBER_KEYS if key in given]
    # More than one place that names a relay, or anything besides a number: it could be any.
    if len(named) != 1 or given.keys() & {"relays", "channels"}:
        return None
    found = named[0]
    if isinstance(found, str) and _NUMBER.fullmatch(found):
        return int(found)
    return found if isinstance(found, int) and not isinstance(found, bool) else None


def _matches(topic_filter: list[str], levels: list[str]) -> bool:
    for place, wanted in enumerate(topic_filter):
        if wanted == "#":
            return True
        if place >= len(levels) or wanted not in {"+", levels[place]}:
            return False
    return len(topic_filter) == len(levels)
