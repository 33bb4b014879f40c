"""When to ask the broker for a sign of life, and what the lack of an answer means.

An empty socket proves nothing: the network may drop everything, or the broker may stand still. Only what the
broker sends proves that it could have sent an answer before it. So it is asked, whatever the traffic.

Pure: times come in as arguments, in nanoseconds of the monotonic clock.
"""

from otel_tickrmeter.stream.second import SECOND_NS

PROBE_SECONDS = 1.0
"""From one probe to the next. On an idle link a request is found to have timed out that much late."""

ANSWER_SECONDS = 1.0
"""An answer that takes longer is overdue; the same bound as that of a stall."""


class Probe:
    """Asks one question at a time. Runs from `start` to `stop`."""

    def __init__(self) -> None:
        self._next_ns: int | None = None
        self._asked_ns: int | None = None
        self._doubted = False

    @property
    def waiting(self) -> bool:
        """Whether a question is open."""
        return self._asked_ns is not None

    def start(self, now_ns: int) -> None:
        """The first question is due."""
        self._next_ns = now_ns

    def stop(self) -> None:
        """There is nobody to ask any more."""
        self._next_ns = None
        self._asked_ns = None
        self._doubted = False

    def due(self, now_ns: int) -> bool:
        """Whether to ask now."""
        return self._next_ns is not None and self._asked_ns is None and now_ns >= self._next_ns

    def asked(self, now_ns: int) -> None:
        """The question is on its way, or would be if the socket took it."""
        self._asked_ns = now_ns
        self._next_ns = now_ns + int(PROBE_SECONDS * SECOND_NS)

    def excuse(self, now_ns: int) -> None:
        """We did not run: the answer may have been there all the while, so its time begins anew."""
        if self._asked_ns is not None:
            self._asked_ns = max(self._asked_ns, now_ns)

    def overdue(self, read_ns: int) -> float | None:
        """For how long the answer has been missing, seconds; said once for each question.

        `read_ns` is when the socket was last read.
        """
        if self._doubted or self._asked_ns is None:
            return None
        seconds = (read_ns - self._asked_ns) / SECOND_NS
        self._doubted = seconds >= ANSWER_SECONDS
        return seconds if self._doubted else None

    def given_up(self, read_ns: int, heard_ns: int, seconds: float) -> bool:
        """Whether the answer has been overdue, and the broker silent, for that long."""
        if self._asked_ns is None:
            return False
        since_ns = max(heard_ns, self._asked_ns + int(ANSWER_SECONDS * SECOND_NS))
        return read_ns - since_ns >= seconds * SECOND_NS

    def answered(self, now_ns: int) -> float | None:
        """The answer came; after how long, seconds, when it had been overdue."""
        asked_ns, self._asked_ns = self._asked_ns, None
        doubted, self._doubted = self._doubted, False
        return (now_ns - asked_ns) / SECOND_NS if doubted and asked_ns is not None else None
