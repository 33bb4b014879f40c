"""What a fleet is to the rest of the program: what it says of itself, and what it does when at work.

Whoever adds a fleet writes these two for it, and puts it into `roster.py`; nothing else names it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Literal, Protocol, TypeVar

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.notify.notice import Notifier
from otel_tickrmeter.saved.form import Form, Tables
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.store.keeping import RowKeeper
from otel_tickrmeter.stream.giving_way import GivingWayRule
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.stream.partition import OwnerRule
from otel_tickrmeter.stream.position import Position
from otel_tickrmeter.stream.subscription import Subscription
from otel_tickrmeter.stream.ticket import Ticket
from otel_tickrmeter.telemetry.registration import Recorded
from otel_tickrmeter.telemetry.span import Tracer
from otel_tickrmeter.views.glance import Glance
from otel_tickrmeter.views.view import View

TypeT = TypeVar("TypeT", bound=StrEnum)
"""What a fleet's messages may be, by their topics."""


class Recall(Protocol):
    """What a fleet has read of what was saved; nothing has changed yet."""

    def knows(self, attributes: Mapping[str, str]) -> bool:
        """Whether the series with these attributes is of somebody it knows, or of nobody in particular.

        Asked of each series that may be taken back; one that it knows is its own to end, from `take_over`
        on.
        """

    def take_over(self) -> None:
        """Let the fleet go on with it. Cannot fail."""


class Memory(Protocol):
    """What of a fleet outlasts a restart. Times in it are monotonic nanoseconds."""

    @property
    def forms(self) -> tuple[Form, ...]:
        """The tables that it is saved in; their names begin with the fleet's."""

    def kept(self) -> Tables:
        """Copy it, in milliseconds, whatever its size."""

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> Recall:
        """Make of tables what they were made of, by a fleet that has met nobody yet.

        Args:
            tables: Cells are of their kinds, and perhaps a table is missing.
            shift_ns: What to add to their times.
            now_ns: When the fleet begins to listen.
            counted: Whether what it counts goes on from there; else from zero.

        Raises:
            SavedError: They were not made by this fleet.
        """


class Recovery(Protocol):
    """How a fleet takes again what a program had received that was killed before all of it was safe."""

    def position(self) -> Position:
        """Up to where messages have been taken."""

    def read_from(self, run: str, shift_ns: int) -> None:
        """Take it that what comes next was received by that run, whose clock ours is ahead of by so much.

        It is history, until the fleet begins to listen: nobody is told of it.
        """

    def begin(self, now_ns: int) -> None:
        """Begin to listen: what was received before has been taken."""


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

    def use(self, settings: Settings) -> None:
        """Go by these settings from now on: other ones only in its keys with `Key.reload`.

        Nothing that is known is lost, no series ends, and nothing is counted anew. Never raises.
        """

    def release(self, leaves: Callable[[str], bool]) -> None:
        """Let go of the devices, by their ids, that others keep from now on. Never raises.

        What is open of theirs is abandoned, and their series end.
        """

    def sender(self, message_type: TypeT, message: Message) -> bytes | None:
        """The device id of a message, as it is spelled there; None when it cannot be read."""

    def callbacks(self) -> Mapping[str, Observe]:
        """What observes its observable instruments, by their names."""

    def not_ready_reason(self) -> str | None:
        """Why its figures cannot be relied on, in words; None when they can."""

    def memory(self) -> Memory | None:
        """What of it outlasts a restart; None when nothing does, or its facts are kept elsewhere."""

    def recovery(self) -> Recovery | None:
        """What takes again what was received before a crash; None when nothing is read again."""

    def views(self) -> tuple[View, ...]:
        """The lists of its things that can be asked for, always the same."""

    def glance(self) -> Glance:
        """How it is now, on one page; takes milliseconds, whatever its size."""


Level = Literal["INFO", "WARNING"]


def _nothing(_: Level, __: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Workshop:
    """What a fleet is given to work with.

    Attributes:
        recorded: The counters and histograms of its rows.
        end_series: Told which series are over.
        unix_offset_ns: What to add to a monotonic time for a Unix time.
        link: What is known of the connection.
        keeper: Takes rows for the database; None when the fleet keeps none.
        recovers: Whether what was received before a crash is read again; the fleet begins to listen after it.
        notifier: Takes notices; None when nobody wants any.
        publish: Publishes at QoS 1, not retained: topic and payload; None when nothing may be published.
        say: Takes a line for the program's log, about what operators have to know.
        tracer: Told of what was slow; None when nothing is traced.
    """

    recorded: Recorded
    end_series: Callable[[AttributeSet], None]
    unix_offset_ns: Callable[[], int]
    link: LinkState
    keeper: RowKeeper | None = None
    notifier: Notifier | None = None
    publish: Callable[[str, bytes], Ticket] | None = None
    say: Callable[[Level, str], None] = _nothing
    tracer: Tracer | None = None
    recovers: bool = False


class Dialect(Protocol):
    """What a fleet says of itself before anything runs; it has no state.

    `name` is what its table of the settings is called, and its instruments begin with. `keys` and `rules` are
    its part of the settings; one of the keys is `NAME.enabled`. `health_path` is where its users' own health
    check looks; empty when they have none. Messages may wait for `read_pause` seconds in the socket while
    others come: their stamps are that much late at worst.
    """

    @property
    def name(self) -> str: ...  # noqa: D102  the class says it

    @property
    def keys(self) -> tuple[Key, ...]: ...  # noqa: D102

    @property
    def rules(self) -> tuple[Rule, ...]: ...  # noqa: D102

    @property
    def health_path(self) -> str: ...  # noqa: D102

    @property
    def read_pause(self) -> float: ...  # noqa: D102

    def defaults(self) -> object:
        """The record that its settings end up in, built-in defaults in it: see `Settings`."""

    def enabled(self, settings: Settings) -> bool:
        """Whether it is to be watched."""

    def keeps_rows(self, settings: Settings) -> bool:
        """Whether it has rows to keep in the database."""

    def gives_notices(self, settings: Settings) -> bool:
        """Whether it has something to tell people at once."""

    def publishes(self, settings: Settings) -> bool:
        """Whether it is to publish anything."""

    def words(self, settings: Settings) -> frozenset[str]:
        """The levels of its topics that name nobody: who replaces names leaves these."""

    def subscriptions(self, settings: Settings) -> tuple[Subscription, ...]:
        """What to ask the broker for; no topic of another fleet may match."""

    def journaled(self, settings: Settings) -> tuple[str, ...]:
        """How its topics begin, if what comes on them must not be lost in a crash; none: it may be."""

    def owner_rule(self, settings: Settings) -> OwnerRule:
        """Which of its messages belong together, where several exporters share it."""

    def giving_way_rule(self, settings: Settings) -> GivingWayRule | None:
        """Which of its messages are lost before all others when the receive queue is full; None: none."""

    def rows(self, settings: Settings) -> tuple[Instrument, ...]:
        """Its rows of the catalogue, as these settings want them."""

    def most_series(self, settings: Settings) -> int:
        """How many series one of its instruments may have at one time."""

    def start(self, settings: Settings, workshop: Workshop) -> Intake[Any]:
        """Make its parts, without any state yet."""
