"""The last hour of a symbol: sixty minutes, and no older one in the place of a newer."""

import sys

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.habit import MINUTE_NS, SETTLE_NS, Habit
from otel_tickrmeter.fleets.tickrmeter.hour import MINUTES, Hour, Minute
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow, Tally
from otel_tickrmeter.stream.second import SECOND_NS


def test_a_minute_has_its_mean_and_its_rate() -> None:
    hour = Hour()
    hour.note(7, Tally(3, 1, 6_000_001_500))
    hour.note(8, Tally(0, 2, 0))
    answered, silent, nothing = hour.minutes(7, 10)
    assert answered == Minute(7, 3, 1, 2.0)
    assert (answered.timeout_rate, silent.timeout_rate, nothing.timeout_rate) == (0.25, 1.0, None)
    assert (silent.mean_seconds, nothing) == (None, Minute(9, 0, 0, None))


def test_a_mean_is_exact_to_the_microsecond_and_bounded() -> None:
    hour = Hour()
    hour.note(0, Tally(2, 0, 2_469_136))
    hour.note(1, Tally(1, 0, 10**18))
    assert [minute.mean_seconds for minute in hour.minutes(0, 2)] == [0.001234, (2**32 - 1) / 1e6]


@given(st.lists(st.integers(1, 130), max_size=40), st.integers(-3000, 3000))
def test_it_knows_the_last_sixty_minutes_and_nothing_older(steps: list[int], start: int) -> None:
    hour, wanted, now = Hour(), {}, start
    for step in steps:
        now += step
        wanted[now] = Minute(now, step, 0, 1.0)
        hour.note(now, Tally(step, 0, step * SECOND_NS))
    first = max(start, now + 1 - MINUTES)
    expected = [wanted.get(number, Minute(number, 0, 0, None)) for number in range(first, now + 1)]
    assert hour.minutes(first, now + 1) == expected


def test_it_is_small_and_nothing_before_the_first_outcome() -> None:
    hour = Hour()
    (ring,) = (getattr(hour, name) for name in Hour.__slots__)
    assert len(ring) == 0
    for number in range(1000):
        hour.note(number, Tally(1, 1, 5))
    (ring,) = (getattr(hour, name) for name in Hour.__slots__)
    assert sys.getsizeof(ring) < 1200


def hour_of(window: OutcomeWindow, habit: Habit, minutes: int) -> list[Minute]:
    """The hour as it is told when so many minutes are over."""
    return habit.last_hour(window, minutes * MINUTE_NS + SETTLE_NS)


def test_a_symbol_has_the_minutes_that_are_over_since_it_is_known() -> None:
    habit, window = Habit(2 * MINUTE_NS + 1), OutcomeWindow(1000, 15 * MINUTE_NS)
    window.add_answer(2 * MINUTE_NS + 2, SECOND_NS)
    assert habit.last_hour(window, 3 * MINUTE_NS + SETTLE_NS - 1) == []
    window.add_timeout(4 * MINUTE_NS)
    assert hour_of(window, habit, 5) == [
        Minute(2, 1, 0, 1.0),
        Minute(3, 0, 0, None),
        Minute(4, 0, 1, None),
    ]


def test_an_hour_is_remembered_though_the_window_is_shorter() -> None:
    habit, window = Habit(0), OutcomeWindow(1000, 15 * MINUTE_NS)
    for number in range(70):
        window.add_answer(number * MINUTE_NS, (number + 1) * SECOND_NS)
        habit.standing(window, (number + 1) * MINUTE_NS + SETTLE_NS)
    assert hour_of(window, habit, 70) == [Minute(number, 1, 0, number + 1.0) for number in range(10, 70)]


def test_a_restart_keeps_the_hour_and_its_minutes_count_on() -> None:
    habit, window = Habit(0), OutcomeWindow(1000, 15 * MINUTE_NS)
    window.add_answer(0, SECOND_NS)
    assert len(hour_of(window, habit, 3)) == 3
    shift_ns = 100 * MINUTE_NS + 1
    again = Habit(0 + shift_ns)
    # Minutes begin a nanosecond later on the other clock: the one that is under way is the next.
    again.recall(habit.kept(), habit.kept_hour(), shift_ns)
    window.add_answer(104 * MINUTE_NS, 2 * SECOND_NS)
    later = hour_of(window, again, 105)
    assert [(minute.number, minute.answered) for minute in later] == [(101, 1), (102, 0), (103, 0), (104, 1)]


def test_an_hour_goes_on_before_the_start_of_the_machine() -> None:
    habit, window = Habit(0), OutcomeWindow(1000, 15 * MINUTE_NS)
    window.add_answer(0, SECOND_NS)
    window.add_timeout(MINUTE_NS)
    expected = hour_of(window, habit, 3)
    for hours in (-1, 1):
        again = Habit(0)
        again.recall(habit.kept(), habit.kept_hour(), hours * 60 * MINUTE_NS)
        back = Habit(0)
        back.recall(again.kept(), again.kept_hour(), -hours * 60 * MINUTE_NS)
        assert hour_of(window, back, 3) == expected
        assert [m._replace(number=m.number - hours * 60) for m in hour_of(window, again, 3 + hours * 60)] == (
            expected
        )


def test_after_an_idle_day_there_is_nothing_in_the_last_hour() -> None:
    habit, window = Habit(0), OutcomeWindow(1000, 15 * MINUTE_NS)
    window.add_answer(0, SECOND_NS)
    assert hour_of(window, habit, 1)[0].answered == 1
    later = hour_of(window, habit, 1441)
    assert [minute.number for minute in later] == list(range(1381, 1441))
    assert sum(minute.answered for minute in later) == 0
