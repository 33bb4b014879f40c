"""One attempt to connect after the other: how long to wait, and what a row of short connections means.

Pure: times come in with the events, in nanoseconds.

Two clients with one client id take each other's session over for ever, and each attempt succeeds. So the wait
starts over only when a connection has lasted for longer than the other may have waited. Which it is, MQTT 5
can say (reason 0x8E); by MQTT 3.1.1, and by Mosquitto before 2.0.15 in any version, the connection is just
closed. Then it shows in the pattern: closed soon after the subscription, time and again, with a broker that
is there each time.
"""

from dataclasses import replace

from otel_tickrmeter.mqtt.backoff import Backoff
from otel_tickrmeter.stream.message import Lost, Refused
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.second import SECOND_NS

ROW = 3
"""So many short connections in a row are the work of another client."""

SHORT_SECONDS = 10.0
"""A connection that was closed within this was short; or within the first `ROW` waits of another client like
ours, where `min_delay` makes those longer."""

SETTLE_SECONDS = 5.0
"""To connect and subscribe: what the other client needs beyond its longest wait."""

_CLOSED = frozenset({LinkReason.CLOSED_BY_BROKER, LinkReason.CONNECTION_RESET})


class Attempts:
    """Told of each connection's beginning and end.

    Args:
        client_id: For what is said of a client that has the same one.
        min_delay: Lower bound of the wait, seconds.
        max_delay: Upper bound of the wait, seconds.
        backoff: Gives the waits; by default between these bounds.
    """

    def __init__(
        self, client_id: str, min_delay: float, max_delay: float, backoff: Backoff | None = None
    ) -> None:
        self._client_id = client_id
        self._short_ns = int(max(SHORT_SECONDS, min_delay * 2**ROW) * SECOND_NS)
        self._settle_ns = int((max_delay + SETTLE_SECONDS) * SECOND_NS)
        self._backoff = backoff or Backoff(min_delay, max_delay)
        self._subscribed_ns: int | None = None
        self._settled = False
        self._row = 0

    def next_delay(self) -> float:
        """How long to wait before the next attempt, seconds."""
        return self._backoff.next_delay()

    def subscribed(self, at_ns: int) -> None:
        """The connection works."""
        self._subscribed_ns = at_ns
        self._settled = False

    def settles(self, now_ns: int) -> bool:
        """Whether the connection has lasted by now; true once for each."""
        since_ns = self._subscribed_ns
        if self._settled or since_ns is None or now_ns - since_ns < self._settle_ns:
            return False
        self._settled = True
        self._row = 0
        self._backoff.reset()
        return True

    def ended(self, event: Refused | Lost) -> Refused | Lost:
        """The connection, or the attempt, is over. Returns the event, with its reason when we know better."""
        since_ns, self._subscribed_ns = self._subscribed_ns, None
        if isinstance(event, Refused):
            if self._row < ROW:  # a broker that restarts closes connections, and then is away for a moment
                self._row = 0
            return event
        if event.reason == LinkReason.SESSION_TAKEN_OVER:
            self._row = ROW
            return self._taken_over(event, "uses")
        if event.reason not in _CLOSED or since_ns is None:
            return event
        if event.at_ns - since_ns < self._short_ns:
            self._row += 1
        return self._taken_over(event, "seems to use") if self._row >= ROW else event

    def _taken_over(self, event: Lost, uses: str) -> Lost:
        detail = f"another client {uses} the client id {self._client_id!r}: set mqtt.client_id"
        return replace(event, reason=LinkReason.SESSION_TAKEN_OVER, detail=detail)
