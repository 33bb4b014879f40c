"""Unix time is steady until somebody sets the clock."""

from otel_tickrmeter.wall_clock import STEP_NS, SteadyOffset


def test_it_changes_when_the_clock_was_set_and_not_before() -> None:
    measured = [5_000_000]
    offset = SteadyOffset(lambda: measured[0])
    for by_ns in (0, STEP_NS, -STEP_NS):
        measured[0] = 5_000_000 + by_ns
        assert offset.now() == 5_000_000
    measured[0] = 5_000_000 + STEP_NS + 1
    assert offset.now() == measured[0]


def test_of_the_past_it_says_what_was_so_then() -> None:
    offset = SteadyOffset(lambda: 5)
    offset.tell_past(7)
    assert offset.now() == 7
    offset.tell_past(None)
    assert offset.now() == 5
