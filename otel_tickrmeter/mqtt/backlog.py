"""Which messages waited before we could read them, so that their arrival times mean nothing.

Pure: times come in as arguments, in nanoseconds. Two clocks are involved. `now_ns` is the monotonic one
that stamps messages. `alive_ns` is one that runs on while the machine is suspended (CLOCK_BOOTTIME).
"""

from otel_tickrmeter.mqtt.drain import Drain
from otel_tickrmeter.stream.second import SECOND_NS

STALL_SECONDS = 1.0
"""Not having read for longer than this is a stall: ten times the first latency bucket's limit."""

STALL_GRACE_SECONDS = 1.0
"""After a stall the socket may be read empty while more is under way: what found no room in its buffer
waited at the broker, and comes as the window opens again, round trip by round trip. Seen even on a loopback
interface: 50 MB/s and a stall of 2 s left 78 late messages behind the first empty socket."""

BACKLOG_SECONDS = 5.0
"""After a session was resumed, at least: a broker may take a moment to begin with its queue."""


class BacklogWatch:
    """Notices stalls, and says whether what is read now is a backlog."""

    def __init__(self, alive_ns: int) -> None:
        self._alive_ns = alive_ns
        self._until_ns = 0
        self._until_drained = False
        self._doubted = False
        self._drain: Drain | None = None

    def beat(self, alive_ns: int, now_ns: int, allowed_seconds: float = 0.0) -> float | None:
        """Tell that we are awake; call it before and after whatever may take time.

        `allowed_seconds` is how long we meant to be away since the last call. Returns the seconds that
        we were away, when that is a stall.
        """
        away = (alive_ns - self._alive_ns) / SECOND_NS
        self._alive_ns = alive_ns
        if away < allowed_seconds + STALL_SECONDS:
            return None
        self._until_drained = True
        self._until_ns = max(self._until_ns, now_ns + int(STALL_GRACE_SECONDS * SECOND_NS))
        return away

    def excuse(self, alive_ns: int) -> None:
        """The time since the last beat is accounted for: we were connecting, there was nothing to read."""
        self._alive_ns = alive_ns

    def resumed(self, now_ns: int) -> None:
        """The broker kept a session for us, and what it queued comes now, for as long as it takes."""
        self._drain = Drain()
        self._until_ns = max(self._until_ns, now_ns + int(BACKLOG_SECONDS * SECOND_NS))

    def asked(self, read: int) -> None:
        """A ping is under way. `read` messages at QoS 1 and 2 came on this connection so far."""
        if self._drain is not None:
            self._drain.asked(read)

    def answered(self, read: int) -> None:
        """The broker has answered it; `read` is as for `asked`."""
        if self._drain is not None:
            self._drain.answered(read)
            if self._drain.over:
                self._drain = None

    def doubted(self) -> None:
        """The broker owes us an answer: what comes now may have waited with it, or on its way."""
        self._doubted = True

    def heard(self, now_ns: int) -> None:
        """It has answered. More may be under way, as after a stall of ours."""
        self._doubted = False
        self._until_ns = max(self._until_ns, now_ns + int(STALL_GRACE_SECONDS * SECOND_NS))

    def drained(self) -> None:
        """The socket was read until it was empty."""
        self._until_drained = False

    def disconnected(self) -> None:
        """The next connection starts with nothing behind it."""
        self._until_drained = False
        self._doubted = False
        self._drain = None
        self._until_ns = 0

    def active(self, now_ns: int) -> bool:
        """Whether what was read at `now_ns` is a backlog."""
        return self._until_drained or self._doubted or self._drain is not None or now_ns < self._until_ns
