import pytest

from otel_tickrmeter.mqtt.attempts import ROW, SETTLE_SECONDS, SHORT_SECONDS, Attempts
from otel_tickrmeter.mqtt.backoff import Backoff
from otel_tickrmeter.stream.message import Lost, Refused
from otel_tickrmeter.stream.reason import LinkReason

NS = 1_000_000_000
MIN, MAX = 1.0, 60.0


def make(min_delay: float = MIN) -> Attempts:
    """Of waits as long as they may be."""
    return Attempts("me", min_delay, MAX, Backoff(min_delay, MAX, lambda _, high: high))


class Link:
    """A link whose connections are subscribed at once, and end when they are told to."""

    def __init__(self, attempts: Attempts) -> None:
        self.attempts = attempts
        self.now_ns = 0
        self.settled = 0

    def connection(
        self, seconds: float, reason: LinkReason = LinkReason.CLOSED_BY_BROKER
    ) -> tuple[str, float]:
        """One that lasts, looked at ten times a second; the reason of its end, and the wait that follows."""
        self.attempts.subscribed(self.now_ns)
        for _ in range(round(seconds * 10)):
            self.now_ns += NS // 10
            self.settled += self.attempts.settles(self.now_ns)
        return self._over(Lost(self.now_ns, reason, "said"))

    def refusal(self, reason: LinkReason = LinkReason.CONNECTION_REFUSED) -> tuple[str, float]:
        return self._over(Refused(self.now_ns, reason, "said"))

    def _over(self, event: Lost | Refused) -> tuple[str, float]:
        ended = self.attempts.ended(event)
        self.detail = ended.detail
        wait_seconds = self.attempts.next_delay()
        self.now_ns += int(wait_seconds * NS)
        return ended.reason, wait_seconds


def test_the_wait_grows_although_each_attempt_succeeds() -> None:
    link = Link(make())
    assert [link.connection(1)[1] for _ in range(7)] == [2, 4, 8, 16, 32, 60, 60]
    assert link.settled == 0


def test_a_connection_that_lasted_starts_over() -> None:
    link = Link(make())
    for _ in range(6):
        link.connection(1)
    almost = MAX + SETTLE_SECONDS - 1
    assert link.connection(almost) == ("session_taken_over", 60)
    assert link.settled == 0
    assert link.connection(almost + 2) == ("closed_by_broker", 2)
    assert link.settled == 1


def test_a_connection_settles_once() -> None:
    link = Link(make())
    link.connection(10 * MAX)
    assert link.settled == 1


@pytest.mark.parametrize("reason", [LinkReason.CLOSED_BY_BROKER, LinkReason.CONNECTION_RESET])
def test_closed_soon_and_in_a_row_is_another_client(reason: LinkReason) -> None:
    link = Link(make())
    for _ in range(ROW - 1):
        assert link.connection(2, reason)[0] == reason
        assert link.detail == "said"
    assert link.connection(2, reason)[0] == "session_taken_over"
    assert link.detail == "another client seems to use the client id 'me': set mqtt.client_id"
    # Both wait longer and longer now, so that the connections last longer too.
    assert link.connection(50, reason)[0] == "session_taken_over"


def test_a_long_first_connection_is_none_of_the_row() -> None:
    link = Link(make())
    link.connection(1000)
    assert [link.connection(2)[0] for _ in range(ROW)][-2:] == ["closed_by_broker", "session_taken_over"]


def test_what_the_broker_says_outright_is_believed_at_once() -> None:
    link = Link(make())
    assert link.connection(1000, LinkReason.SESSION_TAKEN_OVER)[0] == "session_taken_over"
    assert link.detail == "another client uses the client id 'me': set mqtt.client_id"


def test_a_broker_that_restarts_again_and_again_is_no_other_client() -> None:
    link = Link(make())
    for _ in range(3 * ROW):
        assert link.connection(2)[0] == "closed_by_broker"
        assert link.refusal()[0] == "connection_refused"


def test_a_proxy_that_cuts_what_is_older_than_a_while_is_no_other_client() -> None:
    link = Link(make())
    assert {link.connection(SHORT_SECONDS + 1)[0] for _ in range(3 * ROW)} == {"closed_by_broker"}


def test_other_ends_are_what_they_are() -> None:
    link = Link(make())
    reasons = [LinkReason.KEEPALIVE_TIMEOUT, LinkReason.BROKER_DISCONNECT_QUOTA, LinkReason.PROTOCOL_ERROR]
    for reason in 3 * reasons:
        assert link.connection(2, reason)[0] == reason


def test_before_the_subscription_nothing_is_said() -> None:
    attempts = make()
    for _ in range(3 * ROW):
        assert attempts.ended(Lost(1, LinkReason.CLOSED_BY_BROKER, "said")).reason == "closed_by_broker"


def test_where_the_shortest_wait_is_long_so_are_the_connections_of_the_row() -> None:
    link = Link(make(min_delay=5.0))
    assert [link.connection(seconds)[0] for seconds in (10, 20, 35)][-1] == "session_taken_over"
