"""Lets through what is this exporter's own, where several share a fleet and each hears everything.

What belongs to whom, the fleets say: each in a module that is loaded here by its name, and only here, so
that a receiver that keeps everything loads none of it.
"""

from collections.abc import Callable, Iterable
from importlib import import_module

from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import OwnerRule, Owns, Partition, first_place


def sieve(
    rules: Iterable[OwnerRule],
    partition: Partition,
    deliver: Callable[[Message], None],
    count_foreign: Callable[[int], None],
) -> Callable[[Message], None]:
    """What takes every message: gives `deliver` our own, and counts the others.

    Args:
        rules: Those of the fleets that are watched, in the order in which they are asked whose a topic is.
        partition: Which one is ours. What is on nobody's topic goes by topic and payload.
        deliver: Takes a message.
        count_foreign: Told when a message arrived that is another partition's.
    """
    owners: list[Owns] = [
        import_module(rule.module).make_placer(
            rule.options, partition.has_device, partition.has_message, rule.most
        )
        for rule in rules
    ]
    owns = first_place(owners, partition.has_message)

    def take(message: Message) -> None:
        if owns(message):
            deliver(message)
        else:
            count_foreign(message.arrived_ns)

    return take
