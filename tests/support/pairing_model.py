"""What becomes of every request: the rules of docs/messages.md, told from what arrived, again from the start.

Nothing is kept up to date. What happened to a device is a list of facts in the order of their arrival, and
`story` reads it from its first line to its last. It knows nothing of the exporter's own code.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

Kind = Literal["asked", "alive", "answered", "proof", "doubt", "lost", "gone", "patience"]
How = Literal["answered", "timed_out", "superseded", "abandoned", "late", "duplicate", "unsolicited"]


class Fact(NamedTuple):
    """One thing that came to the exporter.

    `asked` and `answered` are the device's request and an answer to it, for `symbol`; of its arrival time
    nothing is known unless it came `live`. `alive` is another message of the device. `proof`: everything
    sent before `at_ns` has been read. `doubt`: what was sent before `at_ns` may be missing, or have waited.
    `lost`: the connection. `gone`: the device was forgotten. `patience`: an answer may take `timeout_ns` now.
    """

    kind: Kind
    at_ns: int
    symbol: str = ""
    live: bool = True
    timeout_ns: int = 0


class End(NamedTuple):
    """How a request ended, or what an answer was that ended none: it has no symbol.

    `latency_ns` is None where nobody can know it.
    """

    how: How
    symbol: str = ""
    latency_ns: int | None = None


def story(facts: Iterable[Fact], timeout_ns: int, memory_ns: int) -> tuple[list[End], int]:
    """Everything that ended for one device, and how many of its requests are open.

    Args:
        facts: All that concerns the device.
        timeout_ns: How long an answer may take.
        memory_ns: For how long the end of a request is remembered.
    """
    teller = _Teller(timeout_ns, memory_ns)
    for fact in facts:
        match fact.kind:
            case "asked":
                teller.asked(fact)
            case "answered":
                teller.answered(fact)
            case "proof":
                teller.proof(fact.at_ns)
            case "doubt":
                teller.doubt(fact.at_ns)
            case "lost":
                teller.doubt(fact.at_ns)
                teller.nobody_can_say(fact.at_ns)
            case "gone":
                teller.nobody_can_say(fact.at_ns)
                teller.over.clear()
            case "patience":
                teller.patience(fact)
    return teller.ends, len(teller.waiting)


def silence_ns(facts: Iterable[Fact]) -> int:
    """For how long the device has said nothing while it could have been heard."""
    read_to_ns = silent_ns = 0
    for fact in facts:
        if fact.kind == "proof":
            silent_ns += max(0, fact.at_ns - read_to_ns)
        if fact.kind in ("asked", "alive"):
            silent_ns = 0
        elif fact.kind in ("proof", "doubt", "lost"):
            read_to_ns = max(read_to_ns, fact.at_ns)
    return silent_ns


@dataclass
class _Open:
    asked_ns: int
    deadline_ns: int
    sure: bool


@dataclass
class _Teller:
    timeout_ns: int
    memory_ns: int
    ends: list[End] = field(default_factory=list)
    waiting: dict[str, _Open] = field(default_factory=dict)
    over: dict[str, tuple[How, int]] = field(default_factory=dict)
    doubted_ns: int = 0

    def asked(self, fact: Fact) -> None:
        deadline_ns = fact.at_ns + self.timeout_ns
        before = self.waiting.get(fact.symbol)
        if before is not None:
            self.ends.append(End("superseded", fact.symbol))
            # Who asks again and again has waited since the first time; if that can be known.
            if fact.live and before.sure:
                deadline_ns = before.deadline_ns
        self.waiting[fact.symbol] = _Open(fact.at_ns, deadline_ns, fact.live)

    def answered(self, fact: Fact) -> None:
        symbol = self._meant(fact.symbol)
        request = self.waiting.get(symbol)
        if request is not None:
            known = request.sure and fact.live
            self._end(symbol, "answered", fact.at_ns, fact.at_ns - request.asked_ns if known else None)
            return
        how, at_ns = self.over.get(symbol, ("abandoned", 0))
        remembered = fact.at_ns - at_ns <= self.memory_ns
        if remembered and how == "timed_out":
            self.ends.append(End("late"))
        elif remembered and how == "answered":
            self.ends.append(End("duplicate"))
        else:
            self.ends.append(End("unsolicited"))

    def doubt(self, at_ns: int) -> None:
        self.doubted_ns = max(self.doubted_ns, at_ns)
        for request in self.waiting.values():
            request.sure = False

    def proof(self, at_ns: int) -> None:
        # What is read in the moment in which a doubt ends has waited as well: it proves nothing yet.
        if at_ns <= self.doubted_ns:
            return
        for symbol, request in list(self.waiting.items()):
            if request.deadline_ns < at_ns:
                self._end(symbol, "timed_out" if request.sure else "abandoned", request.deadline_ns)

    def nobody_can_say(self, at_ns: int) -> None:
        for symbol in list(self.waiting):
            self._end(symbol, "abandoned", at_ns)

    def patience(self, fact: Fact) -> None:
        self.timeout_ns = fact.timeout_ns
        for request in self.waiting.values():
            request.deadline_ns = min(request.deadline_ns, fact.at_ns + fact.timeout_ns)

    def _end(self, symbol: str, how: How, at_ns: int, latency_ns: int | None = None) -> None:
        del self.waiting[symbol]
        self.over[symbol] = (how, at_ns)
        self.ends.append(End(how, symbol, latency_ns))

    def _meant(self, spelled: str) -> str:
        """The symbol that an answer is about: small letters may matter, or not."""
        if spelled in self.waiting:
            return spelled
        open_alike = _alike(spelled, self.waiting)
        if len(open_alike) == 1:
            return open_alike.pop()
        known = open_alike | _alike(spelled, self.over)
        return known.pop() if len(known) == 1 else spelled


def _alike(spelled: str, symbols: Iterable[str]) -> set[str]:
    return {symbol for symbol in symbols if symbol.lower() == spelled.lower()}
