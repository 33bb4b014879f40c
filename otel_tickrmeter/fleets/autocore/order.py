"""The order of one device's messages on one topic: rule 5 of docs/autocore.md.

Devices' clocks say it where they can be trusted: what is older than what is known, by more than SLACK_NS, is
late. Within that, arrival decides, because many stamps are whole seconds. The same content with the same
stamp is a duplicate, however a broker came to deliver it again.
"""

from enum import Enum, auto
from zlib import crc32

SLACK_NS = 2_000_000_000
"""A message may be this much older than the newest and is not late."""
SAME_NS = 1_000_000_000
"""Messages are late by about the same when that differs by no more: whole seconds are cut off."""
TURNED_BACK = 3
"""So many late ones in a row, by about the same: the clock was set back."""
_MOST_RECENT = 32


def content_mark(payload: bytes) -> int:
    """What tells the contents of a topic apart: the same in every program that reads them.

    Whoever could aim at one may publish on the topic, and has simpler ways to be believed.
    """
    return crc32(payload)


class Verdict(Enum):
    """What a message is, by its stamp."""

    FRESH = auto()
    LATE = auto()
    DUPLICATE = auto()


class Order:
    """Knows the newest trusted stamp, and which contents came with the stamps shortly before it.

    Attributes:
        newest_ns: The newest stamp; None before the first.
        recent: By those shortly before it and itself: the mark of the content that came with it last.
        late_in_a_row: How many came late, one after the other, by about the same.
        late_by_ns: By how much the first of them did.
        late_stamp_ns: The stamp of the last that came late.
        late_content: The mark of its content.
    """

    __slots__ = ("late_by_ns", "late_content", "late_in_a_row", "late_stamp_ns", "newest_ns", "recent")

    def __init__(self) -> None:
        self.newest_ns: int | None = None
        self.recent: dict[int, int] = {}
        self.late_in_a_row = 0
        self.late_by_ns = 0
        self.late_stamp_ns = 0
        self.late_content = 0

    def judge(self, stamp_ns: int, arrived_ns: int, content: int, *, waited: bool = False) -> Verdict:
        """Judge a message that has a trusted stamp, and remember it if it is fresh.

        Args:
            stamp_ns: Its stamp, Unix nanoseconds.
            arrived_ns: Its arrival, Unix nanoseconds.
            content: The mark of its payload: see `content_mark`.
            waited: It waited somewhere, so how late it arrived says nothing about its clock.
        """
        recent = self.recent
        newest_ns = self.newest_ns
        if newest_ns is not None:
            if recent.get(stamp_ns) == content:
                return Verdict.DUPLICATE
            if stamp_ns < newest_ns - SLACK_NS:
                # One that is delivered again and again is no more late than once.
                again = (stamp_ns, content) == (self.late_stamp_ns, self.late_content)
                if waited or again or not self._turned_back(stamp_ns, arrived_ns, content):
                    return Verdict.LATE
                recent.clear()
                newest_ns = None
        self.late_in_a_row = 0
        # Put behind the others, so that the oldest give way.
        recent.pop(stamp_ns, None)
        recent[stamp_ns] = content
        if newest_ns is None or stamp_ns > newest_ns:
            self.newest_ns = newest_ns = stamp_ns
        oldest_ns = next(iter(recent))
        while oldest_ns < newest_ns - SLACK_NS or len(recent) > _MOST_RECENT:
            del recent[oldest_ns]
            oldest_ns = next(iter(recent))
        return Verdict.FRESH

    def _turned_back(self, stamp_ns: int, arrived_ns: int, content: int) -> bool:
        """Note a late message; says whether it is the one that shows that the clock was set back."""
        self.late_stamp_ns = stamp_ns
        self.late_content = content
        late_by_ns = arrived_ns - stamp_ns
        if self.late_in_a_row and abs(late_by_ns - self.late_by_ns) <= SAME_NS:
            self.late_in_a_row += 1
        else:
            self.late_in_a_row = 1
            self.late_by_ns = late_by_ns
        return self.late_in_a_row >= TURNED_BACK
