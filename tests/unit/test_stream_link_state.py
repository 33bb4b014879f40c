import pytest

from otel_tickrmeter.stream.link_state import LinkState


def test_it_starts_unusable_and_says_why() -> None:
    link = LinkState(100)
    assert not link.usable
    assert link.trouble == "not connected to the broker yet"
    assert link.up_share(200) == 0.0
    assert link.last_message_ns is None


def test_down_remembers_how_long_it_was_up() -> None:
    link = LinkState(100)
    link.subscribed_ns = 200
    assert link.usable
    assert link.up_share(300) == 0.5
    link.down(350, "connection lost")
    assert not link.usable
    assert link.trouble == "connection lost"
    assert link.up_share(400) == 0.5
    link.subscribed_ns = 400
    assert link.up_share(500) == 250 / 400


def test_since_when_there_is_none() -> None:
    link = LinkState(100)
    assert link.down_since_ns == 100
    link.down(150, "refused")
    assert link.down_since_ns == 100
    link.subscribed_ns = 200
    assert link.down_since_ns is None
    link.down(300, "lost")
    link.down(400, "refused")
    assert link.down_since_ns == 300


def test_down_twice_counts_once() -> None:
    link = LinkState(100)
    link.subscribed_ns = 100
    link.down(150, "lost")
    link.down(180, "refused")
    assert link.trouble == "refused"
    assert link.earlier_ns == 50


@pytest.mark.parametrize("subscribed_ns", [0, 5])
def test_any_time_is_a_time(subscribed_ns: int) -> None:
    # A replay's clock may begin at nothing.
    link = LinkState(0, subscribed_ns=subscribed_ns)
    assert link.up_share(10) == (10 - subscribed_ns) / 10


def test_the_share_is_bounded_even_where_no_time_has_passed() -> None:
    link = LinkState(100, subscribed_ns=90)
    assert link.up_share(100) == 1.0
    assert LinkState(100).up_share(100) == 0.0


def test_a_log_that_cannot_be_used_is_the_first_to_be_said() -> None:
    link = LinkState(0)
    link.tell_of_log("Kafka: gone")
    assert link.unusable_reason == "Kafka: gone"
    link.tell_of_log("")
    assert link.unusable_reason == "not connected to the broker yet"
