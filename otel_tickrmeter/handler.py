"""The message handler: gives each fleet what arrives for it, and keeps what is known of the link."""

from collections.abc import Callable, Sequence
from typing import Any

from loguru import logger

from otel_tickrmeter.exporter.recorder import ProgramRecorder
from otel_tickrmeter.fleets.dialect import Intake, Level
from otel_tickrmeter.letters.escape import escaped
from otel_tickrmeter.limiter import Limiter
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Forwarded,
    Heard,
    Journaled,
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
        fleets: Those that are watched, at least one; a topic is the first's that claims it. Messages on
            nobody's topic are the first one's to count.
        recorder: Records into the instruments about the program.
        clock_ns: Measures how long a message takes; the state goes by arrival times alone.
        link: Kept up to date for readiness and health.
        set_aside: Takes the messages that were set aside, as a whole or in part.
    """

    def __init__(
        self,
        fleets: Sequence[Intake[Any]],
        recorder: ProgramRecorder,
        clock_ns: Callable[[], int],
        link: LinkState,
        *,
        set_aside: SetAside,
    ) -> None:
        self._fleets = tuple(fleets)
        self._recorder = recorder
        self._clock_ns = clock_ns
        self._link = link
        self._set_aside = set_aside
        self._bug_quiet_until_ns = 0
        self._drops_quiet_until_ns = 0
        self._foreign = Limiter()

    def deliver(self, messages: list[Message]) -> None:
        """Handle messages in the order of their arrival."""
        clock_ns, fleets = self._clock_ns, self._fleets
        start_ns = clock_ns()
        for message in messages:
            for fleet in fleets:
                message_type = fleet.classify(message.topic)
                if message_type is not None:
                    break
            else:
                fleet = fleets[0]
                message_type = fleet.unclaimed
                self._tell_of_foreign(message)
            figures = fleet.figures
            try:
                message_type = fleet.take(message_type, message)
            except Exception:  # noqa: BLE001  a bug met by one message must not end the exporter
                if message.arrived_ns >= self._bug_quiet_until_ns:
                    logger.exception("A {} message could not be handled", message_type)
                    self._bug_quiet_until_ns = message.arrived_ns + _QUIET_NS
                figures.message_error(message_type, ErrorReason.INTERNAL)
            if figures.set_aside:
                self._set_aside.take(message_type, message, figures.set_aside, fleet.sender)
                figures.set_aside.clear()
            end_ns = clock_ns()
            figures.message(message_type, end_ns - start_ns)
            start_ns = end_ns
        if messages:
            self._link.last_message_ns = messages[-1].arrived_ns

    def _tell_of_foreign(self, message: Message) -> None:
        count = self._foreign.count_due("topic", message.arrived_ns)
        if count:
            logger.warning(
                "Ignored {} on topics that were not asked for, such as {}: the broker changes topics, and the"
                " topic prefix must be as they come; or it keeps subscriptions of earlier settings",
                "a message" if count == 1 else f"{count} messages",
                escaped(message.topic),
            )

    def report(self, event: LinkEvent) -> None:
        """Handle what the receiver noticed about the link."""
        for fleet in self._fleets:
            fleet.noticed(event)
        self._note(event)

    def _note(self, event: LinkEvent) -> None:  # noqa: C901, PLR0912  a case for each kind of event
        link = self._link
        match event:
            case Watermark():
                link.queue_size = event.queue_size + link.forwarding
            case Foreign():
                link.last_message_ns = max(link.last_message_ns or 0, event.at_ns)
                self._recorder.foreign(event.count)
            case Forwarded():
                self._note_forwarded(event)
            case Connected():
                link.trouble = "connected to the broker, subscription not confirmed yet"
                link.protocol = event.protocol
            case Subscribed():
                self._say("INFO", "Connected to {} and subscribed, with MQTT {}", link.broker, link.protocol)
                link.subscribed_ns = event.at_ns
                link.trouble = ""
                self._recorder.connection_change("connected", SUBSCRIBED)
            case Settled():
                link.contested = ""
            case Refused():
                what = "Cannot connect to" if event.reason in NO_ANSWER else "Refused by"
                self._say("WARNING", "{} the broker ({}): {}", what, event.reason, event.detail)
                link.down(event.at_ns, f"{what.lower()} the broker: {event.detail}")
                self._recorder.connection_change("refused", event.reason)
            case Lost():
                self._say("WARNING", "Connection to the broker lost ({}): {}", event.reason, event.detail)
                link.down(event.at_ns, f"connection lost: {event.detail}")
                if event.reason == LinkReason.SESSION_TAKEN_OVER:
                    link.contested = event.detail
                self._recorder.connection_change("lost", event.reason)
            case Stalled():
                logger.warning("The receiver did not run for {:.1f} s", event.seconds)
            case Doubted():
                # Or it is there and far behind, which is as bad: what comes has waited.
                text = "The broker does not answer for {:.1f} s: the link may be dead"
                self._say("WARNING", text, event.seconds)
                link.doubt = "the broker does not answer: the link may be dead"
            case Heard():
                self._say("INFO", "The broker answers again, after {:.1f} s", event.seconds)
                link.doubt = ""
            case Journaled():
                self._note_journaled(event)
            case Dropped():
                link.dropped += event.count
                self._recorder.dropped(event.count)
                if event.at_ns >= self._drops_quiet_until_ns:
                    logger.warning("The receive queue is full: {} messages dropped", event.count)
                self._drops_quiet_until_ns = event.at_ns + _QUIET_NS

    def _say(self, level: Level, text: str, *values: object) -> None:
        # Who takes messages from a log has no connection to a broker.
        logger.log(level, f"The receiver says: {text}" if self._link.by_log else text, *values)

    @staticmethod
    def _note_journaled(event: Journaled) -> None:
        if event.trouble:
            logger.error(
                "The journal of what arrives cannot be written ({}): a crash would lose what is in memory",
                event.trouble,
            )
        else:
            logger.info("The journal of what arrives is written again")

    def _note_forwarded(self, event: Forwarded) -> None:
        link = self._link
        link.forwarding = event.waiting
        link.undelivered += event.undelivered
        if event.undelivered:
            logger.warning("{} messages could not be forwarded: {}", event.undelivered, event.trouble)
        elif event.trouble and not link.log_trouble:
            logger.warning("Messages cannot be forwarded: {}", event.trouble)
        elif link.log_trouble and not event.trouble:
            logger.info("Messages are forwarded again")
        link.log_trouble = event.trouble

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
