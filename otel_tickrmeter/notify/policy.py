"""Which notices go out: the same one seldom, and never a flood.

The rules this file keeps:

1. Of notices about the same thing one goes out in `min_interval_ns`.
2. In no 60 seconds do more than `max_per_minute` go out. What is too much begins a minute in which all are
   only counted; at its end one digest says how many of each kind there were.
"""

from collections import Counter, deque
from datetime import datetime

from otel_tickrmeter.notify.notice import Notice, NoticeKind, NoticeSeverity

MINUTE_NS = 60_000_000_000
MOST_REMEMBERED = 10_000
"""Things that were told of; the oldest give way."""


class Policy:
    """Decides; times are monotonic nanoseconds, and never go back."""

    def __init__(self, min_interval_ns: int, max_per_minute: int) -> None:
        self._min_interval_ns = min_interval_ns
        # When the last ones went out: as many as there may be in a minute.
        self._sent: deque[int] = deque(maxlen=max_per_minute)
        # When each thing was told of, in that order.
        self._told: dict[str, int] = {}
        self._digest_due_ns = 0
        self._digested: Counter[NoticeKind] = Counter()
        self._worst = NoticeSeverity.INFO

    def use(self, min_interval_ns: int, max_per_minute: int) -> None:
        """Go by these from now on; what was told is remembered."""
        self._min_interval_ns = min_interval_ns
        self._sent = deque(self._sent, maxlen=max_per_minute)

    def repeats(self, notice: Notice, now_ns: int) -> bool:
        """Whether the same was told not long ago; if not, from now on it was."""
        key = notice.dedupe_key
        told_ns = self._told.get(key)
        if told_ns is not None and now_ns - told_ns < self._min_interval_ns:
            return True
        self._told.pop(key, None)
        self._told[key] = now_ns
        if len(self._told) > MOST_REMEMBERED:
            del self._told[next(iter(self._told))]
        return False

    def floods(self, notice: Notice, now_ns: int) -> bool:
        """Whether there is no room for it; then it is in the next digest."""
        if not self._digested:
            sent = self._sent
            if len(sent) < (sent.maxlen or 0) or now_ns - sent[0] >= MINUTE_NS:
                sent.append(now_ns)
                return False
            self._digest_due_ns = now_ns + MINUTE_NS
        self._digested[notice.kind] += 1
        if notice.severity is NoticeSeverity.CRITICAL or self._worst is NoticeSeverity.INFO:
            self._worst = notice.severity
        return True

    def digest(self, now_ns: int, at: datetime) -> Notice | None:
        """What is to be told of those that were only counted, when their minute is over."""
        if not self._digested or now_ns < self._digest_due_ns:
            return None
        self._sent.append(now_ns)
        return self.rest(at)

    def rest(self, at: datetime) -> Notice | None:
        """What is to be told of those that were only counted, now that no more will come."""
        if not self._digested:
            return None
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(self._digested.items()))
        notice = Notice(
            NoticeKind.DIGEST, self._worst, f"{self._digested.total()} further notices: {told}.", at
        )
        self._digested.clear()
        self._worst = NoticeSeverity.INFO
        return notice
