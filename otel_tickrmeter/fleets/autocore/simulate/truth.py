"""What is true of the messages that were sent, for a reader who keeps the rules of docs/autocore.md.

It is an account of its own: nothing of the exporter is asked. `expected.py` says how it is shown.
"""

from collections import Counter, defaultdict

from otel_tickrmeter.fleets.autocore.simulate.planned import (
    Meaning,
    Measured,
    Planned,
    Reported,
    Switched,
    Told,
    Touched,
)

LATE = "late"
_BURST = "burst"
_MOST_A_SECOND = 100
"""Messages of one device; of what comes beyond that the state counts, and one reading a sensor."""


class Truth:
    """Takes what was sent, message by message, in its order. Times are Unix seconds.

    Attributes:
        messages: How many the exporter hears, by type: what was sent, and what the broker had kept.
        errors: How many of them had not their whole effect, by type and reason.
        words: How devices are.
        described: What they are, by the names of the columns.
        last_seen: When their last message left that was neither late nor a duplicate.
        clock_offsets: How far ahead their clocks were then.
        turns: Comings and goings, by where to and cause.
        log: The same, by status and cause, and statuses that came late.
        relays: Their states.
        told_relays: Those of which their boards themselves told.
        changed: When they were switched last, as their boards say.
        changed_about: The same of boards whose clocks say nothing: when the message left.
        changes: Switchings, by cause.
        relay_events: Those that are to be stored, late ones among them.
        repeats: How often a state was told again.
        touches: Touches of displays.
        told: What devices told of themselves.
        events: What is to be stored of both.
        readings: The newest reading of each sensor, and figure of each device.
        measured: How many readings came that are not duplicates.
        stored: How many of them are to be stored.
        sums: The sums of those.
        switched: How many switchings came, late ones among them.
        noisy: Devices that have sent too much at once. How much of it is stored depends on when it arrives:
            what is said of it here holds if that is when it left.
    """

    def __init__(self) -> None:
        self.messages: Counter[str] = Counter()
        self.errors: Counter[tuple[str, str]] = Counter()
        self.words: dict[str, str] = {}
        self.described: defaultdict[str, dict[str, str]] = defaultdict(dict)
        self.last_seen: dict[str, float] = {}
        self.clock_offsets: dict[str, float] = {}
        self.turns: Counter[tuple[str, str]] = Counter()
        self.log: Counter[tuple[str, str]] = Counter()
        self.relays: dict[tuple[str, int], bool] = {}
        self.told_relays: set[tuple[str, int]] = set()
        self.changed: dict[tuple[str, int], float] = {}
        self.changed_about: dict[tuple[str, int], float] = {}
        self.changes: Counter[tuple[str, int, str]] = Counter()
        self.relay_events: Counter[tuple[str, int, str]] = Counter()
        self.repeats: Counter[str] = Counter()
        self.touches: Counter[tuple[str, str]] = Counter()
        self.told: Counter[str] = Counter()
        self.events: Counter[tuple[str, str]] = Counter()
        self.readings: dict[tuple[str, str], float] = {}
        self.measured: Counter[tuple[str, str]] = Counter()
        self.stored: Counter[tuple[str, str]] = Counter()
        self.sums: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.switched: Counter[str] = Counter()
        self.noisy: set[str] = set()
        self._kept: defaultdict[str, list[Meaning]] = defaultdict(list)
        self._in_second: dict[str, tuple[int, int]] = {}
        self._stored_in: dict[tuple[str, str], int] = {}

    def record(self, message: Planned, left: float) -> None:
        """Take a message that was sent; `left` is when."""
        meaning = message.meaning
        kind = meaning.message_type.value
        self.messages[kind] += 1
        if meaning.odd is not None:
            self.errors[kind, meaning.odd] += 1
        if meaning.odd == "retained":
            self._kept[meaning.device_id].append(meaning)
            return
        burst = self._in_burst(meaning.device_id, left)
        if meaning.odd == "duplicate":
            return
        if meaning.odd == LATE:
            self._is_history(meaning, burst=burst)
        else:
            self._is_now(meaning, left)
        self._store(meaning, int(left), burst=burst)

    def _in_burst(self, device_id: str, left: float) -> bool:
        second, count = self._in_second.get(device_id, (0, 0))
        count = count + 1 if second == int(left) else 1
        self._in_second[device_id] = int(left), count
        if count > _MOST_A_SECOND:
            self.noisy.add(device_id)
        return count > _MOST_A_SECOND

    def _is_history(self, meaning: Meaning, *, burst: bool) -> None:
        """It was so, and changes nothing."""
        subject = meaning.subject
        if isinstance(subject, Switched):
            self._switched(meaning.device_id, subject, burst=burst)
        elif isinstance(subject, Reported) and not burst:
            self.log[subject.word, LATE] += 1

    def _is_now(self, meaning: Meaning, left: float) -> None:
        device_id, subject = meaning.device_id, meaning.subject
        if device_id not in self.words:
            for kept in self._kept.pop(device_id, ()):
                self._fill(kept)
        self.last_seen[device_id] = left
        if meaning.stamp is not None:
            self.clock_offsets[device_id] = meaning.stamp - left
        if isinstance(subject, Reported):
            self._turn(device_id, subject.word, "will" if subject.will else "reported")
        elif self.words.get(device_id, "offline") == "offline":
            self._turn(device_id, "online", "activity")
        self._apply(meaning, left)

    def _apply(self, meaning: Meaning, left: float) -> None:
        device_id, subject = meaning.device_id, meaning.subject
        match subject:
            case Reported():
                self._describe(device_id, subject)
            case Measured(readings):
                self.readings.update({(device_id, name): value for name, value in readings.items()})
            case Switched():
                self._switch(meaning, subject, left)
            case Touched(action):
                self.touches[device_id, action] += 1
            case Told(kind):
                self.told[kind] += 1

    def _fill(self, kept: Meaning) -> None:
        """What is known of a device from before, until it says otherwise."""
        device_id, subject = kept.device_id, kept.subject
        if isinstance(subject, Reported):
            self._describe(device_id, subject)
        elif isinstance(subject, Switched):
            self.relays[device_id, subject.relay] = subject.state

    def _describe(self, device_id: str, told: Reported) -> None:
        self.described[device_id].update(told.described)
        self.readings.update({(device_id, name): value for name, value in told.figures.items()})

    def _turn(self, device_id: str, word: str, cause: str) -> None:
        before = self.words.get(device_id)
        self.words[device_id] = word
        if before is None or (before == "offline") is not (word == "offline"):
            self.turns["offline" if word == "offline" else "online", cause] += 1
            self.log[word, cause] += 1

    def _switch(self, meaning: Meaning, told: Switched, left: float) -> None:
        device_id, relay = meaning.device_id, (meaning.device_id, told.relay)
        self.told_relays.add(relay)
        if self.relays.get(relay) is told.state:
            self.repeats[device_id] += 1
            return
        self.relays[relay] = told.state
        self.changes[*relay, told.triggered_by] += 1
        burst = self._in_second[device_id][1] > _MOST_A_SECOND
        self._switched(device_id, told, burst=burst)
        self.changed.pop(relay, None)
        self.changed_about.pop(relay, None)
        if meaning.odd is None and meaning.stamp is not None:
            self.changed[relay] = meaning.stamp
        else:
            self.changed_about[relay] = left

    def _switched(self, device_id: str, told: Switched, *, burst: bool) -> None:
        self.switched[device_id] += 1
        if not burst:
            self.relay_events[device_id, told.relay, told.triggered_by] += 1

    def _store(self, meaning: Meaning, second: int, *, burst: bool) -> None:
        """The rows of what is no switching, late or not."""
        device_id, subject, kind = meaning.device_id, meaning.subject, meaning.message_type.value
        late = meaning.odd == LATE
        if isinstance(subject, Measured):
            dropped = 0
            for name, value in subject.readings.items():
                sensor = device_id, name
                self.measured[sensor] += 1
                if burst and (late or self._stored_in.get(sensor) == second):
                    dropped += 1
                    continue
                if not late:
                    self._stored_in[sensor] = second
                self.stored[sensor] += 1
                self.sums[sensor] += value
            self.errors[kind, _BURST] += dropped > 0
        elif burst and (late or not isinstance(subject, Reported)):
            self.errors[kind, _BURST] += 1
        elif isinstance(subject, Touched):
            self.events["interaction", subject.action] += 1
        elif isinstance(subject, Told):
            self.events["error" if subject.kind == "error" else "system", subject.kind] += 1
