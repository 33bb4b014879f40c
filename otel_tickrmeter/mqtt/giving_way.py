"""Knows the messages that give way in a full queue, as the fleets that are watched tell them.

Each fleet says it in a module that is loaded here by its name, and only where it has such messages.
"""

from collections.abc import Iterable
from importlib import import_module

from otel_tickrmeter.stream.giving_way import GivesWay, GivingWayRule
from otel_tickrmeter.stream.message import Message


def load_test(rules: Iterable[GivingWayRule]) -> GivesWay | None:
    """Whether a message is one that gives way by any of the rules; None when there are none."""
    tests: list[GivesWay] = [import_module(rule.module).make_test(rule.options) for rule in rules]
    if len(tests) <= 1:
        return next(iter(tests), None)

    def gives_way(message: Message) -> bool:
        return any(test(message) for test in tests)

    return gives_way
