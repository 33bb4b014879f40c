"""The state of the fleet: what messages and the passing of time do to devices, relays and sensors.

The rules of docs/autocore.md that this file keeps: what is fresh (2, 5, 6), who is there (3, 4), who is known
(8), and what a backlog may do (10). Relays are the matter of `switching.py`, readings that of `watching.py`.
What was saved is taken back as after a lost connection (12).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import (
    Announcement,
    Decoded,
    Figures,
    Interaction,
    RelayReport,
    RelayStates,
    SafetyShutoff,
    Status,
    SystemMessage,
    Telemetry,
    When,
)
from otel_tickrmeter.fleets.autocore.order import Verdict
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.presence import Ear
from otel_tickrmeter.fleets.autocore.reason import Cause, Reason, Registration, SystemKind, Trigger, Word
from otel_tickrmeter.fleets.autocore.registry import Registry
from otel_tickrmeter.fleets.autocore.retained import Retained, fill
from otel_tickrmeter.fleets.autocore.saved import Remembered
from otel_tickrmeter.fleets.autocore.stamp import trusted
from otel_tickrmeter.fleets.autocore.switching import Switching
from otel_tickrmeter.fleets.autocore.watching import Watching
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.stream.second import SECOND_NS

WILL_REASON = "unexpected_disconnect"
"""What the will of a device says, which its broker publishes when it loses the device."""
_SWEEP_NS = SECOND_NS
"""Silence is looked for this often."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the state, and what readings of some sensors are held to. Durations in nanoseconds."""

    registration: Registration
    device_timeout_ns: int
    device_retention_ns: int
    max_devices: int
    max_sensors: int
    expected: Mapping[str, Expectation]


class Arrival(NamedTuple):
    """How a message arrived: `at_ns` by the monotonic clock, `unix_ns` by that of the calendar.

    `content` is the mark of its payload (`content_mark`). `heard_ns` is when the wire brought it, by the
    calendar's clock: what waited in a log came then, whoever takes it from there, and however late.
    """

    at_ns: int
    unix_ns: int
    topic: bytes
    content: int
    retain: bool = False
    backlog: bool = False
    heard_ns: int = 0


class Fleet:
    """Applies messages in the order of their arrival; tells `outcomes` what happened.

    `now_ns` is the time up to which everything has been applied.
    """

    def __init__(self, limits: Limits, outcomes: Outcomes) -> None:
        self._limits = limits
        self._outcomes = outcomes
        self._registry = Registry(limits.registration, limits.max_devices)
        self._retained = Retained(limits.max_devices)
        self._switching = Switching(outcomes)
        self._watching = Watching(outcomes, limits.expected, limits.max_sensors)
        self._ear = Ear()
        self._next_sweep_ns = 0
        self.now_ns = 0

    @property
    def devices(self) -> Mapping[str, Device]:
        """Known devices by id."""
        return self._registry.devices

    @property
    def limits(self) -> Limits:
        """The bounds it goes by."""
        return self._limits

    def remembered(self) -> Remembered:
        """What outlasts a restart; not a copy."""
        return Remembered(
            *self._ear.kept(),
            self._next_sweep_ns,
            self._registry.next_room_ns,
            self._registry.devices,
            self._switching.unexplained,
            self._switching.due_ns,
            self._ear.back_ns,
        )

    def recall(self, remembered: Remembered) -> None:
        """Take over what was remembered, by a fleet that has met nobody yet; it becomes this fleet's.

        What was received after it may be applied now; then it begins to listen (`begin`).
        """
        self._ear.recall(remembered.heard_ns, remembered.deaf_ns, remembered.back_ns)
        self._next_sweep_ns = remembered.next_sweep_ns
        self._registry.recall(remembered.devices, remembered.next_room_ns)
        self._watching.recall(self.devices.values())
        self._switching.recall(remembered.unexplained, remembered.due_ns)

    def begin(self, now_ns: int) -> None:
        """Begin to listen, with what was taken over: as after a lost connection."""
        self.now_ns = now_ns
        self.connection_lost(now_ns)
        for device in self.devices.values():
            self._outcomes.recalled(device)

    def use(self, limits: Limits) -> None:
        """Go by other bounds from now on, all but `expected`; what is known stays until they let it go."""
        self._limits = limits
        self._registry.use(limits.registration, limits.max_devices)
        self._retained.use(limits.max_devices)
        self._watching.use(limits.max_sensors)

    def welcome(self, device_ids: frozenset[str]) -> None:
        """Admit these devices by any live message of their own, in whatever mode of registration."""
        self._registry.welcome(device_ids)

    def advance(self, now_ns: int, heard_ns: int, unix_ns: int) -> None:
        """Do what is due.

        Args:
            now_ns: Everything that arrived before it has been applied.
            heard_ns: Everything that the broker sent before it has been applied.
            unix_ns: `now_ns` by the clock of the calendar.
        """
        self.now_ns = max(self.now_ns, now_ns)
        self._ear.heard(heard_ns)
        self._switching.settle(now_ns)
        if now_ns >= self._next_sweep_ns:
            self._next_sweep_ns = now_ns + _SWEEP_NS
            self._sweep(unix_ns)

    def away_until(self, at_ns: int) -> None:
        """There was no connection: nobody's silence counts, and everybody has the whole time again.

        So have changes without a cause: it may have waited with the broker.
        """
        self._ear.away_until(at_ns)
        self._switching.away_until(at_ns)

    def connection_lost(self, at_ns: int) -> None:
        """There is no connection any more; with the next one, what the broker keeps comes again."""
        self.away_until(at_ns)
        self._retained.clear()

    def deaf_until(self, at_ns: int) -> None:
        """Messages may have been lost, or have waited unread: nobody's silence counts until then."""
        self._ear.deaf_until(at_ns)

    def release(self, leaves: Callable[[str], bool]) -> None:
        """Let go of the devices that others keep from now on; what is open of theirs is abandoned."""
        for device in [d for d in self.devices.values() if leaves(d.id)]:
            self._forget(device)

    def apply(self, decoded: Decoded, arrival: Arrival) -> None:
        """Apply a message: not one that was delivered before in this session."""
        device_id = decoded.device_id
        device = None if device_id is None else self._registry.get(device_id)
        if arrival.retain:
            self._outcomes.set_aside(decoded.message_type, ErrorReason.RETAINED)
            if device is not None:
                fill(device, decoded.event, self._outcomes)
            elif device_id is not None:
                self._retained.keep(device_id, arrival.topic, decoded.event)
            return
        if device_id is None:
            self._outcomes.noted(None, decoded.message_type, decoded.event, _when(decoded, arrival))
            return
        event = decoded.event
        # A will was written when its device connected: its timestamp says nothing.
        if type(event) is Status and event.word is Word.OFFLINE:
            decoded = decoded._replace(stamp_ns=None, stamped=False)
        when = _when(decoded, arrival)
        if device is None:
            device = self._register(device_id, decoded, arrival, when)
            if device is None:
                return
        burst = device.in_burst(arrival.at_ns // SECOND_NS)
        if decoded.stamped and not self._in_order(device, decoded, arrival, when):
            return
        self._see(device, event, arrival, when)
        if burst and not _counted_by_readings(event):
            self._outcomes.set_aside(decoded.message_type, Reason.BURST)
        self._take(device, decoded, arrival, when, burst=burst)

    def _register(self, device_id: str, decoded: Decoded, arrival: Arrival, when: When) -> Device | None:
        refusal = self._registry.refuses(device_id, decoded.event)
        if refusal is None and self._registry.full:
            leaving = self._registry.gives_way(arrival.at_ns)
            if leaving is not None:
                self._forget(leaving)
            # One that left may not be enough: the bound was wider before.
            if self._registry.full:
                refusal = Reason.MAX_DEVICES
        if refusal is not None:
            self._outcomes.set_aside(decoded.message_type, refusal)
            return None
        device = Device(device_id, self._ear.now_ns, arrival.unix_ns)
        self._registry.admit(device)
        self._outcomes.registered(device, when)
        for kept in self._retained.take(device_id):
            fill(device, kept, self._outcomes)
        return device

    def _in_order(self, device: Device, decoded: Decoded, arrival: Arrival, when: When) -> bool:
        """Whether the message says how things are now; its device's clock is judged on the way."""
        stamp_ns = decoded.stamp_ns
        if not when.trusted or stamp_ns is None:
            self._outcomes.set_aside(decoded.message_type, Reason.CLOCK)
        else:
            order = device.order(arrival.topic)
            if order is not None:
                verdict = order.judge(stamp_ns, arrival.unix_ns, arrival.content, waited=arrival.backlog)
                if verdict is Verdict.DUPLICATE:
                    self._outcomes.set_aside(decoded.message_type, ErrorReason.DUPLICATE)
                    return False
                if verdict is Verdict.LATE:
                    self._outcomes.set_aside(decoded.message_type, Reason.LATE)
                    if device.bursting:
                        self._outcomes.set_aside(decoded.message_type, Reason.BURST)
                    self._outcomes.history(device, decoded, when)
                    return False
        device.clock_trusted = when.trusted
        if stamp_ns is not None and not arrival.backlog:
            device.clock_offset_ns = stamp_ns - arrival.unix_ns
        return True

    def _see(self, device: Device, event: object, arrival: Arrival, when: When) -> None:
        """Note that the device was there, and whether that is news."""
        # What waited on its way proves that the device was there when it says, if that is known.
        age_ns = max(0, arrival.unix_ns - when.at_ns) if arrival.backlog else 0
        device.seen_ns = max(device.seen_ns, self._ear.now_ns - age_ns)
        device.last_seen_ns = max(device.last_seen_ns, arrival.unix_ns - age_ns)
        word = event.word if type(event) is Status else None
        if word is None:
            if device.online or age_ns > self._limits.device_timeout_ns:
                return
            word = Word.ONLINE
            cause = Cause.ACTIVITY
        else:
            cause = Cause.REPORTED
        if type(event) is Status and word is Word.OFFLINE:
            if event.reason == WILL_REASON:
                cause = Cause.WILL
            self._turn(device, word, event.reason, cause, when)
        else:
            self._turn(device, word, None, cause, when)

    def _turn(self, device: Device, word: Word, reason: str | None, cause: Cause, when: When) -> None:
        if word is device.word:
            return
        known, was_online = device.word is not None, device.online
        device.word = word
        device.reason = reason
        self._outcomes.described(device, when)
        if device.online != was_online or not known:
            self._outcomes.connectivity(device, cause, when)

    def _take(  # noqa: C901  a case for each kind of event
        self, device: Device, decoded: Decoded, arrival: Arrival, when: When, *, burst: bool
    ) -> None:
        event = decoded.event
        if type(event) is Telemetry:
            self._figures(device, event.figures, when)
            self._watching.read(device, decoded.message_type, event.readings, when, burst=burst)
        elif type(event) is Status:
            if device.describe(event.description, only_unknown=False):
                self._outcomes.described(device, when)
            self._figures(device, event.figures, when)
            self._watching.read(device, decoded.message_type, event.readings, when, burst=burst)
        elif type(event) is RelayStates:
            for told in event.reports:
                self._switching.report(device, told, when, arrival.at_ns, switching=event.switching)
            self._watching.read(device, decoded.message_type, event.readings, when, burst=burst)
        elif type(event) is SafetyShutoff:
            told = RelayReport(event.number, state=False, trigger=Trigger.SAFETY)
            relay = self._switching.report(device, told, when, arrival.at_ns, switching=True)
            self._outcomes.shut_off(device, relay, event, when)
        elif type(event) is Interaction:
            self._outcomes.interaction(device, event, when)
        elif type(event) is SystemMessage:
            if event.kind is SystemKind.BOOT:
                # The uptime that comes next begins anew, and is not a second restart.
                device.uptime = None
                self._outcomes.restarted(device, when)
            self._outcomes.system(device, event, when)
        elif type(event) is Announcement:
            if device.describe(event.description, only_unknown=False):
                self._outcomes.described(device, when)
        else:
            self._outcomes.noted(device, decoded.message_type, event, when)

    def _figures(self, device: Device, figures: Figures, when: When) -> None:
        if device.take_figures(figures, only_unknown=False):
            self._outcomes.restarted(device, when)

    def _sweep(self, unix_ns: int) -> None:
        """Find who has been silent for too long."""
        timeout_ns, retention_ns = self._limits.device_timeout_ns, self._limits.device_retention_ns
        silence_ns = self._ear.silence_ns
        for device in [d for d in self.devices.values() if silence_ns(d.seen_ns) > timeout_ns]:
            if device.online:
                when = When(unix_ns, unix_ns, trusted=False, backlog=False)
                self._turn(device, Word.OFFLINE, None, Cause.SILENCE, when)
            elif silence_ns(device.seen_ns) > retention_ns:
                self._forget(device)

    def _forget(self, device: Device) -> None:
        self._switching.forget(device)
        self._registry.remove(device)
        self._watching.forget(device)
        self._outcomes.forgotten(device)


def _counted_by_readings(event: object) -> bool:
    """Whether of a burst of these one reading of each sensor and second is kept, the rest counted there."""
    return isinstance(event, Telemetry | Status) or (isinstance(event, RelayStates) and bool(event.readings))


def _when(decoded: Decoded, arrival: Arrival) -> When:
    stamp_ns, heard_ns = decoded.stamp_ns, arrival.heard_ns
    if stamp_ns is not None and trusted(stamp_ns, heard_ns):
        return When(stamp_ns, heard_ns, trusted=True, backlog=arrival.backlog)
    return When(heard_ns, heard_ns, trusted=False, backlog=arrival.backlog)
