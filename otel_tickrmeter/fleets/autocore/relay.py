"""One relay, and the events of its switching: rule 9 of docs/autocore.md.

A board tells of one switching more than once: with its cause, and in the states of all its relays, in either
order. So a change without a cause waits for EXPLAINED_NS, and what comes meanwhile and says why, explains it.
"""

from typing import NamedTuple

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.autocore.event import When
from otel_tickrmeter.fleets.autocore.reason import Trigger

EXPLAINED_NS = 2_000_000_000
"""The cause of a switching comes within this of its first news."""


class Change(NamedTuple):
    """A switching; `previous` is None when the state before is not known, `trigger` when its cause is not."""

    state: bool
    previous: bool | None
    trigger: Trigger | None
    source: str | None
    when: When


class Relay:
    """What is known of a relay.

    Attributes:
        number: The one it has on its board, from 0.
        state: Whether it is on; None while not known.
        retained: What is known is what the broker kept, and may be long past.
        since_ns: When it was last switched before our eyes, Unix nanoseconds; None: never.
        trigger: What switched it then.
        refreshed_ns: When its state was last told, Unix nanoseconds.
        unexplained: A change that no cause is known of yet.
    """

    __slots__ = (
        "_attributes",
        "number",
        "refreshed_ns",
        "retained",
        "since_ns",
        "state",
        "trigger",
        "unexplained",
    )

    def __init__(self, number: int) -> None:
        self.number = number
        self.state: bool | None = None
        self.retained = False
        self.since_ns: int | None = None
        self.trigger: Trigger | None = None
        self.refreshed_ns = 0
        self.unexplained: Change | None = None
        self._attributes: AttributeSet | None = None

    def attributes(self, device_id: str) -> AttributeSet:
        """What tells the series of its state apart."""
        if self._attributes is None:
            self._attributes = AttributeSet(device_id=device_id, relay=str(self.number))
        return self._attributes
