"""What series of readings say, kept and recalled in the middle: all that follows is judged alike."""

from typing import Any

import orjson
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.habit import MINUTE_NS, Habit
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow
from otel_tickrmeter.insight.anomaly import Expectation, Watch
from otel_tickrmeter.insight.trend import Trend

READING = st.sampled_from([1.0, 1.1, 0.9, 5.0, 100.0]) | st.floats(0, 1e6)
READINGS = st.lists(st.tuples(st.integers(0, 400), READING), min_size=10, max_size=120)
SHIFT = st.integers(-(10**6), 10**6)
SECOND_NS = 1_000_000_000


def in_file(kept: object) -> Any:  # noqa: ANN401  what JSON can carry
    return orjson.loads(orjson.dumps(kept))


def timed(readings: list[tuple[int, float]]) -> list[tuple[int, float]]:
    at_ns, found = 0, []
    for seconds, reading in readings:
        at_ns += seconds * SECOND_NS
        found.append((at_ns, reading))
    return found


@given(readings=READINGS, share=st.floats(0, 1), shift_ns=SHIFT)
def test_a_watch_goes_on(readings: list[tuple[int, float]], share: float, shift_ns: int) -> None:
    expected = Expectation(most=1000.0, min_scale=0.01, can_stick=True)
    one, other = Watch(expected), Watch(expected)
    all_of_them = timed(readings)
    place = int(share * len(all_of_them))
    for at_ns, reading in all_of_them[:place]:
        one.judge(at_ns, reading)
    other.recall(in_file(one.kept()), shift_ns)
    for at_ns, reading in all_of_them[place:]:
        assert other.judge(at_ns + shift_ns, reading) == one.judge(at_ns, reading)
    assert (other.level, other.scale) == (one.level, one.scale)


@given(readings=READINGS, share=st.floats(0, 1), shift_ns=SHIFT)
def test_a_trend_goes_on(readings: list[tuple[int, float]], share: float, shift_ns: int) -> None:
    one, other = Trend({"1h": 3600 * SECOND_NS}), Trend({"1h": 3600 * SECOND_NS, "1d": 86400 * SECOND_NS})
    all_of_them = timed(readings)
    place = int(share * len(all_of_them))
    for at_ns, reading in all_of_them[:place]:
        one.take(at_ns, reading)
    other.recall(in_file(one.kept()), shift_ns)
    for at_ns, reading in all_of_them[place:]:
        one.take(at_ns, reading)
        other.take(at_ns + shift_ns, reading)
    assert {name: ratio for name, ratio in other.ratios().items() if name == "1h"} == one.ratios()


def test_a_window_that_is_no_more_is_left_out() -> None:
    one, other = Trend({"1h": 1, "2h": 2}), Trend({"1h": 1})
    one.take(0, 1.0)
    other.recall(in_file(one.kept()), 0)
    assert other.ratios() == {"1h": 1.0}


MINUTES = st.lists(st.lists(st.floats(0.01, 30), max_size=12), min_size=1, max_size=50)


@given(minutes=MINUTES, share=st.floats(0, 1), shift=st.integers(-1000, 1000))
def test_a_habit_goes_on(minutes: list[list[float]], share: float, shift: int) -> None:
    shift_ns = shift * MINUTE_NS
    one, other = Habit(0), Habit(0)
    windows = (OutcomeWindow(1000, 15 * MINUTE_NS), OutcomeWindow(1000, 15 * MINUTE_NS))
    place = int(share * len(minutes))
    for number, latencies in enumerate(minutes):
        if number == place:
            one.standing(windows[0], number * MINUTE_NS)
            other.recall(in_file(one.kept()), one.kept_hour(), shift_ns)
            assert other.standing(windows[1], number * MINUTE_NS + shift_ns) == one.standing(
                windows[0], number * MINUTE_NS
            )
        for window, moved_ns in zip(windows, (0, shift_ns), strict=True):
            for latency in latencies:
                window.add_answer(number * MINUTE_NS + moved_ns, round(latency * SECOND_NS))
        after_ns = (number + 1) * MINUTE_NS + 5 * SECOND_NS
        standing = one.standing(windows[0], after_ns)
        if number >= place:
            assert other.standing(windows[1], after_ns + shift_ns) == standing
            hours = (one.last_hour(windows[0], after_ns), other.last_hour(windows[1], after_ns + shift_ns))
            assert [m._replace(number=m.number + shift) for m in hours[0]] == hours[1]


def test_the_rest_of_a_minute_is_left_out_when_minutes_begin_at_other_moments() -> None:
    one, other = Habit(0), Habit(0)
    window = OutcomeWindow(1000, 15 * MINUTE_NS)
    one.standing(window, 3 * MINUTE_NS)
    other.recall(in_file(one.kept()), one.kept_hour(), 1)
    assert other.kept()[0] == one.kept()[0] + 1
    other.recall(in_file(one.kept()), one.kept_hour(), -1)
    assert other.kept()[0] == one.kept()[0]
