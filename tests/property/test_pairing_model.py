"""The real core against a model of the pairing rules: what the network does, in any order.

A fleet and a backend publish; the network reorders, loses and repeats; the link is cut, in doubt and stands
still; the exporter is started again. What the exporter says of every request must be what the model says
(tests/support/pairing_model.py, after docs/messages.md), and so must what it says of every answer that nobody
waited for.
"""

from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Literal

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.mqtt.handled import Handled
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.exporter import Exporter
from tests.support.ledger import Entry, Ledger
from tests.support.pairing_model import End, Fact, Kind, silence_ns, story
from tests.support.wire import answer, boot, request

if TYPE_CHECKING:
    from otel_tickrmeter.fleets.tickrmeter.device import Device

TIMEOUT_NS = 10
DEVICE_TIMEOUT_NS = 40
CLEANUP_NS = 7
# Bounds and symbols that end are the subject of test_tickrmeter_machine.py.
LIMITS = Limits(
    request_timeout_ns=TIMEOUT_NS,
    device_timeout_ns=DEVICE_TIMEOUT_NS,
    cleanup_interval_ns=CLEANUP_NS,
    latency_window_ns=50,
    symbol_retention_ns=10**9,
    max_latency_samples=5,
    max_devices=100,
    max_symbols=100,
    max_pairs=100,
    max_device_symbols=100,
)
DEVICES = ("00000000000A", "00000000000B")
# Few of them, so that the same pair is met again and again.
SOME_DEVICE = st.sampled_from([*DEVICES[:1] * 4, *DEVICES[1:]])
SYMBOLS = st.sampled_from(["AAPL", "AAPL", "AAPL", "BRKB", "BRKb", "brkb"])
MOST_IN_FLIGHT = 3
WAITS = st.sampled_from([0, 1, 1, 2, 2, 3, 3, 10, 11, 20, 20, 41])
Way = Literal["live", "backlog", "later", "later, at QoS 1"]
WAYS: st.SearchStrategy[Way] = st.sampled_from(
    ["live", "live", "live", "backlog", "later", "later, at QoS 1"]
)
KINDS: st.SearchStrategy[Kind] = st.sampled_from(
    [*["asked"] * 4, *["answered"] * 4, "proof", "doubt", "alive"]
)
DOUBTS: list[Any] = [
    lambda at_ns: Stalled(at_ns, 2.0),
    lambda at_ns: Doubted(at_ns, 2.0),
    lambda at_ns: Heard(at_ns, 2.0),
    lambda at_ns: Dropped(at_ns, 3),
]


@dataclass(eq=False)
class Sent:
    """A message on its way from the broker to us; `seen` when it came to us in this session."""

    message: Message
    device: str
    kind: Kind
    symbol: str
    packet_id: int = 0
    tried: bool = False
    seen: bool = False


class Network(RuleBasedStateMachine):
    """`facts` is all that has come to the exporter since its start, by device: the model's only source."""

    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 100
        self.connected = True
        self.on_the_way: list[Sent] = []
        self.packet_ids = count(1)
        self.start()

    def start(self) -> None:
        self.ledger = Ledger()
        self.exporter = Exporter(LIMITS, outcomes=self.ledger)
        self.handled = Handled()
        self.facts: dict[str, list[Fact]] = {device: [] for device in DEVICES}
        self.known: dict[str, Device] = {}
        self.overdue_ns: dict[str, int] = {}
        self.timeout_ns = TIMEOUT_NS

    @initialize()
    def begin(self) -> None:
        self.pass_time(0, heard=True)

    # What is published.

    @precondition(lambda self: self.connected)
    @rule(steps=st.lists(st.tuples(WAITS, KINDS, SOME_DEVICE, SYMBOLS, WAYS), min_size=4, max_size=12))
    def publish(self, steps: list[tuple[int, Kind, str, str, Way]]) -> None:
        for wait, kind, device, symbol, way in steps:
            if kind == "proof":
                self.pass_time(wait, heard=True)
            elif kind == "doubt":
                self.now_ns += wait
                self.notice(DOUBTS[wait % len(DOUBTS)](self.now_ns), "doubt")
            elif kind == "alive":
                self.now_ns += wait
                self.bring(Sent(boot(0, device), device, kind, ""), backlog=False)
            else:
                self.now_ns += wait
                message = (request if kind == "asked" else answer)(0, device, symbol)
                self.send(Sent(message, device, kind, symbol), way)
            self.every_request_ends_as_the_model_says()

    # What the network makes of it.

    @precondition(lambda self: self.connected and self.on_the_way)
    @rule(data=st.data(), wait=WAITS, backlog=st.sampled_from([False, False, True]))
    def deliver(self, data: st.DataObject, wait: int, *, backlog: bool) -> None:
        self.now_ns += wait
        self.bring(data.draw(st.sampled_from(self.on_the_way)), backlog=backlog)

    @precondition(lambda self: self.on_the_way)
    @rule(data=st.data())
    def lose(self, data: st.DataObject) -> None:
        """On its way, or the acknowledgement of it: then it stays on the broker's list."""
        sent = data.draw(st.sampled_from(self.on_the_way))
        if sent.packet_id:
            sent.tried = True
        else:
            self.on_the_way.remove(sent)

    @precondition(lambda self: any(sent.seen for sent in self.on_the_way))
    @rule()
    def acknowledge(self) -> None:
        self.on_the_way = [sent for sent in self.on_the_way if not sent.seen]

    @precondition(lambda self: self.connected)
    @rule(device=SOME_DEVICE, symbol=SYMBOLS, asked=st.booleans())
    def retained(self, device: str, symbol: str, *, asked: bool) -> None:
        """What happened long ago, and is nothing that happens now."""
        message = (request if asked else answer)(self.now_ns, device, symbol)
        self.exporter.deliver(message._replace(retain=True))
        self.proof(self.now_ns)

    @precondition(lambda self: self.connected)
    @rule(
        kind=st.sampled_from(["asked", "answered"]),
        symbol=SYMBOLS,
        arrived=st.booleans(),
        how=st.sampled_from(["cut", "died"]),
        kept=st.booleans(),
    )
    def cut_in_the_middle(self, kind: Kind, symbol: str, how: str, *, arrived: bool, kept: bool) -> None:
        """A message at QoS 1, or its acknowledgement, is lost with the link, and sent again."""
        device = DEVICES[0]
        message = (request if kind == "asked" else answer)(0, device, symbol)
        self.send(sent := Sent(message, device, kind, symbol), "later, at QoS 1")
        if arrived:
            self.bring(sent, backlog=False)
        self.interrupt(1, how)
        self.reconnect(1, kept=kept, at_once=True)

    # What becomes of the link, and of us.

    @rule(wait=WAITS, heard=st.booleans())
    def pass_time(self, wait: int, *, heard: bool) -> None:
        self.now_ns += wait
        heard_ns = self.now_ns if heard and self.connected else 0
        self.exporter.handler.report(Watermark(self.now_ns, 0, heard_ns))
        self.proof(heard_ns)

    @rule(wait=st.integers(0, 15), how=st.sampled_from(["cut", "died", "refused"]))
    def interrupt(self, wait: int, how: str) -> None:
        """The link is cut, or refused: also after messages came. Or the receiver dies with what it knew."""
        self.now_ns += wait
        self.connected = False
        self.on_the_way = [sent for sent in self.on_the_way if sent.packet_id]
        if how == "died":
            self.handled = Handled()
            for sent in self.on_the_way:
                sent.seen = False
        if how == "refused":
            self.notice(Refused(self.now_ns, LinkReason.NOT_AUTHORIZED, ""), "lost")
        else:
            self.notice(Lost(self.now_ns, LinkReason.CLOSED_BY_BROKER, ""), "lost")

    @precondition(lambda self: not self.connected)
    @rule(wait=st.integers(0, 50), kept=st.booleans(), at_once=st.booleans())
    def reconnect(self, wait: int, *, kept: bool, at_once: bool) -> None:
        self.now_ns += wait
        self.connected = True
        if not kept:
            self.handled.forget()
            self.packet_ids = count(1)
            self.on_the_way.clear()
        for sent in self.on_the_way:
            sent.tried = True  # a broker says so of whatever it may have sent before
        self.notice(Connected(self.now_ns, session_present=kept, protocol="5"), "doubt")
        self.notice(Subscribed(self.now_ns), "doubt")
        for sent in [*self.on_the_way] if at_once else []:
            self.bring(sent, backlog=True)

    @rule(timeout_ns=st.sampled_from([4, TIMEOUT_NS]))
    def change_the_timeout(self, timeout_ns: int) -> None:
        # Not while the clock of the state is behind ours: the change takes effect at the state's.
        self.pass_time(0, heard=False)
        self.timeout_ns = timeout_ns
        changed = {name: getattr(LIMITS, name) for name in Limits.__slots__}
        self.exporter.fleet.use(Limits(**changed | {"request_timeout_ns": timeout_ns}))
        self.note(Fact("patience", self.now_ns, timeout_ns=timeout_ns))

    @rule()
    def restart(self) -> None:
        """Of the whole exporter; nothing of before is known to it."""
        self.now_ns += 1
        for sent in self.on_the_way:
            sent.seen = False
        self.connected = True
        self.start()
        self.pass_time(0, heard=True)

    # What must be.

    @invariant()
    def every_request_ends_as_the_model_says(self) -> None:
        told = {device: story(facts, TIMEOUT_NS, DEVICE_TIMEOUT_NS) for device, facts in self.facts.items()}
        for device, (ends, _) in told.items():
            # In any order: what ends at one moment has none.
            of_requests = Counter(end for end in ends if end.symbol)
            assert ends_of(device, self.ledger.entries) == of_requests, device
        for how in ("late", "duplicate", "unsolicited"):
            expected = sum(end.how == how for ends, _ in told.values() for end in ends)
            assert self.ledger.entries.count(("unmatched", how)) == expected, how
        assert self.exporter.fleet.pending == sum(pending for _, pending in told.values())
        asked = sum(fact.kind == "asked" for facts in self.facts.values() for fact in facts)
        assert self.ledger.counts["requested"] == asked

    # How.

    def send(self, sent: Sent, way: Way) -> None:
        in_flight = sum(other.packet_id > 0 for other in self.on_the_way)
        if way == "later, at QoS 1" and in_flight < MOST_IN_FLIGHT:
            # One after the other, as brokers give them. The same message with the number of one that was
            # handled in this session is the same delivery, by rule 2.
            sent.packet_id = next(self.packet_ids)
            self.on_the_way.append(sent)
        elif way == "later":
            self.on_the_way.append(sent)
        else:
            self.bring(sent, backlog=way == "backlog")

    def bring(self, sent: Sent, *, backlog: bool) -> None:
        """Let it arrive as the receiver would; what came before in this session is no news."""
        repeated = sent.seen
        if sent.packet_id == 0:
            if sent in self.on_the_way:
                self.on_the_way.remove(sent)
            duplicate = False
        else:
            # Within a connection a broker sends nothing again.
            if repeated and not sent.tried:
                return
            topic, payload = sent.message.topic, sent.message.payload
            duplicate = self.handled.repeats(sent.packet_id, topic, payload, dup=sent.tried)
            sent.seen, sent.tried = True, False
        self.exporter.deliver(
            sent.message._replace(arrived_ns=self.now_ns, duplicate=duplicate, backlog=backlog)
        )
        self.proof(self.now_ns)
        if not repeated:
            self.facts[sent.device].append(Fact(sent.kind, self.now_ns, sent.symbol, live=not backlog))
            self.known = dict(self.exporter.fleet.devices)

    def note(self, fact: Fact) -> None:
        for facts in self.facts.values():
            facts.append(fact)

    def proof(self, heard_ns: int) -> None:
        """Everything before has been read; and whoever was silent for too long may have been forgotten."""
        self.note(Fact("proof", heard_ns))
        devices = self.exporter.fleet.devices
        for device_id, device in self.known.items():
            facts = self.facts[device_id]
            if silence_ns(facts) <= DEVICE_TIMEOUT_NS:
                assert devices.get(device_id) is device, "forgotten too early"
                self.overdue_ns.pop(device_id, None)
            elif devices.get(device_id) is device:
                overdue_ns = self.overdue_ns.setdefault(device_id, self.now_ns)
                assert self.now_ns - overdue_ns < CLEANUP_NS, "forgotten too late"
            else:
                facts.append(Fact("gone", self.now_ns))
                self.overdue_ns.pop(device_id, None)
        self.known = dict(devices)

    def notice(self, event: LinkEvent, kind: Kind) -> None:
        self.exporter.handler.report(event)
        self.note(Fact(kind, self.now_ns))


def ends_of(device: str, entries: list[Entry]) -> Counter[End]:
    """How the device's requests ended, as the exporter told it."""
    found: Counter[End] = Counter()
    for entry in entries:
        match entry:
            case ["answered", ended, str(symbol), None | int() as latency_ns] if ended == device:
                found[End("answered", symbol, latency_ns)] += 1
            case [("timed_out" | "superseded" | "abandoned") as how, ended, str(symbol)] if ended == device:
                found[End(how, symbol)] += 1
    return found


TestNetwork = Network.TestCase
TestNetwork.settings = settings(max_examples=200, stateful_step_count=25)
