"""The fleet's end of the message handler: message to meaning, meaning to state."""

from collections.abc import Callable, Mapping

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore.automation.engine import Automation
from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.decode import DecodeError, Decoder
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.memory import FleetMemory
from otel_tickrmeter.fleets.autocore.order import content_mark
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.recovery import FleetRecovery
from otel_tickrmeter.fleets.autocore.sender import device_in
from otel_tickrmeter.fleets.autocore.state import Arrival, Fleet
from otel_tickrmeter.fleets.autocore.storage import Storage, StorageTroubles
from otel_tickrmeter.fleets.autocore.views import FleetViews
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import ErrorReason


class AutoCoreIntake:
    """Takes the fleet's messages; implements `Intake`.

    Args:
        decoder: Decodes messages.
        fleet: Holds the state.
        outcomes: Told what is set aside before it reaches the state.
        figures: Counts messages.
        unix_offset_ns: Unix time less monotonic time.
        observed: What observes the state, the connection and the database.
        use: Has its parts go by other settings.
        memory: What of the fleet outlasts a restart.
        books: Has rows of the database written; None when none are kept.
        recovery: Takes again what was received before a crash; None when nothing is read again.
        automation: Runs rules; None when there can be none.
        stop_topic: What is published on it ends their runs.
        storage: Gives how the database is, and what waits.

    Attributes:
        classify: Says what a message is, by its topic; None when it is none of this fleet's.
        views: Gives the lists that can be asked for.
        glance: Gives the fleet at a glance.
        use: Has the fleet go by other settings.
    """

    def __init__(
        self,
        decoder: Decoder,
        fleet: Fleet,
        outcomes: Outcomes,
        figures: MessageRecorder,
        unix_offset_ns: Callable[[], int],
        *,
        observed: Mapping[str, Observe],
        use: Callable[[Settings], None],
        memory: FleetMemory,
        books: Bookkeeper | None = None,
        recovery: FleetRecovery | None = None,
        automation: Automation | None = None,
        stop_topic: bytes = b"",
        storage: Callable[[], Storage] = Storage,
    ) -> None:
        self.classify = decoder.classify
        self.use = use
        self.figures = figures
        self.unclaimed = MessageType.IGNORED
        self._decoder = decoder
        self._fleet = fleet
        self._storage = StorageTroubles(storage)
        shown = FleetViews(fleet, self._storage.now)
        self.views = shown.views
        self.glance = shown.glance
        self._memory = memory
        self._outcomes = outcomes
        self._observed = observed
        self._books = books
        self._recovery = recovery
        self._automation = automation
        self._stop_topic = stop_topic
        self._unix_offset_ns = unix_offset_ns
        # The last message on a topic that two filters match, until its copy has come.
        self._may_come_again: Message | None = None

    def not_ready_reason(self) -> str | None:
        """Why its figures cannot be relied on: there is nothing of its own that could be wrong."""
        return None

    def release(self, leaves: Callable[[str], bool]) -> None:
        """Let go of devices."""
        self._fleet.release(leaves)

    def memory(self) -> FleetMemory:
        """What of it outlasts a restart."""
        return self._memory

    def recovery(self) -> FleetRecovery | None:
        """What takes again what was received before a crash, if anything of it is read again."""
        return self._recovery

    def callbacks(self) -> Mapping[str, Observe]:
        """What observes its observable instruments."""
        return self._observed

    def sender(self, message_type: MessageType, message: Message) -> bytes | None:
        """The device id of a message, as it is spelled there; None when it cannot be read."""
        return device_in(self._decoder, message_type, message)

    def noticed(self, event: LinkEvent) -> None:
        """Let time pass, and say since when there is nothing, or nothing certain, to be heard."""
        books = self._books
        if books is not None:
            books.pass_time(event.at_ns, all_before=isinstance(event, Watermark))
        match event:
            case Watermark():
                unix_ns = event.at_ns + self._unix_offset_ns()
                self._fleet.advance(event.at_ns, event.heard_ns, unix_ns)
                self._storage.passed(event.at_ns)
                if books is not None:
                    books.passed(self._fleet.devices.values(), unix_ns)
                if self._automation is not None:
                    history = self._recovery is not None and self._recovery.under_way
                    self._automation.passed(event.at_ns, unix_ns, history=history)
            case Foreign():
                self._fleet.advance(event.at_ns, event.at_ns, event.at_ns + self._unix_offset_ns())
            case Refused() | Lost():
                self._fleet.connection_lost(event.at_ns)
            case Connected() | Subscribed():
                # A broker may send what it keeps before it answers the subscription (MQTT 5, 3.8.4).
                self._fleet.away_until(event.at_ns)
            case Stalled() | Doubted() | Heard() | Dropped():
                self._fleet.deaf_until(event.at_ns)

    def take(self, message_type: MessageType, message: Message) -> MessageType:
        """Let one message have its effect; returns what it turned out to be."""
        unix_ns = message.arrived_ns + self._unix_offset_ns()
        books = self._books
        if books is None:
            return self._take(message_type, message, unix_ns)
        books.begin(message.arrived_ns)
        message_type = self._take(message_type, message, unix_ns)
        if self.figures.set_aside:
            books.letter(message, self.figures.set_aside, unix_ns)
        return message_type

    def _take(self, message_type: MessageType, message: Message, unix_ns: int) -> MessageType:
        at_ns = message.arrived_ns
        self._fleet.advance(at_ns, at_ns, unix_ns)
        logged = message.logged
        if self._books is not None and logged is not None:
            # What time has brought about until now is not of this message, by whose name its rows are known.
            self._books.name(logged.key)
        if message.duplicate or self._is_copy(message):
            self._outcomes.set_aside(message_type, ErrorReason.DUPLICATE)
            return message_type
        try:
            decoded = self._decoder.decode(message)
        except DecodeError as error:
            self._outcomes.set_aside(message_type, error.reason)
            return message_type
        if decoded is None:
            # One that was kept is of long ago.
            if self._automation is not None and message.topic == self._stop_topic and not message.retain:
                self._automation.stop_all()
            return message_type
        for reason in decoded.faults:
            self._outcomes.set_aside(decoded.message_type, reason)
        self._fleet.apply(
            decoded,
            Arrival(
                at_ns,
                unix_ns,
                message.topic,
                content_mark(message.payload),
                message.retain,
                message.backlog,
                unix_ns if logged is None else logged.unix_ns,
            ),
        )
        return decoded.message_type

    def _is_copy(self, message: Message) -> bool:
        """Whether it came before, by the other of two filters that match its topic."""
        where = self._decoder.place(message.topic)
        if where is None or not where.twice:
            return False
        before = self._may_come_again
        if before is not None and (before.topic, before.payload) == (message.topic, message.payload):
            self._may_come_again = None
            return True
        self._may_come_again = message
        return False
