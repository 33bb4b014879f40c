"""What the exporter must show for the messages that were sent, and what must be in its database.

It holds once all has been handled, for an exporter that was connected all the while, with its default bounds.
Series that are not listed must not exist; those of a closed list start at 0. What the exporter thinks of the
readings (averages, anomalies) is not foretold.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from otel_tickrmeter.fleets.autocore.simulate.planned import (
    Meaning,
    Measured,
    Planned,
    Reported,
    Switched,
    Told,
    Touched,
)

Samples = dict[str, list[dict[str, object]]]
"""By exposed name: `{"labels": {...}, "value": n}`."""

_PERCENT = 100.0
_LATE = "late"
_UNKNOWN = "unknown"


class Truth:
    """Takes what was sent, message by message, in its order.

    Attributes:
        messages: How many the exporter hears, by type: what was sent, and what the broker had kept.
    """

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self._errors: Counter[tuple[str, str]] = Counter()
        self._kept: defaultdict[str, list[Meaning]] = defaultdict(list)
        self._words: dict[str, str] = {}
        self._described: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self._last_seen: dict[str, float] = {}
        self._clock_offsets: dict[str, float] = {}
        self._turns: Counter[tuple[str, str]] = Counter()
        self._log: Counter[tuple[str, str]] = Counter()
        self._relays: dict[tuple[str, int], bool] = {}
        self._told_relays: set[tuple[str, int]] = set()
        self._changed: dict[tuple[str, int], float] = {}
        self._changed_about: dict[tuple[str, int], float] = {}
        self._changes: Counter[tuple[str, int, str]] = Counter()
        self._relay_events: Counter[tuple[str, int, str]] = Counter()
        self._repeats: Counter[str] = Counter()
        self._touches: Counter[tuple[str, str]] = Counter()
        self._told: Counter[str] = Counter()
        self._events: Counter[tuple[str, str]] = Counter()
        self._readings: dict[tuple[str, str], float] = {}
        self._stored: Counter[tuple[str, str]] = Counter()
        self._sums: defaultdict[tuple[str, str], float] = defaultdict(float)

    def record(self, message: Planned, left: float) -> None:
        """Take a message that was sent; `left` is when, in Unix seconds."""
        meaning = message.meaning
        kind = meaning.message_type.value
        self.messages[kind] += 1
        if meaning.odd is not None:
            self._errors[kind, meaning.odd] += 1
        match meaning.odd:
            case "retained":
                self._kept[meaning.device_id].append(meaning)
            case "duplicate":
                pass
            case "late":
                self._is_history(meaning)
            case _:
                self._is_now(meaning, left)

    def _is_history(self, meaning: Meaning) -> None:
        """It is kept as what was so, and changes nothing."""
        subject = meaning.subject
        self._keep(meaning)
        if isinstance(subject, Reported):
            self._log[subject.word, _LATE] += 1
        elif isinstance(subject, Switched):
            self._relay_events[meaning.device_id, subject.relay, subject.triggered_by] += 1

    def _is_now(self, meaning: Meaning, left: float) -> None:
        device_id, subject = meaning.device_id, meaning.subject
        if device_id not in self._words:
            for kept in self._kept.pop(device_id, ()):
                self._fill(kept)
        self._last_seen[device_id] = left
        if meaning.stamp is not None:
            self._clock_offsets[device_id] = meaning.stamp - left
        if isinstance(subject, Reported):
            self._turn(device_id, subject.word, "will" if subject.will else "reported")
        elif self._words.get(device_id, "offline") == "offline":
            self._turn(device_id, "online", "activity")
        self._keep(meaning)
        self._apply(meaning, left)

    def _apply(self, meaning: Meaning, left: float) -> None:
        device_id, subject = meaning.device_id, meaning.subject
        match subject:
            case Reported():
                self._describe(device_id, subject)
            case Measured(readings):
                self._readings.update({(device_id, name): value for name, value in readings.items()})
            case Switched():
                self._switch(meaning, subject, left)
            case Touched(action):
                self._touches[device_id, action] += 1
            case Told(kind):
                self._told[kind] += 1

    def _fill(self, kept: Meaning) -> None:
        """What is known of a device from before, until it says otherwise."""
        device_id, subject = kept.device_id, kept.subject
        if isinstance(subject, Reported):
            self._describe(device_id, subject)
        elif isinstance(subject, Switched):
            self._relays[device_id, subject.relay] = subject.state

    def _describe(self, device_id: str, told: Reported) -> None:
        self._described[device_id].update(told.described)
        self._readings.update({(device_id, name): value for name, value in told.figures.items()})

    def _keep(self, meaning: Meaning) -> None:
        """The rows that a message makes, late or not."""
        device_id, subject = meaning.device_id, meaning.subject
        match subject:
            case Measured(readings):
                for name, value in readings.items():
                    self._stored[device_id, name] += 1
                    self._sums[device_id, name] += value
            case Touched(action):
                self._events["interaction", action] += 1
            case Told(kind):
                self._events["error" if kind == "error" else "system", kind] += 1

    def _turn(self, device_id: str, word: str, cause: str) -> None:
        before = self._words.get(device_id)
        self._words[device_id] = word
        if before is None or (before == "offline") is not (word == "offline"):
            self._turns["offline" if word == "offline" else "online", cause] += 1
            self._log[word, cause] += 1

    def _switch(self, meaning: Meaning, told: Switched, left: float) -> None:
        device_id, relay = meaning.device_id, (meaning.device_id, told.relay)
        self._told_relays.add(relay)
        if self._relays.get(relay) is told.state:
            self._repeats[device_id] += 1
            return
        self._relays[relay] = told.state
        self._changes[*relay, told.triggered_by] += 1
        self._relay_events[*relay, told.triggered_by] += 1
        self._changed.pop(relay, None)
        self._changed_about.pop(relay, None)
        if meaning.odd is None and meaning.stamp is not None:
            self._changed[relay] = meaning.stamp
        else:
            self._changed_about[relay] = left

    def expected(self) -> Samples:
        """The samples that are exact."""
        words = Counter(self._words.values())
        online = {device_id: word != "offline" for device_id, word in self._words.items()}
        device, relay = ("device_id",), ("device_id", "relay")
        return {
            "autocore_messages_total": _samples(("message_type",), _alone(self.messages)),
            "autocore_message_errors_total": _samples(("message_type", "reason"), self._errors),
            "autocore_devices": _samples(("status",), _alone(words)),
            "autocore_device_online": _samples(device, _alone(online)),
            "autocore_device_info": _samples(
                ("device_id", "device_type", "firmware_version"),
                {
                    (
                        d,
                        *(
                            self._described[d].get(name, _UNKNOWN)
                            for name in ("device_type", "firmware_version")
                        ),
                    ): 1
                    for d in self._words
                },
            ),
            "autocore_connectivity_changes_total": _samples(("to", "cause"), self._turns),
            "autocore_relay_state": _samples(relay, self._relays),
            "autocore_relay_last_change_timestamp_seconds": _samples(relay, self._changed),
            "autocore_relay_changes_total": _samples((*relay, "triggered_by"), self._changes),
            "autocore_relay_repeats_total": _samples(device, _alone(self._repeats)),
            "autocore_interactions_total": _samples(("device_id", "action"), self._touches),
            "autocore_system_messages_total": _samples(("kind",), _alone(self._told)),
            "autocore_device_uptime_seconds": self._of("uptime"),
            "autocore_device_memory_free_bytes": self._of("memory_free"),
            "autocore_device_wifi_signal_dbm": self._of("wifi_signal"),
            "autocore_telemetry_temperature_celsius": self._of("temperature"),
            "autocore_telemetry_voltage_volts": self._of("voltage"),
            "autocore_telemetry_humidity_ratio": self._of("humidity", _PERCENT),
            "autocore_telemetry_value": _samples(
                ("device_id", "sensor", "unit"),
                {(d, name, ""): value for (d, name), value in self._readings.items() if name == "current"},
            ),
        }

    def approximate(self) -> Samples:
        """The samples that depend on when messages arrived: here as if they had when they left.

        Of the last changes of relays only those that are not exact.
        """
        return {
            "autocore_device_last_seen_timestamp_seconds": _samples(("device_id",), _alone(self._last_seen)),
            "autocore_device_clock_offset_seconds": _samples(("device_id",), _alone(self._clock_offsets)),
            "autocore_relay_last_change_timestamp_seconds": _samples(
                ("device_id", "relay"), self._changed_about
            ),
        }

    def rows(self) -> Samples:
        """What is in the tables: how many rows by what they say, or what a row says; sums of readings."""
        relay, sensor = ("device_id", "relay"), ("device_id", "sensor")
        return {
            "devices_online": _samples(
                ("device_id", "firmware_version"),
                {
                    (d, self._described[d].get("firmware_version", "")): word != "offline"
                    for d, word in self._words.items()
                },
            ),
            # The broker's old word for a relay is shown, and is no row.
            "relays_state": _samples(relay, {each: self._relays[each] for each in self._told_relays}),
            "relay_events": _samples((*relay, "triggered_by"), self._relay_events),
            "telemetry": _samples(sensor, self._stored),
            "telemetry_sum": _samples(sensor, self._sums),
            "connectivity_log": _samples(("status", "cause"), self._log),
            "events": _samples(("kind", "subtype"), self._events),
        }

    def _of(self, sensor: str, divisor: float = 1.0) -> list[dict[str, object]]:
        found = {(d,): value / divisor for (d, name), value in self._readings.items() if name == sensor}
        return _samples(("device_id",), found)


def _alone(counts: Mapping[str, float]) -> dict[tuple[str, ...], float]:
    return {(name,): count for name, count in counts.items()}


def _samples(names: tuple[str, ...], values: Mapping[Any, float]) -> list[dict[str, object]]:
    return [
        {"labels": dict(zip(names, map(str, labels), strict=True)), "value": float(value)}
        for labels, value in values.items()
    ]
