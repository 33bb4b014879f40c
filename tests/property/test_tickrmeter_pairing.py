"""Pairing against a reference that keeps the history of all requests and searches it every time."""

from dataclasses import dataclass, field
from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.driver import Driver
from tests.support.ledger import Entry

# Small, so that a few steps of a few nanoseconds reach every edge.
TIMEOUT_NS = 5
MEMORY_NS = 9

Verb = Literal["request", "answer", "watermark", "stall", "lose"]


@dataclass(frozen=True)
class Step:
    wait_ns: int
    verb: Verb
    device: str
    symbol: str
    backlog: bool


@dataclass
class Asked:
    """One request, for ever."""

    pair: tuple[str, str]
    at_ns: int
    first_ns: int
    turn: int
    trusted: bool
    ended: str | None = None
    ended_ns: int = 0


@dataclass
class Reference:
    """Rules 3 to 7 of docs/messages.md, word by word, without regard for cost."""

    history: list[Asked] = field(default_factory=list)
    told: list[Entry] = field(default_factory=list)

    def end(self, asked: Asked, how: str, at_ns: int, *details: object) -> None:
        assert asked.ended is None
        asked.ended, asked.ended_ns = how, at_ns
        self.told.append((how, *asked.pair, *details))

    def open(self) -> list[Asked]:
        return sorted((a for a in self.history if a.ended is None), key=lambda a: (a.first_ns, a.turn))

    def time_is(self, now_ns: int) -> None:
        for asked in self.open():
            deadline_ns = asked.first_ns + TIMEOUT_NS
            if now_ns > deadline_ns:
                self.end(asked, "timed_out" if asked.trusted else "abandoned", deadline_ns)

    def request(self, pair: tuple[str, str], at_ns: int, *, backlog: bool) -> None:
        first_ns, turn = at_ns, len(self.history)
        for asked in self.open():
            if asked.pair == pair:
                self.end(asked, "superseded", at_ns)
                if not backlog and asked.trusted:
                    first_ns, turn = asked.first_ns, asked.turn
        self.history.append(Asked(pair, at_ns, first_ns, turn, trusted=not backlog))
        self.told.append(("requested", *pair))

    def answer(self, pair: tuple[str, str], at_ns: int, *, backlog: bool) -> None:
        for asked in self.open():
            if asked.pair == pair:
                timed = asked.trusted and not backlog
                self.end(asked, "answered", at_ns, at_ns - asked.at_ns if timed else None)
                return
        endings = [asked for asked in self.history if asked.pair == pair and asked.ended != "superseded"]
        reason = "unsolicited"
        if endings and at_ns - endings[-1].ended_ns <= MEMORY_NS:
            how = endings[-1].ended or ""
            reason = {"timed_out": "late", "answered": "duplicate"}.get(how, "unsolicited")
        self.told.append(("unmatched", reason))

    def stall(self) -> None:
        for asked in self.open():
            asked.trusted = False

    def lose(self, at_ns: int) -> None:
        for asked in self.open():
            self.end(asked, "abandoned", at_ns)


STEPS = st.lists(
    st.builds(
        Step,
        st.integers(0, 6) | st.sampled_from([0, 9, 10]),
        st.sampled_from(["request", "request", "answer", "answer", "answer", "watermark", "stall", "lose"]),
        st.sampled_from("AB"),
        st.sampled_from("XY"),
        st.sampled_from([False, False, False, True]),
    ),
    max_size=60,
)


@settings(max_examples=400)
@given(STEPS)
def test_every_request_ends_as_the_reference_says(steps: list[Step]) -> None:
    # Nothing is forgotten meanwhile: the memory is the device timeout, and the cleanup never comes.
    driver = Driver(request_timeout_ns=TIMEOUT_NS, device_timeout_ns=MEMORY_NS, cleanup_interval_ns=10**9)
    reference = Reference()
    told: list[Entry] = []
    now_ns = 0
    for step in steps:
        now_ns += step.wait_ns
        pair = (step.device, step.symbol)
        if step.verb == "stall":
            driver.fleet.unheard_until(0)
            reference.stall()
        elif step.verb == "lose":
            driver.fleet.connection_lost(now_ns)
            reference.lose(now_ns)
        else:
            reference.time_is(now_ns)
            told += driver.advance(now_ns)
            if step.verb == "request":
                told += driver.request(now_ns, *pair, backlog=step.backlog)
                reference.request(pair, now_ns, backlog=step.backlog)
            elif step.verb == "answer":
                told += driver.answer(now_ns, *pair, backlog=step.backlog)
                reference.answer(pair, now_ns, backlog=step.backlog)
        told += driver.ledger.take()
        assert told == reference.told
        assert driver.fleet.pending == len(reference.open())
