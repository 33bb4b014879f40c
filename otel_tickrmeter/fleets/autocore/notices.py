"""Turns what happened to the fleet into notices, and says what became of them.

Nothing is told of what is retained, late, or has waited on its way: it is no news.
"""

from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import (
    Event,
    MessageType,
    Noted,
    SafetyShutoff,
    SystemMessage,
    When,
)
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Cause, SystemKind, Word
from otel_tickrmeter.fleets.autocore.relay import Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.insight.anomaly import Anomaly
from otel_tickrmeter.notify.notice import Delivery, Fate, Notice, NoticeKind, NoticeOutcomes, NoticeSeverity
from otel_tickrmeter.store.keeping import RowKeeper
from otel_tickrmeter.store.rows import Notification
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.registration import Recorded

_MOST_TEXT = 80
_PENDING, _SUPPRESSED = "pending", "suppressed"
_STATES: Mapping[Fate, str] = MappingProxyType({Fate.SENT: "sent", Fate.FAILED: "failed"})


class Announcer(Outcomes):
    """Gives notices away.

    Args:
        put: Takes them.
        critical: Relays whose every switching is told of: device id and number.
    """

    def __init__(self, put: Callable[[Notice], None], critical: Collection[tuple[str, int]]) -> None:
        self._put = put
        self._given = self._critical = frozenset(critical)
        self._besides: frozenset[tuple[str, int]] = frozenset()
        # Devices that went before our eyes: only their return is news.
        self._gone: set[str] = set()

    def critical_besides(self, relays: frozenset[tuple[str, int]]) -> None:
        """Tell of these relays too, and of others no more but those that were given."""
        self._besides = relays
        self._critical = self._given | relays

    def use(self, critical: Collection[tuple[str, int]]) -> None:
        """Tell of these relays instead of those that were given."""
        self._given = frozenset(critical)
        self._critical = self._given | self._besides

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        """The device came, or went."""
        if not device.online:
            self._gone.add(device.id)
            why = {Cause.WILL: ", its broker lost it", Cause.SILENCE: ", it is silent"}.get(cause, "")
            self._tell(
                NoticeKind.OFFLINE, NoticeSeverity.WARNING, f"{device.id} is offline{why}.", device, when
            )
        elif device.id in self._gone:
            self._gone.discard(device.id)
            self._tell(NoticeKind.ONLINE, NoticeSeverity.INFO, f"{device.id} is online again.", device, when)

    def relay_changed(self, device: Device, relay: Relay, change: Change) -> None:
        """A relay was switched."""
        if (device.id, relay.number) in self._critical:
            how = "on" if change.state else "off"
            by = "" if change.trigger is None else f" by {change.trigger}"
            text = f"{device.id}: critical relay {relay.number} was switched {how}{by}."
            self._tell(NoticeKind.RELAY, NoticeSeverity.CRITICAL, text, device, change.when, relay.number)

    def shut_off(self, device: Device, relay: Relay, event: SafetyShutoff, when: When) -> None:
        """A board switched a relay off for safety."""
        del event
        text = f"{device.id} switched relay {relay.number} off for safety."
        self._tell(NoticeKind.SAFETY_SHUTOFF, NoticeSeverity.CRITICAL, text, device, when, relay.number)

    def anomaly(self, device: Device, sensor: Sensor, kind: Anomaly, when: When) -> None:
        """A sensor has become unusual."""
        told = kind.value.replace("_", " ")
        text = (
            f"{device.id}: sensor {sensor.key} is unusual ({told}): {sensor.value:.6g} {sensor.unit}".rstrip()
        )
        self._tell(NoticeKind.ANOMALY, NoticeSeverity.INFO, f"{text}.", device, when)

    def system(self, device: Device, event: SystemMessage, when: When) -> None:
        """A device told of itself."""
        if event.kind is SystemKind.ERROR:
            self._error(device, event.subtype, when)

    def noted(self, device: Device | None, message_type: MessageType, event: Event, when: When) -> None:
        """Something came that has no state."""
        if device is not None and message_type is MessageType.ERROR and type(event) is Noted:
            self._error(device, event.subtype, when)

    def recalled(self, device: Device) -> None:
        """A device is known from before a restart: its return is news if it was gone."""
        if device.word is Word.OFFLINE:
            self._gone.add(device.id)

    def forgotten(self, device: Device) -> None:
        """The device is forgotten."""
        self._gone.discard(device.id)

    def _error(self, device: Device, subtype: str, when: When) -> None:
        told = "".join(each if each.isprintable() else "?" for each in subtype)[:_MOST_TEXT]
        text = f"{device.id} reports an error: {told}."
        self._tell(NoticeKind.HARDWARE_ERROR, NoticeSeverity.WARNING, text, device, when)

    def _tell(  # noqa: PLR0917  what a notice has
        self,
        kind: NoticeKind,
        severity: NoticeSeverity,
        text: str,
        device: Device,
        when: When,
        relay: int | None = None,
    ) -> None:
        if not when.backlog:
            at = datetime.fromtimestamp(when.received_ns / SECOND_NS, UTC)
            self._put(Notice(kind, severity, text, at, device.id, relay))


class NoticeRecorder(NoticeOutcomes):
    """Counts what became of notices, and has it kept.

    Args:
        recorded: The instruments.
        keeper: Takes rows for the database; None when none are kept.
    """

    def __init__(self, recorded: Recorded, keeper: RowKeeper | None) -> None:
        self._notices = recorded.counters[names.NOTIFICATIONS]
        self._keeper = keeper

    def waits(self, delivery: Delivery, attempts: int) -> None:
        """Keep how far it has come."""
        self._keep(delivery, _PENDING, attempts, None)

    def ended(self, delivery: Delivery, fate: Fate, attempts: int, at: datetime) -> None:
        """Count it, and keep how it ended."""
        sent_at = at if fate is Fate.SENT else None
        self._keep(delivery, _STATES.get(fate, _SUPPRESSED), attempts, sent_at)
        kind, channel = delivery.notice.kind, delivery.channel or "none"
        self._notices.add(1, {"channel": channel, "kind": kind.value, "outcome": fate.value})

    def _keep(self, delivery: Delivery, state: str, attempts: int, sent_at: datetime | None) -> None:
        if self._keeper is None:
            return
        notice = delivery.notice
        self._keeper.put(
            Notification(
                f"{self._keeper.instance}-notice-{delivery.number}",
                notice.kind.value,
                notice.severity.value,
                notice.text,
                notice.dedupe_key,
                state,
                notice.at,
                attempts,
                sent_at,
                notice.device or None,
                notice.relay,
            )
        )
