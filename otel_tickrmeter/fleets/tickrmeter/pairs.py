"""Open requests: at most one for each pair, in the order in which they will time out.

The rules this file keeps:

1. Latency is the time between the arrivals of request and answer at the socket.
2. A request times out only when something that the broker sent after its deadline has been read: an empty
   socket proves nothing, and nothing the exporter was busy with can make a timeout of an answer in time.
3. A second request before the answer supersedes the first. Latency runs from the newer one; the deadline
   runs from the first since the pair's last outcome, so that who asks every ten seconds and is never
   answered has timed out after `timeout_ns`, and again after each further one.
4. What cannot be known is not guessed. An *epoch* is a stretch in which everything was read as it came. A
   latency is only measured, and a timeout only declared, within one. What crosses two ends as answered
   without a latency, or as abandoned; a request that supersedes one of an earlier epoch has a new deadline.
5. When the timeout changes, an open request keeps its deadline; but none outlasts a request of that moment.
6. An answer without an open request is late, a duplicate or unsolicited, by how its pair ended last.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from otel_tickrmeter.fleets.tickrmeter.device import Pair
from otel_tickrmeter.fleets.tickrmeter.outcomes import Outcomes
from otel_tickrmeter.fleets.tickrmeter.reason import UnmatchedReason
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol

_UNTRUSTED = -1


@dataclass(slots=True)
class Account:
    """Requests since the start and how they ended: the ends and what is pending add up to `requested`."""

    requested: int = 0
    answered: int = 0
    timeout: int = 0
    superseded: int = 0
    abandoned: int = 0


class Pairs:
    """The pending table.

    Args:
        timeout_ns: How long an answer may take, its last nanosecond included.
        memory_ns: How long ago a request may have ended for its second or late answer to be told apart
            from an unsolicited one.
        outcomes: Told how each request ends.
    """

    def __init__(self, timeout_ns: int, memory_ns: int, outcomes: Outcomes) -> None:
        self._timeout_ns = timeout_ns
        self._memory_ns = memory_ns
        self._outcomes = outcomes
        self._open: OrderedDict[Pair, None] = OrderedDict()
        self._epoch = 0
        self._timeouts_in_a_row = 0
        self.account = Account()

    @property
    def timeouts_in_a_row(self) -> int:
        """Timeouts since the last answer of any kind, or since the connection was last lost."""
        return self._timeouts_in_a_row

    @property
    def pending(self) -> int:
        """Number of open requests."""
        return len(self._open)

    def open_symbols(self) -> Iterable[Symbol]:
        """The symbol of each open request."""
        return (pair.symbol for pair in self._open)

    @property
    def epoch(self) -> int:
        """The current epoch."""
        return self._epoch

    def use(self, timeout_ns: int, memory_ns: int, now_ns: int) -> None:
        """Go by other durations from `now_ns` on, which no request that comes is older than."""
        self._timeout_ns = timeout_ns
        self._memory_ns = memory_ns
        # In the order of their deadlines they stay that way.
        for pair in self._open:
            pair.deadline_ns = min(pair.deadline_ns, now_ns + timeout_ns)

    def recall(self, account: Account, open_pairs: Iterable[Pair]) -> None:
        """Take over an account, and pairs whose requests were open in it: to be abandoned at once."""
        self.account = account
        self._open.update(dict.fromkeys(open_pairs))

    def request(self, pair: Pair, at_ns: int, *, backlog: bool) -> None:
        """Open the pair; an open request of it is superseded."""
        if pair.opened_ns is None:
            self._open[pair] = None
            pair.deadline_ns = at_ns + self._timeout_ns
        else:
            self.account.superseded += 1
            self._outcomes.superseded(pair)
            if backlog or pair.epoch != self._epoch:
                self._open.move_to_end(pair)
                pair.deadline_ns = at_ns + self._timeout_ns
        pair.opened_ns = at_ns
        pair.epoch = _UNTRUSTED if backlog else self._epoch
        self.account.requested += 1
        self._outcomes.requested(pair)

    def respond(self, pair: Pair | None, at_ns: int, *, backlog: bool) -> None:
        """Close the pair, or say why the answer closes nothing."""
        self._timeouts_in_a_row = 0
        if pair is None:
            self._outcomes.unmatched(UnmatchedReason.UNSOLICITED)
        elif pair.opened_ns is not None:
            trusted = pair.epoch == self._epoch and not backlog
            latency_ns = at_ns - pair.opened_ns if trusted else None
            self._close(pair, at_ns)
            pair.closed = "answered"
            if latency_ns is not None:
                pair.symbol.window.add_answer(at_ns, latency_ns)
            self.account.answered += 1
            self._outcomes.answered(pair, latency_ns)
        elif at_ns - pair.closed_ns > self._memory_ns or pair.closed in (None, "abandoned"):
            self._outcomes.unmatched(UnmatchedReason.UNSOLICITED)
        elif pair.closed == "timeout":
            self._outcomes.unmatched(UnmatchedReason.LATE)
        else:
            self._outcomes.unmatched(UnmatchedReason.DUPLICATE)

    def expire(self, now_ns: int) -> None:
        """End every request whose deadline has passed: all that was sent before now_ns has been read."""
        while self._open:
            pair = next(iter(self._open))
            deadline_ns = pair.deadline_ns
            if deadline_ns >= now_ns:
                return
            if pair.epoch != self._epoch:
                self.abandon(pair, deadline_ns)
                continue
            opened_ns = deadline_ns if pair.opened_ns is None else pair.opened_ns
            self._close(pair, deadline_ns)
            self._timeouts_in_a_row += 1
            pair.closed = "timeout"
            pair.symbol.window.add_timeout(deadline_ns)
            self.account.timeout += 1
            self._outcomes.timed_out(pair, deadline_ns - opened_ns)

    def distrust(self) -> None:
        """Begin a new epoch: messages may have been lost, or have waited unread."""
        self._epoch += 1

    def abandon_all(self, at_ns: int) -> None:
        """The connection is lost: no answer to an open request can be seen any more."""
        self.distrust()
        self._timeouts_in_a_row = 0
        while self._open:
            self.abandon(next(iter(self._open)), at_ns)

    def abandon(self, pair: Pair, at_ns: int) -> None:
        """End the pair's open request, if there is one, without a verdict."""
        if pair.opened_ns is not None:
            self._close(pair, at_ns)
            pair.closed = "abandoned"
            self.account.abandoned += 1
            self._outcomes.abandoned(pair)

    def _close(self, pair: Pair, at_ns: int) -> None:
        del self._open[pair]
        pair.opened_ns = None
        pair.closed_ns = at_ns
