"""When something was saved, so that its times can be told on another clock."""

from typing import NamedTuple


class Moment(NamedTuple):
    """A moment on the clocks of a machine, nanoseconds.

    `boot` names the run of the machine that its monotonic clock belongs to; empty where that is not known.
    """

    boot: str
    monotonic_ns: int
    unix_ns: int


def shift_between(saved: Moment, now: Moment) -> int:
    """What to add to a monotonic time of `saved` for one of `now`, nanoseconds.

    While the machine runs on it is 0, whatever anybody does to the wall clock. Across a reboot or on another
    machine there is nothing but the wall clock: when it was set forward, what was saved looks that much
    older; when it was set back, as if no time had passed.
    """
    if saved.boot and saved.boot == now.boot and saved.monotonic_ns <= now.monotonic_ns:
        return 0
    down_ns = max(0, now.unix_ns - saved.unix_ns)
    return now.monotonic_ns - down_ns - saved.monotonic_ns
