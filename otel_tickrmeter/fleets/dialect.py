"""What a fleet is to the rest of the program: what it says of itself, and what it does when at work.

Whoever adds a fleet writes these two for it, and puts it into `roster.py`; nothing else names it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol, TypeVar

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.notify.notice import Notifier
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.store.keeping import RowKeeper
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.stream.subscription import Subscription
from otel_tickrmeter.telemetry.registration import Recorded

TypeT = TypeVar("TypeT", bound=StrEnum)
"""What a fleet's messages may be, by their topics."""


class Intake(Protocol[TypeT]):
    """A fleet at work: takes what arrives for it, in its order, and what the receiver noticed of the link.

    `figures` counts its messages. `unclaimed` is what a message on nobody's topic counts as, should this
    fleet be the one to count it: a session that the broker kept may hold subscriptions of other settings.
    """

    figures: MessageRecorder
    unclaimed: TypeT

    def classify(self, topic: bytes, /) -> TypeT | None:
        """What a message of the topic is; None when the topic is not the fleet's. Never raises."""

    def take(self, message_type: TypeT, message: Message) -> TypeT:
        """Let a message have its effect; returns what it turned out to be."""

    def noticed(self, event: LinkEvent) -> None:
        """Draw from the state of the link what it means for the fleet, time passing among it."""

    def sender(self, message_type: TypeT, message: Message) -> bytes | None:
        """The device id of a message, as it is spelled there; None when it cannot be read."""

    def callbacks(self) -> Mapping[str, Observe]:
        """What observes its observable instruments, by their names."""

    def not_ready_reason(self) -> str | None:
        """Why its figures cannot be relied on, in words; None when they can."""


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a fleet is given to work with.

    Attributes:
        recorded: The counters and histograms of its rows.
        end_series: Told which series are over.
        unix_offset_ns: What to add to a monotonic time for a Unix time.
        link: What is known of the connection.
        keeper: Takes rows for the database; None when the fleet keeps none.
        notifier: Takes notices; None when nobody wants any.
    """

    recorded: Recorded
    end_series: Callable[[AttributeSet], None]
    unix_offset_ns: Callable[[], int]
    link: LinkState
    keeper: RowKeeper | None = None
    notifier: Notifier | None = None


class Dialect(Protocol):
    """What a fleet says of itself before anything runs; it has no state.

    `name` is what its table of the settings is called, and its instruments begin with. `keys` and `rules` are
    its part of the settings; one of the keys is `NAME.enabled`. `health_path` is where its users' own health
    check looks; empty when they have none.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  the class says it

    @property
    def keys(self) -> tuple[Key, ...]: ...  # noqa: D102

    @property
    def rules(self) -> tuple[Rule, ...]: ...  # noqa: D102

    @property
    def health_path(self) -> str: ...  # noqa: D102

    def defaults(self) -> object:
        """The record that its settings end up in, built-in defaults in it: see `Settings`."""

    def enabled(self, settings: Settings) -> bool:
        """Whether it is to be watched."""

    def keeps_rows(self, settings: Settings) -> bool:
        """Whether it has rows to keep in the database."""

    def gives_notices(self, settings: Settings) -> bool:
        """Whether it has something to tell people at once."""

    def subscriptions(self, settings: Settings) -> tuple[Subscription, ...]:
        """What to ask the broker for; no topic of another fleet may match."""

    def rows(self, settings: Settings) -> tuple[Instrument, ...]:
        """Its rows of the catalogue, as these settings want them."""

    def most_series(self, settings: Settings) -> int:
        """How many series one of its instruments may have at one time."""

    def start(self, settings: Settings, workshop: Workshop) -> Intake[Any]:
        """Make its parts, without any state yet."""
