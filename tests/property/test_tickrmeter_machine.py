"""Handler and state under any traffic: requests are conserved, bounds hold, every series has an end.

Two exporters get the same deliveries. One writes a ledger, which is checked entry by entry; the other
records into instruments, whose series must belong to somebody.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from otel_tickrmeter.fleets.tickrmeter import state as fleet_module
from otel_tickrmeter.fleets.tickrmeter.registry import RETENTIONS_OF_A_BUSY_SYMBOL, Limits
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
from tests.support.wire import answer, boot, booted, message, request, status, stream

LIMITS = Limits(
    request_timeout_ns=10,
    device_timeout_ns=40,
    cleanup_interval_ns=7,
    latency_window_ns=50,
    symbol_retention_ns=60,
    max_latency_samples=5,
    max_devices=3,
    max_symbols=3,
    max_pairs=5,
    max_device_symbols=3,
)
MAX_FIRMWARES = 2
DEVICES = st.sampled_from([f"00000000000{n}" for n in range(5)])
SYMBOLS = st.sampled_from(["AAPL", "BTC", "EUR/USD", "MSFT", "^GSPC"])
WAITS = st.sampled_from([0, 0, 1, 3, 10, 11, 41, 70])
FLAGS = st.sampled_from(["", "", "", "", "backlog", "retain", "duplicate"])
LINK_EVENTS: list[Callable[[int], LinkEvent]] = [
    lambda at_ns: Connected(at_ns, session_present=False, protocol="5"),
    Subscribed,
    lambda at_ns: Refused(at_ns, LinkReason.NOT_AUTHORIZED, ""),
    lambda at_ns: Lost(at_ns, LinkReason.CLOSED_BY_BROKER, ""),
    lambda at_ns: Stalled(at_ns, 2.0),
    lambda at_ns: Doubted(at_ns, 2.0),
    lambda at_ns: Heard(at_ns, 3.0),
    lambda at_ns: Dropped(at_ns, 3),
]
Pair = tuple[object, ...]


class Traffic(RuleBasedStateMachine):
    """`open` is our own account of open requests: their arrival, and whether it can be trusted.

    `deadline` is until when each may be answered; `limits` are those of now, LIMITS or narrower ones.
    """

    def __init__(self) -> None:
        super().__init__()
        # So that a handful of devices can go beyond it.
        self.bound = patch.object(fleet_module, "MAX_VALUES", MAX_FIRMWARES)
        self.bound.start()
        self.ledger = Ledger()
        self.noting = Exporter(LIMITS, outcomes=self.ledger)
        self.recording = Exporter(LIMITS)
        self.fleet = self.noting.fleet
        self.now_ns = 0
        self.delivered = 0
        self.open: dict[Pair, tuple[int, bool]] = {}
        self.deadline: dict[Pair, int] = {}
        self.limits = LIMITS
        self.pairs: set[Pair] = set()

    @rule(wait=WAITS, device=DEVICES, symbol=SYMBOLS, flag=FLAGS)
    def ask(self, wait: int, device: str, symbol: str, flag: str) -> None:
        self.now_ns += wait
        self.deliver(flagged(request(self.now_ns, device, symbol), flag))

    @rule(wait=WAITS, device=DEVICES, symbol=SYMBOLS, flag=FLAGS)
    def reply(self, wait: int, device: str, symbol: str, flag: str) -> None:
        self.now_ns += wait
        self.check_reply(device, symbol, flag)

    @precondition(lambda self: self.open)
    @rule(wait=st.integers(0, 11), flag=FLAGS, data=st.data())
    def reply_to_an_open_request(self, wait: int, flag: str, data: st.DataObject) -> None:
        self.now_ns += wait
        device, symbol = data.draw(st.sampled_from(sorted(self.open, key=repr)))
        self.check_reply(str(device), str(symbol), flag)

    @rule(
        wait=WAITS,
        device=DEVICES,
        flag=FLAGS,
        readings=st.fixed_dictionaries(
            {},
            optional={
                "status": st.sampled_from(["online", "offline", "asleep"]),
                "firmware_version": st.sampled_from(["60", "61", "62p", "63", "unknown", "other", ""]),
                "battery": st.sampled_from(["78", 101]),
            },
        ),
    )
    def beat(self, wait: int, device: str, flag: str, readings: dict[str, object]) -> None:
        self.now_ns += wait
        before = set(self.fleet.devices)
        self.deliver(flagged(status(self.now_ns, device, **readings), flag))
        if flag in ("retain", "duplicate"):
            assert set(self.fleet.devices) <= before

    @rule(wait=WAITS, device=DEVICES, make=st.sampled_from([boot, booted, stream]), flag=FLAGS)
    def live(self, wait: int, device: str, make: Callable[[int, str], Message], flag: str) -> None:
        self.now_ns += wait
        self.deliver(flagged(make(self.now_ns, device), flag))

    @rule(device=DEVICES, symbol=SYMBOLS)
    def ask_a_hundred_times(self, device: str, symbol: str) -> None:
        self.deliver(*[request(self.now_ns, device, symbol)] * 100)

    @rule(topic=st.sampled_from(["STOCKPRICEUPDATE", "DEVICESTATUS_RES", "elsewhere"]), payload=st.binary())
    def babble(self, topic: str, payload: bytes) -> None:
        self.deliver(message(topic, payload, self.now_ns))

    @rule(wait=WAITS)
    def wait(self, wait: int) -> None:
        self.now_ns += wait
        self.report(Watermark(self.now_ns, 0, self.now_ns))

    @rule(
        changes=st.fixed_dictionaries(
            {},
            optional={
                "request_timeout_ns": st.just(4),
                "device_timeout_ns": st.just(20),
                "cleanup_interval_ns": st.just(3),
                "latency_window_ns": st.just(20),
                "max_latency_samples": st.just(2),
                "max_devices": st.just(1),
                "max_symbols": st.just(1),
                "max_pairs": st.just(2),
                "max_device_symbols": st.just(1),
            },
        )
    )
    def change_limits(self, changes: dict[str, int]) -> None:
        self.limits = replace(LIMITS, **changes)
        asked = self.recording.figures("tickrmeter_stock_update_requests_total")
        for exporter in (self.noting, self.recording):
            exporter.fleet.use(self.limits)
        assert self.ledger.take() == []
        assert self.recording.figures("tickrmeter_stock_update_requests_total") == asked
        soonest = self.fleet.now_ns + self.limits.request_timeout_ns
        self.deadline = {pair: min(deadline, soonest) for pair, deadline in self.deadline.items()}

    @rule(make=st.sampled_from(LINK_EVENTS))
    def notice(self, make: Callable[[int], LinkEvent]) -> None:
        event = make(self.now_ns)
        self.report(event)
        if isinstance(event, Lost | Refused):
            assert not self.open
        if isinstance(event, Stalled | Dropped | Doubted | Heard | Connected | Subscribed):
            self.open = {pair: (opened_ns, False) for pair, (opened_ns, _) in self.open.items()}

    @invariant()
    def requests_are_conserved(self) -> None:
        counts = self.ledger.counts
        ended = sum(counts[how] for how in ("answered", "timed_out", "superseded", "abandoned"))
        assert counts["requested"] == ended + self.fleet.pending
        assert self.fleet.pending == len(self.open)
        assert self.recording.fleet.pending == self.fleet.pending

    @invariant()
    def bounds_hold(self) -> None:
        fleet = self.fleet
        assert len(fleet.devices) <= LIMITS.max_devices
        assert len(fleet.symbols) <= LIMITS.max_symbols
        assert {(d.id, p.symbol.name) for d in fleet.devices.values() for p in d.pairs.values()} == self.pairs
        assert len(self.pairs) <= LIMITS.max_pairs
        for symbol in fleet.symbols.values():
            figures = symbol.window.figures(fleet.now_ns)
            assert 0 <= figures.outcomes <= LIMITS.max_latency_samples
            latencies = (figures.mean_seconds, figures.p95_seconds, figures.p99_seconds)
            assert all(x is None or 0 <= x <= LIMITS.request_timeout_ns / 1e9 for x in latencies)

    @invariant()
    def every_series_belongs_to_somebody(self) -> None:
        series = self.recording.series()
        fleet = self.recording.fleet
        assert named("device_id", series) <= set(fleet.devices)
        assert named("symbol", series) <= set(fleet.symbols)
        # One for the overflow, one for what was never reported.
        assert len(named("firmware_version", series)) <= MAX_FIRMWARES + 2

    @invariant()
    def every_message_is_counted(self) -> None:
        counted = self.recording.figures("tickrmeter_messages_total")
        assert sum(counted.values()) == self.delivered == self.recording.messages.processed

    def teardown(self) -> None:
        self.bound.stop()
        for _ in range(LIMITS.device_timeout_ns + LIMITS.symbol_retention_ns + LIMITS.cleanup_interval_ns):
            self.now_ns += 1
            self.report(Watermark(self.now_ns, 0, self.now_ns))
        heavy = {name for name, symbol in self.fleet.symbols.items() if symbol.requests >= 100}
        assert set(self.fleet.symbols) == heavy
        assert not self.open
        self.now_ns += RETENTIONS_OF_A_BUSY_SYMBOL * LIMITS.symbol_retention_ns
        self.report(Watermark(self.now_ns, 0, self.now_ns))
        assert not self.fleet.symbols
        assert not self.fleet.devices
        assert not self.open
        series = self.recording.series()
        assert named("device_id", series) == set()
        assert named("firmware_version", series) <= {"unknown"}
        assert named("symbol", series) == set()

    def check_reply(self, device: str, symbol: str, flag: str) -> None:
        opened_ns, trusted = self.open.get((device, symbol), (0, False))
        in_time = (device, symbol) in self.open and self.now_ns <= self.deadline[device, symbol]
        entries = self.deliver(flagged(answer(self.now_ns, device, symbol), flag))
        if flag in ("retain", "duplicate"):
            assert not {entry[0] for entry in entries} & {"answered", "unmatched"}
        elif in_time:
            latency_ns = None if flag == "backlog" or not trusted else self.now_ns - opened_ns
            assert entries[-1] == ("answered", device, symbol, latency_ns)
        else:
            assert entries[-1][0] == "unmatched"

    def full(self, reason: str) -> bool:
        """Whether there is no place left, of the kind that this reason is about."""
        places = {
            "max_devices": (len(self.fleet.devices), self.limits.max_devices),
            "max_symbols": (len(self.fleet.symbols), self.limits.max_symbols),
            "max_pairs": (len(self.pairs), self.limits.max_pairs),
        }
        used, bound = places[reason]
        # More than it are from a time when it was wider.
        return used >= bound

    def deliver(self, *messages: Message) -> list[Entry]:
        self.delivered += len(messages)
        self.recording.deliver(*messages)
        self.noting.deliver(*messages)
        return self.check(self.ledger.take(), backlog=messages[0].backlog)

    def report(self, event: LinkEvent) -> None:
        self.recording.handler.report(event)
        self.noting.handler.report(event)
        self.check(self.ledger.take(), backlog=False)

    def check(self, entries: list[Entry], *, backlog: bool) -> list[Entry]:
        """Hold each entry against our own account, which it changes."""
        repeated: dict[Pair, int] = {}
        for entry in entries:
            pair = entry[1:3]
            match entry[0]:
                case "requested":
                    assert pair not in self.open
                    self.open[pair] = (self.now_ns, not backlog)
                    usual = self.now_ns + self.limits.request_timeout_ns
                    self.deadline[pair] = usual if backlog else repeated.get(pair, usual)
                    self.pairs.add(pair)
                case "timed_out":
                    _, trusted = self.open.pop(pair)
                    assert trusted
                    assert self.deadline[pair] < self.now_ns
                case "superseded":
                    _, trusted = self.open.pop(pair)
                    if trusted:
                        repeated[pair] = self.deadline[pair]
                    else:
                        repeated.pop(pair, None)
                case "answered" | "abandoned":
                    del self.open[pair]
                    repeated.pop(pair, None)
                case "rejected":
                    assert self.full(str(entry[2])), entry
                case "ended_pair":
                    assert pair not in self.open
                    self.pairs.remove(pair)
        assert all(self.deadline[pair] >= self.fleet.now_ns for pair in self.open)
        return entries


def flagged(delivery: Message, flag: str) -> Message:
    return delivery._replace(
        retain=flag == "retain", duplicate=flag == "duplicate", backlog=flag == "backlog"
    )


def named(label: str, series: set[str]) -> set[str]:
    """Return the values of a label in these series."""
    found = (re.search(rf'\b{label}="([^"]*)"', text) for text in series)
    return {match[1] for match in found if match}


TestTraffic = Traffic.TestCase
TestTraffic.settings = settings(max_examples=80, stateful_step_count=40)
