"""Which notices go out: the same one seldom, and never a flood.

The rules this file keeps:

1. Of notices about the same thing one goes out in `min_interval_ns`.
2. Beyond `max_per_minute` they are counted, and at the end of the minute one digest says how many of each
   kind there were.
"""

from collections import Counter
from datetime import datetime

from otel_tickrmeter.notify.notice import Notice, NoticeKind, NoticeSeverity

MINUTE_NS = 60_000_000_000
MOST_REMEMBERED = 10_000
"""Things that were told of; the oldest give way."""


class Policy:
    """Decides; times are monotonic nanoseconds, and never go back."""

    def __init__(self, min_interval_ns: int, max_per_minute: int) -> None:
        self._min_interval_ns = min_interval_ns
        self._max_per_minute = max_per_minute
        # When each thing was told of, in that order.
        self._told: dict[str, int] = {}
        self._minute_end_ns = 0
        self._in_minute = 0
        self._digested: Counter[NoticeKind] = Counter()
        self._worst = NoticeSeverity.INFO

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
        """Whether there is no room for it in this minute; then it is in the digest."""
        if now_ns >= self._minute_end_ns and not self._digested:
            self._minute_end_ns = now_ns + MINUTE_NS
            self._in_minute = 0
        if self._in_minute < self._max_per_minute and now_ns < self._minute_end_ns:
            self._in_minute += 1
            return False
        self._digested[notice.kind] += 1
        if notice.severity is NoticeSeverity.CRITICAL or self._worst is NoticeSeverity.INFO:
            self._worst = notice.severity
        return True

    def digest(self, now_ns: int, at: datetime) -> Notice | None:
        """What is to be told of a minute that is over, if there were too many in it."""
        if not self._digested or now_ns < self._minute_end_ns:
            return None
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(self._digested.items()))
        notice = Notice(
            NoticeKind.DIGEST, self._worst, f"{self._digested.total()} further notices: {told}.", at
        )
        self._digested.clear()
        self._worst = NoticeSeverity.INFO
        return notice
