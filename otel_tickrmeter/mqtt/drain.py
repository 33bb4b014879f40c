"""When the queue that a broker kept for our session has been read to its end.

A broker does not say so, and live traffic comes in between. What shows it is what comes between a ping and
its answer, and from one answer to the next:

- A broker that answers in order (Mosquitto) puts the answer behind what fills its window: thousands of
  messages while the queue lasts, hardly any afterwards.
- With others the answer overtakes the queue (NATS; RabbitMQ, where 0 to 10 of 500 messages came before it).
  There the rate shows it: the queue comes as fast as both ends can, live traffic is slower.

So both must have fallen, for some seconds. A queue that was no larger than a second of live traffic leaves no
rate to fall from: then quiet rounds alone will do, but more of them. Pure: counts are passed in.
"""

QUIET_SECONDS = 3
"""So many rounds in a row in which both were less than half of the largest seen. A round takes a second."""

QUIET_ROUNDS = 30
"""So many in a row in which only the messages between ping and answer were so few. With RabbitMQ, two rounds
in three were while its queue lasted."""


class Drain:
    """Counts are those of all messages at QoS 1 and 2 read on this connection so far."""

    def __init__(self) -> None:
        self.over = False
        self._asked = 0
        self._answered = 0
        self._largest_round = 0
        self._largest_second = 0
        self._quiet_rounds = 0
        self._quiet_seconds = 0

    def asked(self, read: int) -> None:
        """A ping is under way, and everything read before has been acknowledged."""
        self._asked = read

    def answered(self, read: int) -> None:
        """Its answer came."""
        in_round, in_second = read - self._asked, read - self._answered
        self._answered = read
        self._largest_round = max(self._largest_round, in_round)
        self._largest_second = max(self._largest_second, in_second)
        if not _few(in_round, self._largest_round):
            self._quiet_rounds = self._quiet_seconds = 0
            return
        self._quiet_rounds += 1
        self._quiet_seconds = self._quiet_seconds + 1 if _few(in_second, self._largest_second) else 0
        self.over = self._quiet_seconds >= QUIET_SECONDS or self._quiet_rounds >= QUIET_ROUNDS


def _few(count: int, largest: int) -> bool:
    return count == 0 or 2 * count < largest
