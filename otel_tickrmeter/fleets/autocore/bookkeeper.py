"""Turns what the fleet's state tells into rows of the database.

A row's message key is the run of the program that received the message, its arrival there on the monotonic
clock, and its number among those that were read at once; of what passing time brings about it is the run,
the time and a `t`. So a message that is read again after a crash makes the same rows with the same keys. A
message from a log has its name there instead: handled once more, by whomever, it makes rows that are there.
Of several rows that one message makes, all but the first have their own number behind a slash; readings are
told apart by their sensors.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import (
    Decoded,
    Event,
    Interaction,
    MessageType,
    Noted,
    RelayReport,
    RelayStates,
    SafetyShutoff,
    Status,
    SystemMessage,
    Telemetry,
    When,
)
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Cause, Trigger, Word
from otel_tickrmeter.fleets.autocore.relay import Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.insight.anomaly import Anomaly
from otel_tickrmeter.store import rows
from otel_tickrmeter.store.keeping import RowKeeper
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.position import Numbering, Position
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.stream.second import SECOND_NS

SEEN_NS = 10 * SECOND_NS
"""How often `last_seen` is written of a device of which nothing else is new."""
LETTERS_PER_SECOND = 5
"""Anybody may publish messages that are set aside; beyond this they are counted only."""
EVENTS_OF_NOBODY_PER_SECOND = 20
"""The same of what is of no device; a device has its own bound (`BURST`)."""
LARGEST_PAYLOAD = 65_536
_LATE = "late"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
USUAL: frozenset[StrEnum] = frozenset({ErrorReason.RETAINED, ErrorReason.DUPLICATE})
"""What a broker sends by itself, at every reconnect, is no dead letter."""


class Bookkeeper(Outcomes):
    """Gives rows to the one who keeps them.

    Args:
        keeper: Takes rows.
        count_letter: Told why, for each message that is kept as a dead letter.

    Attributes:
        faulty: Messages that are dead letters, those that were too many to be kept among them.
    """

    def __init__(self, keeper: RowKeeper, count_letter: Callable[[Iterable[StrEnum]], None]) -> None:
        self._keeper = keeper
        self._count_letter = count_letter
        self._run = keeper.instance
        # Before the first message: earlier than all that is written down.
        self._numbered_run = ""
        self._numbering = Numbering()
        self._shift_ns = 0
        self._time_ns = -1
        self._rows_of_message = 0
        # Made once for all rows of a message, most of which are readings.
        self._key_text = ""
        self._when: When | None = None
        self._times = _time(0), _time(0)
        # What `last_seen` was when the device was last written.
        self._seen_ns: dict[str, int] = {}
        self._next_seen_ns = 0
        # Of each relay, since when it has had the state that was written last.
        self._since_ns: dict[tuple[str, int], int] = {}
        self._letters_second = -1
        self._letters = 0
        self._nobodys_second = -1
        self._nobodys = 0
        self.faulty = 0

    @property
    def position(self) -> Position:
        """Up to where messages are in the rows that were given away."""
        return Position(self._numbered_run, self._numbering.arrived_ns, self._numbering.number)

    def go_on_from(self, position: Position | None) -> None:
        """Take it that what comes next follows this position; None: it is not known."""
        if position is not None:
            self._numbered_run = position.run
            self._numbering.reach(position.arrived_ns)
            self._numbering.number = position.number

    def read_from(self, run: str, shift_ns: int) -> None:
        """Take it that what comes next was received by that run, whose clock ours is ahead of by so much."""
        self._run, self._shift_ns = run, shift_ns

    def read_own(self) -> None:
        """Take it that what comes next is received by this run."""
        self._run, self._shift_ns = self._keeper.instance, 0

    def begin(self, arrived_ns: int) -> None:
        """A message comes next."""
        if self._numbered_run != self._run:
            self._number_anew()
        self._numbering.next(arrived_ns - self._shift_ns)
        self._time_ns = -1
        self._rows_of_message = 0
        self._key_text = ""

    def name(self, logged_key: str) -> None:
        """The message is from a log, and goes by its name there."""
        self._rows_of_message = 0
        self._key_text = logged_key

    def pass_time(self, at_ns: int, *, all_before: bool) -> None:
        """Time passes, and may have rows; `all_before`: all that arrived before then has been taken."""
        at_ns -= self._shift_ns
        if all_before:
            if self._numbered_run != self._run:
                self._number_anew()
            self._numbering.reach(at_ns)
        if at_ns != self._time_ns:
            self._time_ns = at_ns
            self._rows_of_message = 0
            self._key_text = ""

    def passed(self, devices: Iterable[Device], unix_ns: int) -> None:
        """Time has passed: write of each device when it was last heard of, unless that is written already."""
        if unix_ns < self._next_seen_ns:
            return
        self._next_seen_ns = unix_ns + SEEN_NS
        for device in devices:
            if self._seen_ns.get(device.id) != device.last_seen_ns:
                self._device(device, unix_ns)

    def letter(self, message: Message, reasons: Iterable[StrEnum], unix_ns: int) -> None:
        """Keep a message that was set aside, unless too many are."""
        faults = {*reasons} - USUAL
        if not faults:
            return
        self.faulty += 1
        second = unix_ns // SECOND_NS
        if second != self._letters_second:
            self._letters_second, self._letters = second, 0
        self._letters += 1
        if self._letters > LETTERS_PER_SECOND:
            return
        self._count_letter(faults)
        self._keeper.put(
            rows.DeadLetter(
                self._key(),
                message.topic.decode(errors="backslashreplace"),
                message.payload[:LARGEST_PAYLOAD],
                message.qos,
                message.retain,
                ",".join(sorted(fault.value for fault in faults)),
                _time(unix_ns),
            )
        )

    def registered(self, device: Device, when: When) -> None:
        """A device was admitted: its first row follows when it says something."""
        self._device(device, when.received_ns)

    def described(self, device: Device, when: When) -> None:
        """What the device is, or how it is, is known anew."""
        self._device(device, when.received_ns)

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        """The device came, or went."""
        self._device(device, when.received_ns)
        self._log(device, device.word or Word.OFFLINE, cause.value, device.reason, when.received_ns)

    def restarted(self, device: Device, when: When) -> None:
        """The device was restarted."""
        self._event(device, "restart", None, None, when.at_ns)

    def relay_state(self, device: Device, relay: Relay, when: When) -> None:
        """The state of a relay is another now, or known now."""
        trigger = None if relay.trigger is None else relay.trigger.value
        self._relay(device, relay.number, when, trigger, state=bool(relay.state))

    def relay_changed(self, device: Device, relay: Relay, change: Change) -> None:
        """A relay was switched. Of a device that sends too much its state is kept, and no more."""
        trigger = None if change.trigger is None else change.trigger.value
        when = change.when
        if not device.bursting:
            self._keeper.put(
                rows.RelayEvent(
                    self._key(),
                    device.id,
                    relay.number,
                    state=change.state,
                    recorded_at=_time(when.at_ns),
                    received_at=_time(when.received_ns),
                    previous_state=change.previous,
                    triggered_by=trigger,
                    source=change.source,
                )
            )
        if relay.state is change.state:
            self._relay(device, relay.number, when, trigger, state=change.state)

    def shut_off(self, device: Device, relay: Relay, event: SafetyShutoff, when: When) -> None:
        """A board switched a relay off for safety."""
        del relay
        self._event(device, "safety_shutoff", event.reason, event.payload, when.at_ns)

    def reading(self, device: Device, sensor: Sensor, when: When, *, keep: bool) -> None:
        """A sensor has a new reading."""
        if keep:
            judged = when.trusted or not when.backlog
            unusual = judged and sensor.judgement.unusual
            self._reading(device, sensor.key, sensor.value, sensor.unit, when, unusual=unusual)

    def anomaly(self, device: Device, sensor: Sensor, kind: Anomaly, when: When) -> None:
        """A sensor has become unusual."""
        payload = {"sensor": sensor.key, "value": sensor.value, "score": sensor.judgement.score}
        self._event(device, "anomaly", kind.value, payload, when.at_ns)

    def interaction(self, device: Device, event: Interaction, when: When) -> None:
        """A person touched a display."""
        self._event(device, "interaction", event.action.value, event.payload, when.at_ns)

    def system(self, device: Device, event: SystemMessage, when: When) -> None:
        """A device told of itself."""
        kind = "error" if event.kind.value == "error" else "system"
        self._event(device, kind, event.subtype, event.payload, when.at_ns)

    def noted(self, device: Device | None, message_type: MessageType, event: Event, when: When) -> None:
        """Something came that is stored and has no state."""
        if type(event) is Noted:
            self._event(device, message_type.value, event.subtype, event.payload, when.at_ns)

    def history(self, device: Device, decoded: Decoded, when: When) -> None:
        """A late message: what it says was so, and is no longer."""
        if device.bursting:
            return
        event = decoded.event
        match event:
            case Telemetry() | Status() | RelayStates():
                self._late(device, event, when)
            case SafetyShutoff():
                self._late_switching(
                    device, RelayReport(event.number, state=False, trigger=Trigger.SAFETY), when
                )
                self._event(device, "safety_shutoff", event.reason, event.payload, when.at_ns)
            case Interaction():
                self.interaction(device, event, when)
            case SystemMessage():
                self.system(device, event, when)
            case _:
                self.noted(device, decoded.message_type, event, when)

    def recalled(self, device: Device) -> None:
        """A device is known from before a restart: so is since when its relays are as they are written."""
        for number, relay in device.relays.items():
            if relay.since_ns is not None:
                self._since_ns.setdefault((device.id, number), relay.since_ns)

    def forgotten(self, device: Device) -> None:
        """The device is forgotten here; its history stays."""
        self._seen_ns.pop(device.id, None)
        for number in device.relays:
            self._since_ns.pop((device.id, number), None)

    def _device(self, device: Device, unix_ns: int) -> None:
        self._seen_ns[device.id] = device.last_seen_ns
        self._keeper.put(
            rows.DeviceState(
                device.id,
                _time(unix_ns),
                None if device.word is None else device.word.value,
                device.online,
                last_seen=_time(device.last_seen_ns),
                first_seen=_time(device.first_seen_ns),
                type=device.device_type,
                mac_address=device.mac_address,
                ip_address=device.ip_address,
                firmware_version=device.firmware_version,
                hardware_version=device.hardware_version,
                capabilities=None if device.capabilities is None else json.loads(device.capabilities),
            )
        )

    def _relay(self, device: Device, number: int, when: When, trigger: str | None, *, state: bool) -> None:
        # It cannot have begun before the one that it ended, whatever a clock says. Where arrival decides, the
        # one that came last may have the earlier time, and the database takes none from before its own.
        key = device.id, number
        since_ns = self._since_ns[key] = max(when.at_ns, self._since_ns.get(key, when.at_ns))
        self._keeper.put(rows.RelayState(device.id, number, state, _time(since_ns), trigger))

    def _log(self, device: Device, word: Word, cause: str, reason: str | None, at_ns: int) -> None:
        self._keeper.put(
            rows.ConnectivityChange(
                self._key(), device.id, word.value, cause, _time(at_ns), reason, device.ip_address
            )
        )

    def _late(self, device: Device, event: Telemetry | Status | RelayStates, when: When) -> None:
        for reading in event.readings:
            self._reading(device, *reading, when, unusual=False)
        if type(event) is Status and event.word is not None:
            self._log(device, event.word, _LATE, event.reason, when.at_ns)
        # The state of all relays, told now and then, is no switching.
        if type(event) is RelayStates and event.switching:
            for told in event.reports:
                self._late_switching(device, told, when)

    def _reading(
        self, device: Device, key: str, value: float, unit: str, when: When, *, unusual: bool
    ) -> None:
        if when is not self._when:
            self._when = when
            self._times = _time(when.at_ns), _time(when.received_ns)
        taken, received = self._times
        named = self._key_text or self._message_key()
        self._keeper.put(rows.Reading(named, device.id, key, value, taken, received, unit or None, unusual))

    def _late_switching(self, device: Device, told: RelayReport, when: When) -> None:
        self._keeper.put(
            rows.RelayEvent(
                self._key(),
                device.id,
                told.number,
                state=told.state,
                recorded_at=_time(when.at_ns),
                received_at=_time(when.received_ns),
                triggered_by=None if told.trigger is None else told.trigger.value,
                source=told.source,
                late=True,
            )
        )

    def _event(
        self,
        device: Device | None,
        kind: str,
        subtype: str | None,
        payload: Mapping[str, Any] | None,
        at_ns: int,
    ) -> None:
        if self._is_too_much(device, at_ns):
            return
        # A level of a topic, or a text of a device: no column takes a NUL.
        subtype = None if subtype is None else subtype.replace("\0", r"\0")
        self._keeper.put(
            rows.Event(
                self._key(), None if device is None else device.id, kind, _time(at_ns), subtype, payload
            )
        )

    def _is_too_much(self, device: Device | None, at_ns: int) -> bool:
        if device is not None:
            return device.bursting
        second = at_ns // SECOND_NS
        if second != self._nobodys_second:
            self._nobodys_second, self._nobodys = second, 0
        self._nobodys += 1
        return self._nobodys > EVENTS_OF_NOBODY_PER_SECOND

    def _number_anew(self) -> None:
        # Not before something of the run comes: until then the position is where the one before ended.
        self._numbered_run, self._numbering = self._run, Numbering()

    def _message_key(self) -> str:
        if not self._key_text:
            if self._time_ns >= 0:
                self._key_text = f"{self._run}-{self._time_ns:x}-t"
            else:
                numbering = self._numbering
                self._key_text = f"{self._run}-{numbering.arrived_ns:x}-{numbering.number}"
        return self._key_text

    def _key(self) -> str:
        """Of the next row that is not a reading."""
        self._rows_of_message += 1
        number = self._rows_of_message
        return self._message_key() if number == 1 else f"{self._message_key()}/{number}"


def _time(unix_ns: int) -> datetime:
    return _EPOCH + timedelta(microseconds=unix_ns // 1000)
