"""What a planned message means to a reader who keeps the rules of docs/autocore.md."""

from collections.abc import Mapping
from typing import Literal, NamedTuple

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.simulate import planned as simulate


class Reported(NamedTuple):
    """A device says how it is, or its broker does: its last `will`.

    `described` has what it says of itself by the names of the columns; `figures` has `uptime`, `memory_free`
    and `wifi_signal`, if it is there.
    """

    word: str
    described: Mapping[str, str]
    figures: Mapping[str, float]
    will: bool = False

    @property
    def online(self) -> bool:
        """Whether it is there, well or not."""
        return self.word != "offline"


class Measured(NamedTuple):
    """A device tells of its sensors."""

    readings: Mapping[str, float]


class Switched(NamedTuple):
    """A relay has a state, because of somebody or something."""

    relay: int
    state: bool
    triggered_by: str


class Touched(NamedTuple):
    """A person touched a display."""

    action: str


class Told(NamedTuple):
    """A device tells of itself."""

    kind: str


class Listed(NamedTuple):
    """How all relays of a board are, told now and then or because one was switched: it says not why."""

    states: Mapping[int, bool]


class ShutOff(NamedTuple):
    """A board has switched a relay off for safety."""

    relay: int
    reason: str


class Announced(NamedTuple):
    """A device says what it is, by the names of the columns."""

    described: Mapping[str, str]


class Noted(NamedTuple):
    """What is stored and has no state, by the kind and the subtype of its row."""

    kind: str
    subtype: str


class Addressed(NamedTuple):
    """Somebody wants something of a device: that says nothing of it."""


Subject = Reported | Measured | Switched | Touched | Told | Listed | ShutOff | Announced | Noted | Addressed

UNITS: Mapping[str, str] = {"current": "", "can.rpm": "rpm"}
"""Of sensors that have no gauge of their own."""


class Meaning(NamedTuple):
    """Who tells what, and what is odd about it.

    Attributes:
        device_id: Whose message it is.
        message_type: What it is by its topic.
        subject: What it tells.
        stamp: The Unix time that it says, in seconds; None: none that can be read, or none that counts.
        odd: Its time cannot be trusted, it comes late, for the second time, or from what the broker kept.
    """

    device_id: str
    message_type: MessageType
    subject: Subject
    stamp: float | None = None
    odd: Literal["clock", "late", "duplicate", "retained"] | None = None


Planned = simulate.Planned[Meaning]
"""A message of this fleet."""
