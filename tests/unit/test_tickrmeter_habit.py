"""What is usual for a symbol, and what is not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.habit import (
    MIN_OUTCOMES,
    MINUTE_NS,
    SETTLE_NS,
    SILENT_MINUTES,
    Habit,
    Standing,
)
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow
from tests.support.insight_oracle import averages, judged

SECOND_NS = 1_000_000_000


class Kept:
    """A symbol's habit and its window."""

    def __init__(self, most: int = 1000, window_ns: int = 15 * MINUTE_NS) -> None:
        self.habit = Habit(0)
        self.window = OutcomeWindow(most, window_ns)

    def standing(self, now_ns: int) -> Standing | None:
        return self.habit.standing(self.window, now_ns)


def minute(habit: Kept, number: int, *latencies: float, timeouts: int = 0) -> None:
    """Let a minute have these answers, in seconds, and timeouts."""
    at_ns = number * MINUTE_NS
    for latency in latencies:
        habit.window.add_answer(at_ns, round(latency * SECOND_NS))
    for _ in range(timeouts):
        habit.window.add_timeout(at_ns + 1)


def after(habit: Kept, number: int) -> Standing:
    """How the symbol stands right after a minute."""
    found = habit.standing((number + 1) * MINUTE_NS + SETTLE_NS)
    assert found is not None
    return found


def usual(minutes: int = 40) -> Kept:
    """A symbol that is answered after about a second, twenty times a minute."""
    habit = Kept()
    for number in range(minutes):
        minute(habit, number, *[1.0 + number % 3 / 50] * 20)
        after(habit, number)
    return habit


def test_nothing_is_said_before_the_first_minute_is_over() -> None:
    habit = Kept()
    assert habit.standing(0) is None
    minute(habit, 0, 1.0)
    assert habit.standing(MINUTE_NS + SETTLE_NS - 1) is None
    assert after(habit, 0) == Standing(unusual=False, score=None, ratios={"1h": 1.0, "1d": 1.0})


def test_there_is_no_score_before_32_minutes_are_known() -> None:
    assert after(usual(32), 31).score is None
    score = after(usual(33), 32).score
    assert score is not None
    assert abs(score) < 3


def test_a_symbol_that_is_as_always_is_usual() -> None:
    habit = usual()
    assert after(habit, 39).unusual is False


def test_a_symbol_that_becomes_slow_is_unusual_until_it_is_as_before() -> None:
    habit = usual()
    minute(habit, 40, *[3.0] * 20)
    standing = after(habit, 40)
    assert standing.unusual
    assert standing.score is not None
    assert standing.score > 20
    assert standing.ratios["1h"] > 1.1
    assert standing.ratios["1d"] > standing.ratios["1h"]
    minute(habit, 41, *[1.0] * 20)
    assert after(habit, 41).unusual is False


def test_a_symbol_that_becomes_quick_is_not() -> None:
    habit = usual()
    minute(habit, 40, *[0.1] * 20)
    standing = after(habit, 40)
    assert standing.unusual is False
    assert standing.score is not None
    assert standing.score <= 0
    assert standing.ratios["1h"] < 1


def test_a_fifth_of_a_second_is_not_worth_a_word() -> None:
    habit = Kept()
    for number in range(40):
        minute(habit, number, *[1.0] * 20)
        after(habit, number)
    minute(habit, 40, *[1.2] * 20)
    assert after(habit, 40).unusual is False


def test_many_timeouts_are_unusual_whatever_the_answers_take() -> None:
    habit = usual()
    minute(habit, 40, *[1.0] * 15, timeouts=5)
    standing = after(habit, 40)
    assert standing.unusual
    assert standing.score == pytest.approx(0.25 / 0.03)


@pytest.mark.parametrize("answers", [MIN_OUTCOMES - 1, 30])
def test_one_timeout_is_not(answers: int) -> None:
    habit = usual()
    minute(habit, 40, *[1.0] * answers, timeouts=1)
    assert after(habit, 40).unusual is False


def test_of_few_ends_there_is_no_rate() -> None:
    habit = usual()
    minute(habit, 40, timeouts=MIN_OUTCOMES - 1)
    assert after(habit, 40).unusual is False
    minute(habit, 41, timeouts=MIN_OUTCOMES)
    assert after(habit, 41).unusual


def test_a_minute_without_any_value_changes_nothing() -> None:
    habit = usual()
    minute(habit, 40, *[3.0] * 20)
    before = after(habit, 40)
    assert after(habit, 41) == before


def test_nothing_is_said_of_who_is_silent() -> None:
    habit = usual()
    assert habit.standing((39 + SILENT_MINUTES) * MINUTE_NS + SETTLE_NS) is not None
    assert habit.standing((40 + SILENT_MINUTES) * MINUTE_NS + SETTLE_NS) is None
    minute(habit, 60, *[1.0] * 20)
    assert after(habit, 60).unusual is False


def test_a_timeout_is_of_the_minute_of_its_deadline_though_it_is_known_later() -> None:
    habit = usual()
    minute(habit, 40, *[1.0] * 20)
    minute(habit, 41, 1.0)
    for _ in range(20):
        habit.window.add_timeout(41 * MINUTE_NS - 1)
    assert after(habit, 40).unusual


def test_minutes_that_nobody_asked_about_are_judged_in_their_order() -> None:
    asked, late = usual(), usual()
    for number in range(40, 50):
        for habit in (asked, late):
            minute(habit, number, *[1.0 + number % 4] * 20)
        after(asked, number)
    assert after(late, 49) == after(asked, 49)


def test_what_is_no_longer_in_the_window_is_not_judged() -> None:
    habit = usual()
    minute(habit, 40, *[9.0] * 20)
    minute(habit, 60, *[1.0] * 20)
    standing = after(habit, 60)
    assert standing.ratios["1h"] < 1.1


def test_whoever_asks_after_days_waits_for_an_hour_s_minutes_only() -> None:
    habit = usual()
    assert habit.standing(10**6 * MINUTE_NS) is None
    minute(habit, 10**6, 1.0)
    assert after(habit, 10**6).unusual is False


means = st.lists(st.integers(1, 400), min_size=33, max_size=80)


@given(means)
def test_scores_and_trends_are_those_of_the_whole_series_at_once(centiseconds: list[int]) -> None:
    habit = Kept()
    standings = []
    for number, each in enumerate(centiseconds):
        minute(habit, number, each / 100)
        standings.append(after(habit, number))
    seconds = np.array([60 * number for number in range(1, len(centiseconds) + 1)], dtype=np.float64)
    series = np.array([each / 100 for each in centiseconds], dtype=np.float64)
    recent = averages(seconds, series, 300.0)
    for window, tau in (("1h", 3600.0), ("1d", 86_400.0)):
        wanted = recent / averages(seconds, series, tau)
        assert [standing.ratios[window] for standing in standings] == pytest.approx(wanted.tolist())
    least = judged(seconds, series, least=0.05)
    shifted = np.flatnonzero(np.abs(np.nan_to_num(least.scores)) > 3)
    # Up to where a new level may have been taken over.
    until = len(series) if len(shifted) < 32 else int(shifted[30])
    for place in range(32, until):
        assert standings[place].score == pytest.approx(float(least.scores[place]), rel=1e-6)
        assert standings[place].unusual == bool(least.flagged[place] and least.scores[place] > 0)
