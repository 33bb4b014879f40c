"""What must be true of an exporter that saw these messages: counted as they are sent.

Times are those of the sending, so that a publisher held up by a busy machine does not accuse the exporter.

Only what was really sent counts, so a run that was stopped early is as exact as a whole one: what then
stays open is never answered, and has timed out once the request timeout is over.
"""

from bisect import bisect_left
from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field

from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.reason import UnmatchedReason
from otel_tickrmeter.fleets.tickrmeter.simulate.latency import BUCKETS
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import (
    MESSAGE_TYPES,
    Answer,
    Boot,
    Booted,
    Heartbeat,
    Planned,
    Reading,
    Request,
    Stream,
)

UNKNOWN = "unknown"
WINDOW = 1000
"""Outcomes of a symbol that its window keeps (`monitoring.max_latency_samples`)."""

PairKey = tuple[str, ...]
"""Device id and symbol."""


@dataclass(slots=True)
class KnownDevice:
    """What a device has told."""

    readings: dict[str, Reading] = field(default_factory=dict)
    offline: bool = False
    boots: int = 0

    def text(self, reading: str) -> str:
        """A reading as a label value."""
        return str(self.readings.get(reading, UNKNOWN))


@dataclass(slots=True)
class LatencyCounts:
    """A histogram; `counts` has one more place than BUCKETS, for what lies beyond. Seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS) + 1))
    total: float = 0.0


class Truth:
    """Takes every message that was sent. `request_timeout` in seconds."""

    def __init__(self, request_timeout: float) -> None:
        self._timeout = request_timeout
        self.open_requests: dict[PairKey, float] = {}
        """When each pair that is open was asked for, for the last time."""
        self._asked_first: dict[PairKey, float] = {}
        """When it was asked for, for the first time since its last outcome: its deadline runs from there."""
        self._deadlines: deque[tuple[float, PairKey]] = deque()
        self._next_answer: dict[PairKey, str] = {}
        """What a further answer to each pair would be, whose last request has ended."""
        self.messages: Counter[MessageType] = Counter(dict.fromkeys(MessageType, 0))
        self.devices: dict[str, KnownDevice] = {}
        self.requests: Counter[PairKey] = Counter()
        self.responses: Counter[PairKey] = Counter()
        self.latencies: defaultdict[PairKey, LatencyCounts] = defaultdict(LatencyCounts)
        self.timeouts: Counter[str] = Counter()
        self.superseded: Counter[str] = Counter()
        self.unmatched: Counter[str] = Counter({reason.value: 0 for reason in UnmatchedReason})
        self.outcomes: Counter[tuple[str, ...]] = Counter()
        self.boots: Counter[str] = Counter()
        self.boot_durations: Counter[str] = Counter()
        self.http_streams: Counter[str] = Counter()
        self.windows: defaultdict[str, deque[float | None]] = defaultdict(lambda: deque(maxlen=WINDOW))
        """The last outcomes of each symbol: a latency, or None for a timeout."""

    def record(self, message: Planned) -> None:
        """Take a message that was sent; times must not go back."""
        at, meaning = message.at_seconds, message.meaning
        self.expire(at)
        self.messages[MESSAGE_TYPES[type(meaning)]] += 1
        if isinstance(meaning, Answer):
            self._answered(meaning, at)
            return
        device = self.devices.setdefault(meaning.device_id, KnownDevice())
        device.offline = isinstance(meaning, Heartbeat) and not meaning.online
        if isinstance(meaning, Request):
            self._requested((meaning.device_id, meaning.symbol), at)
        elif isinstance(meaning, Heartbeat):
            device.readings.update(meaning.readings)
        elif isinstance(meaning, Boot):
            device.boots += 1
            self.boots[device.text("firmware_version")] += 1
        elif isinstance(meaning, Booted):
            self.boot_durations[device.text("firmware_version")] += 1
        elif isinstance(meaning, Stream):
            self.http_streams[device.text("firmware_version")] += 1

    def expire(self, at: float) -> None:
        """Time out what was not answered; infinity ends all that is open."""
        while self._deadlines and self._deadlines[0][0] < at:
            deadline, pair = self._deadlines.popleft()
            if pair in self.open_requests and self._asked_first[pair] + self._timeout == deadline:
                del self.open_requests[pair]
                self.timeouts[pair[1]] += 1
                self._next_answer[pair] = UnmatchedReason.LATE.value
                self._end(pair, None)

    def _requested(self, pair: PairKey, at: float) -> None:
        self.requests[pair] += 1
        if pair in self.open_requests:
            self.superseded[pair[1]] += 1
        else:
            self._asked_first[pair] = at
            self._deadlines.append((at + self._timeout, pair))
        self.open_requests[pair] = at

    def _answered(self, answer: Answer, at: float) -> None:
        # Not the fate that was planned: on a machine that stood still, an answer may leave when its request
        # has timed out, or a late one while it has not.
        pair = (answer.device_id, answer.symbol)
        asked = self.open_requests.pop(pair, None)
        if asked is None:
            self.unmatched[self._next_answer.get(pair, UnmatchedReason.UNSOLICITED.value)] += 1
            return
        latency = at - asked
        self._next_answer[pair] = UnmatchedReason.DUPLICATE.value
        self.responses[pair] += 1
        histogram = self.latencies[pair]
        histogram.counts[bisect_left(BUCKETS, latency)] += 1
        histogram.total += latency
        self._end(pair, latency)

    def _end(self, pair: PairKey, latency: float | None) -> None:
        device_id, symbol = pair
        self.windows[symbol].append(latency)
        firmware = self.devices[device_id].text("firmware_version")
        self.outcomes[firmware, "timeout" if latency is None else "answered"] += 1
