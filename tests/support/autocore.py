"""Drives the AutoCore fleet with messages as they come, at times in seconds, and notes what it tells."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore.automation.engine import Automation
from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.decode import Decoder
from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.event import (
    Decoded,
    Event,
    Interaction,
    MessageType,
    Noted,
    SafetyShutoff,
    SystemMessage,
    When,
)
from otel_tickrmeter.fleets.autocore.intake import AutoCoreIntake
from otel_tickrmeter.fleets.autocore.memory import FleetMemory
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import NOTED, Cause, Reason, Registration
from otel_tickrmeter.fleets.autocore.relay import Change, Relay
from otel_tickrmeter.fleets.autocore.sensor import Sensor
from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS
from otel_tickrmeter.fleets.autocore.state import Fleet, Limits
from otel_tickrmeter.fleets.autocore.storage import Storage
from otel_tickrmeter.fleets.autocore.together import Together
from otel_tickrmeter.insight.anomaly import Anomaly
from otel_tickrmeter.stream.message import LinkEvent, Message, Watermark
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.registration import make_recorded

NS = 1_000_000_000
UNIX = 1_738_060_200
"""Unix time of second 0: 2025-01-28T10:30:00Z."""
LIMITS = Limits(
    registration=Registration.AUTO,
    device_timeout_ns=300 * NS,
    device_retention_ns=3600 * NS,
    max_devices=100,
    max_sensors=1000,
    expected={},
)
Entry = tuple[object, ...]


def ns(seconds: float) -> int:
    return round(seconds * 1000) * 1_000_000


def stamp(seconds: float) -> str:
    """Write a second as a device with a clock does."""
    return datetime.fromtimestamp(UNIX + seconds, UTC).isoformat().replace("+00:00", "Z")


def as_bytes(payload: object) -> bytes:
    return payload if isinstance(payload, bytes) else json.dumps(payload).encode()


class Ledger(Outcomes):
    """Notes everything that it is told, in short words."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.whens: list[When] = []
        # What the handler would learn of the present message.
        self.faults: list[Any] = []

    def take(self) -> list[Entry]:
        """Return what is new."""
        entries, self.entries = self.entries, []
        return entries

    def set_aside(self, message_type: MessageType, reason: ErrorReason | Reason) -> None:
        self.entries.append(("set_aside", message_type.value, reason.value))
        if reason not in NOTED:
            self.faults.append(reason)

    def registered(self, device: Device, when: When) -> None:
        self._note(when, "registered", device.id)

    def described(self, device: Device, when: When) -> None:
        self._note(when, "described", device.id, device.word)

    def connectivity(self, device: Device, cause: Cause, when: When) -> None:
        self._note(when, "online" if device.online else "offline", device.id, cause.value)

    def restarted(self, device: Device, when: When) -> None:
        self._note(when, "restarted", device.id)

    def filled(self, device: Device, relay: Relay | None) -> None:
        self.entries.append(("filled", device.id, None if relay is None else relay.number))

    def relay_state(self, device: Device, relay: Relay, when: When) -> None:
        self._note(when, "relay", device.id, relay.number, relay.state)

    def relay_changed(self, device: Device, relay: Relay, change: Change) -> None:
        self._note(change.when, "changed", device.id, relay.number, change.state, change.trigger)

    def relay_repeated(self, device: Device, relay: Relay) -> None:
        self.entries.append(("repeated", device.id, relay.number))

    def shut_off(self, device: Device, relay: Relay, event: SafetyShutoff, when: When) -> None:
        self._note(when, "shut_off", device.id, relay.number, event.reason)

    def reading(self, device: Device, sensor: Sensor, when: When, *, keep: bool) -> None:
        kept = () if keep else ("not kept",)
        self._note(when, "reading", device.id, sensor.key, sensor.value, *kept)

    def anomaly(self, device: Device, sensor: Sensor, kind: Anomaly, when: When) -> None:
        self._note(when, "anomaly", device.id, sensor.key, kind.value)

    def interaction(self, device: Device, event: Interaction, when: When) -> None:
        self._note(when, "interaction", device.id, event.action.value)

    def system(self, device: Device, event: SystemMessage, when: When) -> None:
        self._note(when, "system", device.id, event.kind.value)

    def noted(self, device: Device | None, message_type: MessageType, event: Event, when: When) -> None:
        subtype = event.subtype if isinstance(event, Noted) else ""
        self._note(when, "noted", device and device.id, message_type.value, subtype)

    def history(self, device: Device, decoded: Decoded, when: When) -> None:
        self._note(when, "history", device.id, decoded.message_type.value)

    def recalled(self, device: Device) -> None:
        self.entries.append(("recalled", device.id))

    def forgotten(self, device: Device) -> None:
        self.entries.append(("forgotten", device.id))

    def _note(self, when: When, *entry: object) -> None:
        self.entries.append(entry)
        self.whens.append(when)


class Driver:
    """A fleet, and the ledger it tells. `changes` overrides fields of LIMITS."""

    def __init__(
        self,
        layouts: Sequence[str] = ("seed", "devices"),
        *,
        relay_offset: int | None = None,
        prefix: str = "",
        books: Bookkeeper | None = None,
        automation: Automation | None = None,
        storage: Callable[[], Storage] = Storage,
        **changes: object,
    ) -> None:
        self.ledger = Ledger()
        self.limits = replace(LIMITS, **changes)  # type: ignore[arg-type]
        self.fleet = Fleet(
            self.limits, Together(self.ledger, *(each for each in (books, automation) if each))
        )
        self.decoder = Decoder(layouts, DEFAULT_FIELDS, relay_offset, prefix)
        rows = messages("autocore", tuple(MessageType), tuple(Reason))
        self.figures = MessageRecorder(make_recorded(CompactMeter(rows), rows), "autocore", MessageType)
        self.intake = AutoCoreIntake(
            self.decoder,
            self.fleet,
            self.ledger,
            self.figures,
            lambda: UNIX * NS,
            observed={},
            use=lambda _: None,
            memory=FleetMemory(self.fleet, lambda *_: None),
            books=books,
            automation=automation,
            stop_topic=f"{prefix}autocore/gateway/macros/emergency_stop".encode(),
            storage=storage,
        )
        self.ledger.faults = self.figures.set_aside
        self.types: list[MessageType] = []

    def publish(
        self,
        at: float,
        topic: str | bytes,
        payload: object,
        *,
        retain: bool = False,
        duplicate: bool = False,
        backlog: bool = False,
        oversize: bool = False,
    ) -> list[Entry]:
        """Let a message arrive; returns what was told."""
        self.figures.set_aside.clear()
        topic = topic.encode() if isinstance(topic, str) else topic
        message_type = self.intake.classify(topic)
        if message_type is None:
            return []
        message = Message(topic, as_bytes(payload), ns(at), retain, duplicate, backlog, oversize)
        self.types.append(self.intake.take(message_type, message))
        return self.ledger.take()

    def notice(self, event: LinkEvent) -> list[Entry]:
        self.intake.noticed(event)
        return self.ledger.take()

    def quiet(self, at: float) -> list[Entry]:
        """Let time pass in which the broker had nothing for us."""
        return self.notice(Watermark(ns(at), 0, ns(at)))

    def online(self, at: float, device: str = "A", /, **fields: object) -> list[Entry]:
        return self.publish(at, f"autocore/{device}/status", {"status": "online", **fields})

    def telemetry(self, at: float, device: str = "A", /, **fields: object) -> list[Entry]:
        return self.publish(at, f"autocore/{device}/telemetry", fields)

    def relay(self, at: float, number: int, *, state: bool, **more: object) -> list[Entry]:
        return self.publish(at, f"autocore/A/relay/{number}/status", {"state": state, **more})

    def snapshot(self, at: float, device: str = "A", /, **channels: bool) -> list[Entry]:
        """Let a board tell of all its relays: `c1=True` is its channel 1."""
        states = {name[1:]: state for name, state in channels.items()}
        return self.publish(at, f"autocore/devices/{device}/relays/state", {"channels": states})

    def device(self, device: str = "A") -> Device:
        return self.fleet.devices[device]


def changes(entries: Sequence[Entry]) -> list[Entry]:
    """Return the switchings, and how often a state was repeated."""
    return [entry[2:] for entry in entries if entry[0] == "changed"]


def named(entries: Sequence[Entry], name: str) -> list[Entry]:
    return [entry[1:] for entry in entries if entry[0] == name]
