"""Unix time is steady until somebody sets the clock."""

from otel_tickrmeter.wall_clock import STEP_NS, SteadyOffset


def test_it_changes_when_the_clock_was_set_and_not_before() -> None:
    measured = [5_000_000]
    offset = SteadyOffset(lambda: measured[0])
    for by_ns in (0, STEP_NS, -STEP_NS):
        measured[0] = 5_000_000 + by_ns
        assert offset.now() == 5_000_000
    measured[0] = 5_000_000 + STEP_NS + 1
    assert offset.now() == 5_000_000 + STEP_NS


def test_two_processes_that_measure_it_apart_find_the_same() -> None:
    measured = [5_000_123]
    ours = SteadyOffset(lambda: measured[0])
    theirs = SteadyOffset(lambda: measured[0] + 3_000, since_start_ns=ours.now())
    assert theirs.now() == ours.now() == 5_000_123
    measured[0] = 90_000_123
    assert theirs.now() == ours.now() == 90_000_000


def test_who_is_held_up_while_it_measures_takes_no_clock_for_set() -> None:
    measured = [5_000_000, 1_000_000, 5_000_000, 5_000_000]
    offset = SteadyOffset(lambda: measured.pop(0))
    assert [offset.now(), offset.now()] == [5_000_000] * 2


def test_of_the_past_it_says_what_was_so_then() -> None:
    offset = SteadyOffset(lambda: 5)
    offset.tell_past(7)
    assert offset.now() == 7
    offset.tell_past(None)
    assert offset.now() == 5
