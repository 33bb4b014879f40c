"""The fleet's end of the message handler: message to event, event to state."""

from collections.abc import Callable, Mapping

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.tickrmeter.decode import DecodeError, Decoder, NotJsonError
from otel_tickrmeter.fleets.tickrmeter.event import DeviceCommand, DeviceStatus, Event, MessageType
from otel_tickrmeter.fleets.tickrmeter.memory import FleetMemory
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from otel_tickrmeter.fleets.tickrmeter.reason import RejectionReason
from otel_tickrmeter.fleets.tickrmeter.recorder import FleetRecorder
from otel_tickrmeter.fleets.tickrmeter.sender import device_in
from otel_tickrmeter.fleets.tickrmeter.settings import TickrMeterSettings, limits
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.views import FleetViews
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


class TickrMeterIntake:
    """Takes the fleet's messages; implements `Intake`.

    Args:
        decoder: Decodes messages.
        fleet: Holds the state; must tell `recorder` what happens.
        recorder: Records what is rejected before it reaches the state.
        figures: Counts messages and their errors.
        observer: Observes the state.
        shown: Shows the state.

    Attributes:
        classify: Says what a message is, by its topic.
        fleet: The state.
        views: Gives the lists that can be asked for.
        glance: Gives the fleet at a glance.
    """

    def __init__(
        self,
        decoder: Decoder,
        fleet: Fleet,
        recorder: FleetRecorder,
        figures: MessageRecorder,
        observer: FleetObserver,
        *,
        shown: FleetViews,
    ) -> None:
        self.classify = decoder.classify
        self.sender = device_in
        self.figures = figures
        self.unclaimed = MessageType.IGNORED
        self._decoder = decoder
        self.fleet = fleet
        self._recorder = recorder
        self._observer = observer
        self._shown = shown
        self.views = shown.views
        self.glance = shown.glance

    def use(self, settings: Settings) -> None:
        """Go by these settings from now on."""
        monitoring = settings.of(TickrMeterSettings).monitoring
        self.fleet.use(limits(monitoring))
        self._shown.rank(monitoring.min_ranked_requests)
        self._observer.rank(Ranks(monitoring.min_ranked_requests, monitoring.ranking_size))

    def release(self, leaves: Callable[[str], bool]) -> None:
        """Let go of devices."""
        self.fleet.release(leaves)

    def memory(self) -> FleetMemory:
        """What of it outlasts a restart: its devices, symbols and pairs."""
        return FleetMemory(self.fleet)

    def recovery(self) -> None:
        """Nothing: what was under way when the program was killed is abandoned."""

    def callbacks(self) -> Mapping[str, Observe]:
        """What observes the fleet's observable instruments."""
        return self._observer.callbacks()

    def not_ready_reason(self) -> str | None:
        """Why its figures cannot be relied on; None when they can."""
        if self.fleet.answers_missing:
            return "requests time out and no answer of any device is seen: may this client read the answers?"
        return None

    def noticed(self, event: LinkEvent) -> None:
        """Let time pass, and say since when there is nothing, or nothing certain, to be heard."""
        match event:
            case Watermark():
                self.fleet.advance(event.at_ns, event.heard_ns)
            case Foreign():
                self.fleet.advance(event.at_ns, event.at_ns)
            case Refused() | Lost():
                # Refused too: a broker may publish before it answers the subscription (MQTT 5, 3.8.4).
                self.fleet.connection_lost(event.at_ns)
            case Connected() | Subscribed() | Stalled() | Doubted() | Heard() | Dropped():
                self.fleet.unheard_until(event.at_ns)

    def take(self, message_type: MessageType, message: Message) -> MessageType:
        """Let one message have its effect; returns what it turned out to be."""
        self.fleet.advance(message.arrived_ns, message.arrived_ns)
        try:
            try:
                event = self._decoder.decode(message_type, message)
            except NotJsonError:
                event = self._decode_mended(message_type, message)
        except DecodeError as error:
            if error.rejected is not None:
                self._recorder.rejected(error.rejected, RejectionReason.PATTERN)
            elif error.reason is not None:
                self.figures.message_error(message_type, error.reason)
            return message_type
        if event is None:
            return message_type
        if isinstance(event, DeviceCommand):
            return MessageType.DEVICE_COMMAND
        if isinstance(event, DeviceStatus):
            for reason in event.faults:
                self.figures.message_error(message_type, reason)
        if message.retain or message.duplicate:
            self._handle_repeated(message_type, message, event)
        else:
            self.fleet.apply(event, message.arrived_ns, backlog=message.backlog)
        return message_type

    def _handle_repeated(self, message_type: MessageType, message: Message, event: Event) -> None:
        """A retained or repeated delivery may describe a device, and is nothing that happens now."""
        reason = ErrorReason.RETAINED if message.retain else ErrorReason.DUPLICATE
        self.figures.message_error(message_type, reason)
        if isinstance(event, DeviceStatus):
            self.fleet.describe(event)

    def _decode_mended(self, message_type: MessageType, message: Message) -> Event | None:
        event, repairs = self._decoder.decode_mended(message_type, message)
        for repair in repairs:
            self._recorder.repaired(message_type, repair)
        return event
