"""What a notice is, and whom to give it to. Nothing here sends anything."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class NoticeKind(StrEnum):
    """What a notice is about. DIGEST: there were too many, and it says how many of which kind."""

    RELAY = "relay"
    SAFETY_SHUTOFF = "safety_shutoff"
    OFFLINE = "offline"
    ONLINE = "online"
    ANOMALY = "anomaly"
    HARDWARE_ERROR = "hardware_error"
    RULE = "rule"
    DIGEST = "digest"


class NoticeSeverity(StrEnum):
    """How soon somebody has to look."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


class Fate(StrEnum):
    """What became of a notice.

    SUPPRESSED: the same was told not long ago. DIGESTED: it is one of many in a digest.
    """

    SENT = "sent"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    DIGESTED = "digested"


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice; `text` is one line for people. `relay` is the number of the relay that it is about.

    `about` is what else it is about: the rule that gives it.
    """

    kind: NoticeKind
    severity: NoticeSeverity
    text: str
    at: datetime
    device: str = ""
    relay: int | None = None
    about: str = ""

    @property
    def dedupe_key(self) -> str:
        """What notices about the same thing share."""
        return f"{self.kind}/{self.about or self.device}/{'' if self.relay is None else self.relay}"


@dataclass(frozen=True, slots=True)
class Delivery:
    """A notice on its way by a channel, which is empty for one that goes by none.

    `number` is its own in this run of the program.
    """

    number: int
    notice: Notice
    channel: str


class NoticeOutcomes:
    """Told what happened, after it has. Who takes part overrides what it wants to know of."""

    def waits(self, delivery: Delivery, attempts: int) -> None:
        """It waits, and so many attempts have failed."""

    def ended(self, delivery: Delivery, fate: Fate, attempts: int, at: datetime) -> None:
        """It has come to its end."""


class Notifier(Protocol):
    """Takes notices, at once, in the thread of the message handler; sends them when it can.

    `waiting` counts those that wait for a channel, `capacity` is how many may, `dropped` those that gave way.
    """

    dropped: int

    @property
    def waiting(self) -> int: ...  # noqa: D102  the class says it

    @property
    def capacity(self) -> int: ...  # noqa: D102

    def put(self, notice: Notice) -> None:
        """Have a notice sent, unless the same was told not long ago, or there are too many."""

    def tell(self, outcomes: NoticeOutcomes) -> None:
        """Whom to tell from now on."""
