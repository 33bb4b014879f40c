"""The message handler: message to event, event to state, what happened to instruments."""

from collections.abc import Callable

from loguru import logger

from otel_tickrmeter.fleets.tickrmeter.decode import DecodeError, Decoder, NotJsonError
from otel_tickrmeter.fleets.tickrmeter.event import DeviceCommand, DeviceStatus, Event, MessageType
from otel_tickrmeter.fleets.tickrmeter.reason import RejectionReason
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.recorder import Recorder
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.stream.link_state import Link
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Settled,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import NO_ANSWER, SUBSCRIBED, ErrorReason, LinkReason

# What may happen many times a second is logged when it begins; a counter says how much of it there was.
_QUIET_NS = 10_000_000_000


class Handler:
    """Takes what the receiver delivers, in its order.

    Args:
        decoder: Decodes messages.
        fleet: Holds the state; must tell `recorder` what happens.
        recorder: Records into the instruments.
        clock_ns: Measures how long a message takes; the state goes by arrival times alone.
        link: Kept up to date for readiness and health.
        set_aside: Takes the messages that were set aside, as a whole or in part.
    """

    def __init__(
        self,
        decoder: Decoder,
        fleet: Fleet,
        recorder: Recorder,
        clock_ns: Callable[[], int],
        link: Link,
        *,
        set_aside: SetAside,
    ) -> None:
        self._decoder = decoder
        self._fleet = fleet
        self._recorder = recorder
        self._clock_ns = clock_ns
        self._link = link
        self._set_aside = set_aside
        self._bug_quiet_until_ns = 0
        self._drops_quiet_until_ns = 0

    def deliver(self, messages: list[Message]) -> None:
        """Handle messages in the order of their arrival."""
        clock_ns = self._clock_ns
        reasons = self._recorder.set_aside
        start_ns = clock_ns()
        for message in messages:
            message_type = self._decoder.classify(message.topic)
            try:
                message_type = self._handle(message_type, message)
            except Exception:  # noqa: BLE001  a bug met by one message must not end the exporter
                if message.arrived_ns >= self._bug_quiet_until_ns:
                    logger.exception("A {} message could not be handled", message_type)
                    self._bug_quiet_until_ns = message.arrived_ns + _QUIET_NS
                self._recorder.message_error(message_type, ErrorReason.INTERNAL)
            if reasons:
                self._set_aside.take(message_type, message, reasons)
                reasons.clear()
            end_ns = clock_ns()
            self._recorder.message(message_type, end_ns - start_ns)
            start_ns = end_ns
        if messages:
            self._link.last_message_ns = messages[-1].arrived_ns

    def report(self, event: LinkEvent) -> None:  # noqa: C901  a case for each kind of event
        """Handle what the receiver noticed about the link."""
        link = self._link
        match event:
            case Watermark():
                self._fleet.advance(event.at_ns, event.heard_ns)
                link.queue_size = event.queue_size
            case Connected():
                link.trouble = "connected to the broker, subscription not confirmed yet"
                link.protocol = event.protocol
            case Subscribed():
                logger.info("Connected to the broker and subscribed, with MQTT {}", link.protocol)
                link.subscribed_ns = event.at_ns
                link.trouble = ""
                self._fleet.unheard_until(event.at_ns)
                self._recorder.connection_change("connected", SUBSCRIBED)
            case Settled():
                link.contested = ""
            case Refused():
                what = "Cannot connect to" if event.reason in NO_ANSWER else "Refused by"
                logger.warning("{} the broker ({}): {}", what, event.reason, event.detail)
                link.down(event.at_ns, f"{what.lower()} the broker: {event.detail}")
                # A broker may publish before it answers the subscription (MQTT 5, 3.8.4).
                self._fleet.connection_lost(event.at_ns)
                self._recorder.connection_change("refused", event.reason)
            case Lost():
                logger.warning("Connection to the broker lost ({}): {}", event.reason, event.detail)
                link.down(event.at_ns, f"connection lost: {event.detail}")
                if event.reason == LinkReason.SESSION_TAKEN_OVER:
                    link.contested = event.detail
                self._fleet.connection_lost(event.at_ns)
                self._recorder.connection_change("lost", event.reason)
            case Stalled():
                logger.warning("The receiver did not run for {:.1f} s", event.seconds)
                self._fleet.unheard_until(event.at_ns)
            case Doubted():
                # Or it is there and far behind, which is as bad: what comes has waited.
                logger.warning("The broker does not answer for {:.1f} s: the link may be dead", event.seconds)
                link.doubt = "the broker does not answer: the link may be dead"
                self._fleet.unheard_until(event.at_ns)
            case Heard():
                logger.info("The broker answers again, after {:.1f} s", event.seconds)
                link.doubt = ""
                self._fleet.unheard_until(event.at_ns)
            case Dropped():
                self._fleet.unheard_until(event.at_ns)
                self._recorder.dropped(event.count)
                if event.at_ns >= self._drops_quiet_until_ns:
                    logger.warning("The receive queue is full: {} messages dropped", event.count)
                self._drops_quiet_until_ns = event.at_ns + _QUIET_NS

    def silent(self, seconds: float) -> None:
        """Note for how long the receiving process has not been heard of."""
        link = self._link
        before, link.silence_seconds = link.silent, seconds
        if link.trouble:  # it says nothing while it waits for a connection, which is known to be missing
            return
        if link.silent and not before:
            logger.warning("The receiving process has said nothing for {:.0f} s", seconds)
        elif before and not link.silent:
            logger.info("The receiving process is heard of again")

    def _handle(self, message_type: MessageType, message: Message) -> MessageType:
        """Let one message have its effect; returns what it turned out to be."""
        self._fleet.advance(message.arrived_ns, message.arrived_ns)
        try:
            try:
                event = self._decoder.decode(message_type, message)
            except NotJsonError:
                event = self._decode_mended(message_type, message)
        except DecodeError as error:
            if error.rejected is not None:
                self._recorder.rejected(error.rejected, RejectionReason.PATTERN)
            elif error.reason is not None:
                self._recorder.message_error(message_type, error.reason)
            return message_type
        if event is None:
            return message_type
        if isinstance(event, DeviceCommand):
            return MessageType.DEVICE_COMMAND
        if isinstance(event, DeviceStatus):
            for reason in event.faults:
                self._recorder.message_error(message_type, reason)
        if message.retain or message.duplicate:
            self._handle_repeated(message_type, message, event)
        else:
            self._fleet.apply(event, message.arrived_ns, backlog=message.backlog)
        return message_type

    def _handle_repeated(self, message_type: MessageType, message: Message, event: Event) -> None:
        """A retained or repeated delivery may describe a device, and is nothing that happens now."""
        reason = ErrorReason.RETAINED if message.retain else ErrorReason.DUPLICATE
        self._recorder.message_error(message_type, reason)
        if isinstance(event, DeviceStatus):
            self._fleet.describe(event)

    def _decode_mended(self, message_type: MessageType, message: Message) -> Event | None:
        event, repairs = self._decoder.decode_mended(message_type, message)
        for repair in repairs:
            self._recorder.repaired(message_type, repair)
        return event
