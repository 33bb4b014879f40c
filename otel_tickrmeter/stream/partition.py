"""Which of several exporters of one fleet a device belongs to, so that its messages stay together.

Everybody hears everything and keeps what is its own, so all have to come to the same answer: by jump
consistent hashing (Lamping and Veach, https://arxiv.org/abs/1406.2294) of a digest that is the same in every
process. When there is one partition more, devices move to the new one and nowhere else.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, TypeVar

from otel_tickrmeter.stream.message import Message

LONGEST_REMEMBERED = 160
"""Longer keys are not remembered: what a stranger invents has no end."""

_DIGEST_BYTES = 8
_KEY_MASK = (1 << 64) - 1
_MULTIPLIER = 2_862_933_555_777_941_757
_SPAN = float(1 << 31)

PlaceT = TypeVar("PlaceT")
"""Where something belongs: to us or not, or the number of a partition."""

Owns = Callable[[Message], bool | None]
"""Whether a message is ours; None when its topic is none of the fleet's."""
Places = Callable[[Message], int | None]
"""The partition of a message; None when its topic is none of the fleet's."""


@dataclass(frozen=True, slots=True)
class OwnerRule:
    """How a fleet's messages are given to partitions, for a process that knows no fleet.

    Attributes:
        module: Has a `make_placer(options, of_device, of_message, most)`: told where a device belongs, and
            where a message of none does, it gives an `Owns` of a `Partition`, or a `Places` of a `Spread`.
        options: What that has to know, as JSON can say it.
        most: How many answers of each kind it remembers.
    """

    module: str
    options: Mapping[str, Any]
    most: int


@dataclass(frozen=True, slots=True)
class Partition:
    """One of the parts of a fleet: `index` of `count`, from 0."""

    index: int = 0
    count: int = 1

    def has_device(self, device_id: str) -> bool:
        """Whether a device, in its one spelling, belongs to it; any text does to exactly one."""
        return self._has(_device_key(device_id))

    def has_message(self, topic: bytes, payload: bytes) -> bool:
        """Whether a message of no device belongs to it; any bytes do to exactly one."""
        return self._has(_message_key(topic, payload))

    def _has(self, key: bytes) -> bool:
        return _place(key, self.count) == self.index


@dataclass(frozen=True, slots=True)
class Spread:
    """All parts of a fleet: `count` of them."""

    count: int

    def of_device(self, device_id: str) -> int:
        """The partition that has a device."""
        return _place(_device_key(device_id), self.count)

    def of_message(self, topic: bytes, payload: bytes) -> int:
        """The partition that has a message of no device."""
        return _place(_message_key(topic, payload), self.count)


def first_place(
    rules: Sequence[Callable[[Message], PlaceT | None]], otherwise: Callable[[bytes, bytes], PlaceT]
) -> Callable[[Message], PlaceT]:
    """What says where a message belongs: the first rule that knows its topic, else `otherwise` knows it."""

    def find(message: Message) -> PlaceT:
        for rule in rules:
            place = rule(message)
            if place is not None:
                return place
        return otherwise(message.topic, message.payload)

    return find


def _device_key(device_id: str) -> bytes:
    # A pattern of somebody's own may let halves of surrogate pairs through.
    return device_id.encode(errors="surrogatepass")


def _message_key(topic: bytes, payload: bytes) -> bytes:
    return len(topic).to_bytes(4) + topic + payload


def _place(key: bytes, count: int) -> int:
    digest = blake2b(key, digest_size=_DIGEST_BYTES).digest()
    return jump(int.from_bytes(digest), count)


def jump(key: int, buckets: int) -> int:
    """The bucket of a 64-bit key, from 0, below `buckets`, which is at least 1."""
    found, following = 0, 0
    while following < buckets:
        found = following
        key = (key * _MULTIPLIER + 1) & _KEY_MASK
        # Through doubles, as published: others that hash so must agree.
        following = int((found + 1) * (_SPAN / float((key >> 33) + 1)))
    return found


def remember(known: dict[Any, PlaceT], key: bytes | str, place: PlaceT, most: int) -> PlaceT:
    """Keep an answer under what it was asked for; gives it back.

    With `most` of them all are forgotten at once, which costs one look each.
    """
    if len(key) <= LONGEST_REMEMBERED:
        if len(known) >= most:
            known.clear()
        known[key] = place
    return place
