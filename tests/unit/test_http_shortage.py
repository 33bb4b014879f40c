"""A shortage of descriptors is said once, then now and then with the count, and at its end."""

from otel_tickrmeter.http.shortage import CALM_SECONDS, SAY_SECONDS, Shortage


def test_the_first_failure_is_said_and_those_that_follow_are_counted() -> None:
    shortage = Shortage()
    assert shortage.failed(100.0) == 1
    said = [shortage.failed(100.0 + second) for second in range(1, 121)]
    assert [each for each in said if each is not None] == [1 + int(SAY_SECONDS), 1 + 2 * int(SAY_SECONDS)]


def test_what_is_accepted_in_between_is_no_end() -> None:
    """Attack B9: of 400 connections every second one was the first to fail again, 85 lines a second."""
    shortage = Shortage()
    shortage.failed(100.0)
    for _ in range(400):
        assert shortage.accepted(101.0) is None
        assert shortage.failed(101.0) is None
    assert shortage.accepted(101.0 + CALM_SECONDS) == 401
    assert shortage.accepted(102.0 + CALM_SECONDS) is None


def test_after_a_calm_it_is_another_one() -> None:
    shortage = Shortage()
    shortage.failed(100.0)
    shortage.failed(100.0)
    assert shortage.failed(100.0 + CALM_SECONDS) == 1
