"""The order of one device's messages on one topic: rule 5 of docs/autocore.md.

Devices' clocks say it where they can be trusted: what is older than what is known, by more than SLACK_NS, is
late. Within that, arrival decides, because many stamps are whole seconds. The same content with the same
stamp is a duplicate, however a broker came to deliver it again.
"""

from enum import Enum, auto

SLACK_NS = 2_000_000_000
"""A message may be this much older than the newest and is not late."""
SAME_NS = 1_000_000_000
"""Messages are late by about the same when that differs by no more: whole seconds are cut off."""
TURNED_BACK = 3
"""So many late ones in a row, by about the same: the clock was set back."""
_MOST_RECENT = 32


class Verdict(Enum):
    """What a message is, by its stamp."""

    FRESH = auto()
    LATE = auto()
    DUPLICATE = auto()


class Order:
    """Knows the newest trusted stamp, and which contents came with the stamps shortly before it."""

    __slots__ = ("_late_by_ns", "_late_content", "_late_in_a_row", "_newest_ns", "_recent")

    def __init__(self) -> None:
        self._newest_ns: int | None = None
        self._recent: dict[int, int] = {}
        self._late_in_a_row = 0
        self._late_by_ns = 0
        self._late_content = (0, 0)

    def judge(self, stamp_ns: int, arrived_ns: int, content: int, *, waited: bool = False) -> Verdict:
        """Judge a message that has a trusted stamp, and remember it if it is fresh.

        Args:
            stamp_ns: Its stamp, Unix nanoseconds.
            arrived_ns: Its arrival, Unix nanoseconds.
            content: A hash of its payload.
            waited: It waited somewhere, so how late it arrived says nothing about its clock.
        """
        recent = self._recent
        newest_ns = self._newest_ns
        if newest_ns is not None:
            if recent.get(stamp_ns) == content:
                return Verdict.DUPLICATE
            if stamp_ns < newest_ns - SLACK_NS:
                late = (stamp_ns, content)
                # One that is delivered again and again is no more late than once.
                if waited or late == self._late_content or not self._turned_back(late, arrived_ns):
                    return Verdict.LATE
                recent.clear()
                newest_ns = None
        self._late_in_a_row = 0
        # Put behind the others, so that the oldest give way.
        recent.pop(stamp_ns, None)
        recent[stamp_ns] = content
        if newest_ns is None or stamp_ns > newest_ns:
            self._newest_ns = newest_ns = stamp_ns
        oldest_ns = next(iter(recent))
        while oldest_ns < newest_ns - SLACK_NS or len(recent) > _MOST_RECENT:
            del recent[oldest_ns]
            oldest_ns = next(iter(recent))
        return Verdict.FRESH

    def _turned_back(self, late: tuple[int, int], arrived_ns: int) -> bool:
        """Note a late message; says whether it is the one that shows that the clock was set back."""
        self._late_content = late
        late_by_ns = arrived_ns - late[0]
        if self._late_in_a_row and abs(late_by_ns - self._late_by_ns) <= SAME_NS:
            self._late_in_a_row += 1
        else:
            self._late_in_a_row = 1
            self._late_by_ns = late_by_ns
        return self._late_in_a_row >= TURNED_BACK
