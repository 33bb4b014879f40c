"""What the wire brought: one MQTT delivery, and what the receiver noticed about the link.

All times are nanoseconds of the machine's monotonic clock (`time.monotonic_ns`), stamped by the receiver
at the socket. Nothing here, nor in the core of a fleet, reads a clock.
"""

from dataclasses import dataclass
from typing import NamedTuple

from otel_tickrmeter.stream.reason import LinkReason


class Logged(NamedTuple):
    """What a message is in a log, the same for whoever takes it from there, and however often.

    `key` is its name, and `unix_ns` when the receiver heard it, by the receiver's wall clock.
    """

    key: str
    unix_ns: int


class Message(NamedTuple):
    """One delivery. A named tuple, because thousands are made each second.

    `payload` is empty when `oversize` is set: the receiver does not carry what the decoder would refuse.
    `duplicate` marks what was delivered before in this session; MQTT's DUP flag alone does not say that.
    `backlog` marks a delivery whose arrival time means nothing: it waited in a queue of the broker, or in
    the socket while the receiver was stalled. `qos` is that of the delivery: the publisher's or ours,
    whichever is less, and `packet_id` what the broker calls a delivery at QoS 1 or 2: it is known to the
    receiving process alone, and 0 elsewhere. `logged` is what it is in a log; None where there is no log, or
    nobody asks.
    """

    topic: bytes
    payload: bytes
    arrived_ns: int
    retain: bool = False
    duplicate: bool = False
    backlog: bool = False
    oversize: bool = False
    qos: int = 0
    packet_id: int = 0
    logged: Logged | None = None


@dataclass(frozen=True, slots=True)
class Connected:
    """The broker accepted the connection; the subscription is not yet confirmed.

    `protocol` is the version of MQTT: `5` or `3.1.1`.
    """

    at_ns: int
    session_present: bool
    protocol: str


@dataclass(frozen=True, slots=True)
class Subscribed:
    """The broker confirmed the subscription: from here on silence means silence."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Settled:
    """The connection has lasted for so long that no other client takes it from us again and again."""

    at_ns: int


@dataclass(frozen=True, slots=True)
class Refused:
    """The broker, or the network before it, turned us away."""

    at_ns: int
    reason: LinkReason
    detail: str


@dataclass(frozen=True, slots=True)
class Lost:
    """An accepted connection ended without our asking."""

    at_ns: int
    reason: LinkReason
    detail: str


@dataclass(frozen=True, slots=True)
class Stalled:
    """The receiver did not read for `seconds`: what is read next may have waited that long."""

    at_ns: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Doubted:
    """The broker has left a probe unanswered for `seconds`: silence proves nothing until `Heard`."""

    at_ns: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Heard:
    """The broker answers again; what was read since `seconds` before may have waited on its way."""

    at_ns: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Dropped:
    """The bounded receive queue was full; `count` messages were discarded."""

    at_ns: int
    count: int


@dataclass(frozen=True, slots=True)
class Foreign:
    """`count` messages since the last of these belong to other partitions; the last arrived `at_ns`.

    It comes before any other event that they came before: that the broker was heard is news to us too.
    """

    at_ns: int
    count: int


@dataclass(frozen=True, slots=True)
class Watermark:
    """Everything that reached the socket before `at_ns` has been delivered before this.

    `queue_size` is the number of messages that wait in the receiver. `heard_ns` is the arrival of the last
    packet of the broker, of any type: what it sent before has been delivered. An empty socket proves
    nothing, the link may be dead.
    """

    at_ns: int
    queue_size: int
    heard_ns: int


@dataclass(frozen=True, slots=True)
class Forwarded:
    """How the log takes what is forwarded to it, instead of to the main process.

    `waiting` messages are not acknowledged by it; `undelivered` ones, since the last of these, never will
    be. `trouble` says in words why it takes none; empty when it does.
    """

    at_ns: int
    waiting: int
    undelivered: int
    trouble: str


@dataclass(frozen=True, slots=True)
class Journaled:
    """Whether what arrives is written down; `trouble` says in words why not, and is empty when it is."""

    at_ns: int
    trouble: str


LinkEvent = (
    Connected
    | Subscribed
    | Settled
    | Refused
    | Lost
    | Stalled
    | Doubted
    | Heard
    | Dropped
    | Foreign
    | Forwarded
    | Journaled
    | Watermark
)
"""Everything the receiver reports besides messages."""
