"""What an exporter has to show, by what its receiver handed over: each message once, each request exactly."""

import json
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from paho.mqtt.enums import MQTTErrorCode

from otel_tickrmeter.capture.chunk import Note
from otel_tickrmeter.capture.open import open_recording
from otel_tickrmeter.stream.message import Dropped, LinkEvent, Lost, Message, Refused, Settled, Watermark
from otel_tickrmeter.stream.reason import LinkReason
from tests.chaos.fleet import BOARDS, DEVICES, NUMBER, REQUEST_TIMEOUT_SECONDS, SYMBOLS, Publication
from tests.chaos.lives import Life
from tests.integration.exposition import Exposition
from tests.integration.program_traffic import (
    ABANDONED,
    LATENCY_COUNT,
    MESSAGES,
    PENDING,
    REQUESTS,
    RESPONSES,
    SUPERSEDED,
    TIMEOUTS,
    unaccounted,
)
from tests.support.pairing_model import End, Fact, story

POISON = "strangers: poison"
UNMATCHED = "tickrmeter_stock_update_unmatched_total"
LATENCY_SUM = "tickrmeter_stock_update_latency_seconds_sum"
BATTERY = "tickrmeter_device_battery_level"
ALL_MESSAGES = (MESSAGES, "autocore_messages_total")
_SECOND_NS = 1_000_000_000


class Window(NamedTuple):
    """A time, by the monotonic clock, in which a message may be lost, or come twice; `name` says why."""

    name: str
    played: float
    over: float
    loses: bool
    repeats: bool


@dataclass
class Arrivals:
    """What the receiver handed over: `facts` by device, and when each of the fleet's `numbers` came.

    After a crash, whose counters are gone, `messages`, `facts` and `readings` (numbers of boards' messages)
    are of what came since.
    """

    crashed: bool = False
    messages: int = 0
    of_boards: int = 0
    dropped: int = 0
    missed: int = 0
    facts: dict[str, list[Fact]] = field(default_factory=lambda: {device: [] for device in DEVICES})
    numbers: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    readings: set[int] = field(default_factory=set)
    _proof_ns: int = 0
    _told_ns: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    @classmethod
    def of(cls, lives: Iterable[Life]) -> "Arrivals":
        """Those of an exporter's captures."""
        arrivals = cls()
        for life in lives:
            said: list[str] = []
            recording = open_recording(life.files, lambda _: None, said.append)
            # What was open when the life before ended is known to nobody any more.
            arrivals._note(Lost(recording.started_ns, LinkReason.OTHER, "another life"))
            for item in recording.items:
                if isinstance(item, list):
                    for message in item:
                        arrivals.take(message)
                elif isinstance(item, Note):
                    arrivals.missed += item.missed
                else:
                    arrivals._note(item)
            if life.counted:
                assert said == [], said
            else:
                arrivals._forget()
        for device in DEVICES:
            arrivals._prove(device)
        return arrivals

    def _forget(self) -> None:
        self.crashed = True
        self.messages = self.of_boards = 0
        self.readings.clear()
        for facts in self.facts.values():
            facts.clear()

    def take(self, message: Message) -> None:
        """Note one that was handed over."""
        self.messages += 1
        self.of_boards += message.topic.startswith(b"autocore/")
        self._proof_ns = max(self._proof_ns, message.arrived_ns)
        topic = message.topic.decode(errors="replace")
        if (
            message.retain
            or message.duplicate
            or topic not in {"STOCKPRICEUPDATE", "DEVICESTATUS_RES", *DEVICES, *BOARDS}
        ):
            return
        try:
            content = json.loads(message.payload)
        except (ValueError, RecursionError):
            return
        if not isinstance(content, dict):
            return
        number = content.get(NUMBER)
        if isinstance(number, int):
            self.numbers[number].append(message.arrived_ns / _SECOND_NS)
            if topic in BOARDS:
                self.readings.add(number)
        device = content.get("device", topic)
        if device not in DEVICES or "symbol" not in content:
            return
        self._prove(device)
        kind = "answered" if topic == device else "asked"
        self.facts[device].append(
            Fact(kind, message.arrived_ns, content["symbol"], live=not message.backlog)  # type: ignore[arg-type]
        )

    def _note(self, event: LinkEvent) -> None:
        if isinstance(event, Watermark):
            self._proof_ns = max(self._proof_ns, event.heard_ns)
            return
        if isinstance(event, Dropped):
            self.dropped += event.count
        if not isinstance(event, Settled):
            for device, facts in self.facts.items():
                self._prove(device)
                facts.append(Fact("lost" if isinstance(event, Lost | Refused) else "doubt", event.at_ns))

    def _prove(self, device: str) -> None:
        """Of many proofs in a row the last says it all."""
        if self._told_ns[device] < self._proof_ns:
            self._told_ns[device] = self._proof_ns
            self.facts[device].append(Fact("proof", self._proof_ns))


def faults(
    exposition: Exposition, arrivals: Arrivals, sent: Sequence[Publication], windows: Sequence[Window]
) -> Iterator[str]:
    """What is not in a settled exposition as it arrived, and what did not arrive as it was sent."""
    if arrivals.missed:
        yield f"the capture missed {arrivals.missed} messages: nothing can be said"
    of_both = sum(exposition.total(name) for name in ALL_MESSAGES)
    # What a crash left of boards is taken again, and counted; the capture of the life before has it.
    again = exposition.total("autocore_messages_total") - arrivals.of_boards if arrivals.crashed else 0
    yield from differ("messages", of_both, arrivals.messages + max(0, again))
    yield from differ("requests without an end", unaccounted(exposition), 0)
    yield from differ("open requests", exposition.value(PENDING), 0)
    poisoned = any(POISON in window.name for window in windows)
    yield from _requests(exposition, arrivals, poisoned=poisoned)
    yield from deliveries(arrivals, sent, windows)


def _requests(exposition: Exposition, arrivals: Arrivals, *, poisoned: bool) -> Iterator[str]:
    timeout_ns = round(REQUEST_TIMEOUT_SECONDS * _SECOND_NS)
    unmatched: Counter[str] = Counter()
    by_symbol: Counter[tuple[str, str]] = Counter()
    for device, facts in arrivals.facts.items():
        # So long as to remember everything: nobody of the fleet is silent for that.
        ends, _ = story(facts, timeout_ns, 3600 * _SECOND_NS)
        unmatched.update(end.how for end in ends if not end.symbol)
        for symbol in SYMBOLS:
            mine = [end for end in ends if end.symbol == symbol]
            by_symbol.update((end.how, symbol) for end in mine)
            labels = {"device_id": device, "symbol": symbol}
            asked = sum(fact.kind == "asked" and fact.symbol == symbol for fact in facts)
            yield from differ(f"{labels} asked", exposition.total(REQUESTS, **labels), asked)
            yield from _answers(exposition, labels, [end for end in mine if end.how == "answered"])
    for name, how in ((TIMEOUTS, "timed_out"), (SUPERSEDED, "superseded"), (ABANDONED, "abandoned")):
        for symbol in SYMBOLS:
            yield from differ(
                f"{how} of {symbol}", exposition.total(name, symbol=symbol), by_symbol[how, symbol]
            )
    # Of an answer that ends nothing it depends on what was before a crash, as what it counts.
    for how in () if arrivals.crashed else ("late", "duplicate"):
        shown = exposition.total(UNMATCHED, reason=how)
        # A spoiled byte may make a request that means something, of a device of nobody's, and answers follow.
        yield from differ(how, min(shown, unmatched[how]) if poisoned else shown, unmatched[how])


def _answers(exposition: Exposition, labels: dict[str, str], answered: Sequence[End]) -> Iterator[str]:
    latencies_ns = [end.latency_ns for end in answered if end.latency_ns is not None]
    yield from differ(f"{labels} answered", exposition.total(RESPONSES, **labels), len(answered))
    yield from differ(f"{labels} latencies", exposition.total(LATENCY_COUNT, **labels), len(latencies_ns))
    seconds = exposition.total(LATENCY_SUM, **labels)
    if abs(seconds - sum(latencies_ns) / _SECOND_NS) > 1e-6:
        yield f"{labels} took {seconds} s in all instead of {sum(latencies_ns) / _SECOND_NS}"


def deliveries(arrivals: Arrivals, sent: Sequence[Publication], windows: Sequence[Window]) -> Iterator[str]:
    """What was lost or came twice although nothing that may do so happened while it was on its way."""
    if arrivals.dropped:
        yield f"{arrivals.dropped} messages dropped from the receive queue"
    lost: Counter[str] = Counter()
    twice: Counter[str] = Counter()
    # A broker keeps them in order: what was lost was so before one that was sent later came.
    later_came = math.inf
    for publication in reversed(sent):
        came = arrivals.numbers.get(publication.number, [])
        until = came[-1] if came else later_came
        later_came = came[0] if came else later_came
        within = [window for window in windows if window.played <= until and publication.at <= window.over]
        # Of what found no connection nobody said that it had it; it is sent with the next one.
        confirmed = publication.info.rc == MQTTErrorCode.MQTT_ERR_SUCCESS and publication.info.is_published()
        when = " and ".join(window.name for window in within) or "nothing"
        if not came and confirmed and not any(window.loses for window in within):
            lost[when] += 1
        if len(came) > 1 and not any(window.repeats for window in within):
            twice[when] += 1
    yield from (f"{count} messages are lost, on their way during {when}" for when, count in lost.items())
    yield from (f"{count} messages came twice, on their way during {when}" for when, count in twice.items())


def differ(what: str, shown: float, expected: float) -> Iterator[str]:
    """A line if they do."""
    if shown != expected:
        yield f"{what}: {shown:g} instead of {expected:g}"
