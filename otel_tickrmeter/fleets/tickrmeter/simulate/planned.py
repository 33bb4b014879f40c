"""What a planned message means to a reader who keeps the ten rules of docs/messages.md."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.simulate import planned as simulate

Reading = str | float | bool
"""A heartbeat's reading as the exporter understands it, whatever its spelling on the wire."""


class Heartbeat(NamedTuple):
    """A device reports. `readings` is keyed by the names of `messages.fields`, status left out."""

    device_id: str
    online: bool
    readings: Mapping[str, Reading]


class Request(NamedTuple):
    """A device asks for a price. While an earlier request of the pair is open, this one supersedes it."""

    device_id: str
    symbol: str


class Answer(NamedTuple):
    """The backend answers. `fate` is what is planned: `answered`, or the reason why it closes nothing."""

    device_id: str
    symbol: str
    fate: Literal["answered", "late", "duplicate", "unsolicited"]


class Boot(NamedTuple):
    """A device powers up."""

    device_id: str


class Booted(NamedTuple):
    """The same boot has finished."""

    device_id: str


class Stream(NamedTuple):
    """A device asks for a stream over HTTP."""

    device_id: str


Meaning = Heartbeat | Request | Answer | Boot | Booted | Stream

MESSAGE_TYPES: Mapping[type[Meaning], MessageType] = {
    Heartbeat: MessageType.DEVICE_STATUS,
    Request: MessageType.STOCK_REQUEST,
    Answer: MessageType.STOCK_RESPONSE,
    Boot: MessageType.DEVICE_BOOT,
    Booted: MessageType.DEVICE_BOOTED,
    Stream: MessageType.HTTP_STREAM,
}

Planned = simulate.Planned[Meaning]
"""A message of this fleet."""
