"""What is true of the messages that were sent, for a reader who keeps the rules of docs/autocore.md.

It is an account of its own: nothing of the exporter is asked. `expected.py` says how it is shown.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping

from otel_tickrmeter.fleets.autocore.simulate.planned import (
    Addressed,
    Announced,
    Listed,
    Meaning,
    Measured,
    Noted,
    Planned,
    Reported,
    ShutOff,
    Subject,
    Switched,
    Told,
    Touched,
)
from otel_tickrmeter.fleets.autocore.simulate.switchings import Heard, Switchings

LATE = "late"
_BURST = "burst"
_SAFETY = "safety"
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
        switchings: Their relays.
        shutoffs: Relays that boards switched off for safety.
        touches: Touches of displays.
        told: What devices told of themselves.
        events: What is to be stored of both.
        readings: The newest reading of each sensor, and figure of each device.
        measured: How many readings came that are not duplicates.
        stored: How many of them are to be stored.
        sums: The sums of those.
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
        self.switchings = Switchings()
        self.shutoffs: Counter[str] = Counter()
        self.touches: Counter[tuple[str, str]] = Counter()
        self.told: Counter[str] = Counter()
        self.events: Counter[tuple[str, str]] = Counter()
        self.readings: dict[tuple[str, str], float] = {}
        self.measured: Counter[tuple[str, str]] = Counter()
        self.stored: Counter[tuple[str, str]] = Counter()
        self.sums: defaultdict[tuple[str, str], float] = defaultdict(float)
        self.noisy: set[str] = set()
        self._kept: defaultdict[str, list[Meaning]] = defaultdict(list)
        self._in_second: dict[str, tuple[int, int]] = {}
        self._stored_in: dict[tuple[str, str], int] = {}

    def record(self, message: Planned, left: float) -> None:
        """Take a message that was sent; `left` is when."""
        meaning = message.meaning
        device_id, kind = meaning.device_id, meaning.message_type.value
        self.messages[kind] += 1
        if meaning.odd is not None:
            self.errors[kind, meaning.odd] += 1
        if isinstance(meaning.subject, Addressed):
            return
        if meaning.odd == "retained":
            self._kept[device_id].append(meaning)
            return
        burst = self._in_burst(device_id, left)
        if meaning.odd == "duplicate":
            return
        if meaning.odd == LATE:
            self._is_history(device_id, meaning.subject, burst=burst)
        else:
            self._is_now(meaning, left)
            stamp = meaning.stamp if meaning.odd is None else None
            self._apply(device_id, meaning.subject, Heard(left, stamp, burst, _of_switching(meaning)))
        self._store(meaning, int(left), burst=burst)

    def _in_burst(self, device_id: str, left: float) -> bool:
        second, count = self._in_second.get(device_id, (0, 0))
        count = count + 1 if second == int(left) else 1
        self._in_second[device_id] = int(left), count
        if count > _MOST_A_SECOND:
            self.noisy.add(device_id)
        return count > _MOST_A_SECOND

    def _is_history(self, device_id: str, subject: Subject, *, burst: bool) -> None:
        """It was so, and changes nothing."""
        match subject:
            case Switched(relay, _, trigger):
                self.switchings.late((device_id, relay), trigger, burst=burst)
            case ShutOff(relay):
                self.switchings.late((device_id, relay), _SAFETY, burst=burst)
            case Reported(word) if not burst:
                self.log[word, LATE] += 1

    def _is_now(self, meaning: Meaning, left: float) -> None:
        """Somebody is there."""
        device_id, subject = meaning.device_id, meaning.subject
        if device_id not in self.words:
            for kept in self._kept.pop(device_id, ()):
                self._fill(device_id, kept.subject)
        self.last_seen[device_id] = left
        if meaning.stamp is not None:
            self.clock_offsets[device_id] = meaning.stamp - left
        if isinstance(subject, Reported):
            self._turn(device_id, subject.word, "will" if subject.will else "reported")
        elif self.words.get(device_id, "offline") == "offline":
            self._turn(device_id, "online", "activity")

    def _apply(self, device_id: str, subject: Subject, heard: Heard) -> None:
        match subject:
            case Reported(_, described, told):
                self._describe(device_id, described, told)
            case Announced(described):
                self._describe(device_id, described, {})
            case Measured(readings):
                self.readings.update({(device_id, name): value for name, value in readings.items()})
            case Switched(relay, state, trigger):
                self.switchings.tell((device_id, relay), trigger, heard, state=state)
            case Listed(states):
                for relay, state in states.items():
                    self.switchings.tell((device_id, relay), None, heard, state=state)
            case ShutOff(relay):
                self.switchings.tell((device_id, relay), _SAFETY, heard, state=False)
                self.shutoffs[device_id] += 1
            case Touched(action):
                self.touches[device_id, action] += 1
            case Told(kind):
                self.told[kind] += 1

    def _fill(self, device_id: str, subject: Subject) -> None:
        """What is known of a device from before, until it says otherwise."""
        match subject:
            case Reported(_, described, told):
                self._describe(device_id, described, told)
            case Switched(relay, state):
                self.switchings.fill((device_id, relay), state=state)
            case Listed(states):
                for relay, state in states.items():
                    self.switchings.fill((device_id, relay), state=state)

    def _describe(self, device_id: str, described: Mapping[str, str], told: Mapping[str, float]) -> None:
        self.described[device_id].update(described)
        self.readings.update({(device_id, name): value for name, value in told.items()})

    def _turn(self, device_id: str, word: str, cause: str) -> None:
        before = self.words.get(device_id)
        self.words[device_id] = word
        if before is None or (before == "offline") is not (word == "offline"):
            self.turns["offline" if word == "offline" else "online", cause] += 1
            self.log[word, cause] += 1

    def _store(self, meaning: Meaning, second: int, *, burst: bool) -> None:
        """The rows of what is no switching, late or not, and what of a burst makes none."""
        device_id, subject, kind = meaning.device_id, meaning.subject, meaning.message_type.value
        late = meaning.odd == LATE
        if isinstance(subject, Measured):
            self._store_readings(device_id, kind, subject, second, burst=burst, late=late)
        elif burst and (late or not isinstance(subject, Reported)):
            self.errors[kind, _BURST] += 1
        else:
            match subject:
                case Touched(action):
                    self.events["interaction", action] += 1
                case Told(told):
                    self.events["error" if told == "error" else "system", told] += 1
                case ShutOff(_, reason):
                    self.events["safety_shutoff", reason] += 1
                case Noted(noted, subtype):
                    self.events[noted, subtype] += 1

    def _store_readings(
        self, device_id: str, kind: str, told: Measured, second: int, *, burst: bool, late: bool
    ) -> None:
        dropped = False
        for name, value in told.readings.items():
            sensor = device_id, name
            self.measured[sensor] += 1
            if burst and (late or self._stored_in.get(sensor) == second):
                dropped = True
                continue
            if not late:
                self._stored_in[sensor] = second
            self.stored[sensor] += 1
            self.sums[sensor] += value
        self.errors[kind, _BURST] += dropped


def _of_switching(meaning: Meaning) -> bool:
    return not isinstance(meaning.subject, Listed)
