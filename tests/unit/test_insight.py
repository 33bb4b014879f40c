"""Averages and anomalies, held to a second implementation, and to what is planted in the series."""

import math
from random import Random

import numpy as np
import pytest

from otel_tickrmeter.insight.anomaly import START, Anomaly, Expectation, Judgement, Watch
from otel_tickrmeter.insight.average import MovingAverage
from otel_tickrmeter.insight.median import median
from otel_tickrmeter.insight.scan import LEAST_READINGS, MOST_SCORE, outliers
from otel_tickrmeter.insight.trend import Trend
from tests.support.insight_oracle import averages, judged

NS = 1_000_000_000
HOUR = 3600
EVERY = 15


def quiet(count: int, seed: int = 1, *, correlation: float = 0.0) -> list[float]:
    """Normal readings of mean 20 and deviation 1, each perhaps like the one before."""
    rng, now, found = Random(seed), 0.0, []  # noqa: S311  made up
    for _ in range(count):
        now = correlation * now + math.sqrt(1 - correlation**2) * rng.gauss(0, 1)
        found.append(20 + now)
    return found


def judge(
    readings: list[float], expected: Expectation | None = None, *, every: int = EVERY
) -> list[Judgement]:
    watch = Watch(expected or Expectation())
    return [watch.judge(place * every * NS, reading) for place, reading in enumerate(readings)]


def began(found: list[Judgement]) -> list[tuple[int, Anomaly]]:
    return [(place, each.began) for place, each in enumerate(found) if each.began is not None]


@pytest.mark.parametrize("tau", [300, 3600])
def test_the_average_is_that_of_the_whole_series(tau: int) -> None:
    rng = Random(2)  # noqa: S311  made up
    seconds = np.cumsum([rng.choice([0.5, 15, 60, 4000]) for _ in range(400)])
    readings = np.array([rng.uniform(-50, 50) for _ in range(400)])
    average = MovingAverage(tau * NS)
    found = []
    for at, reading in zip(seconds, readings, strict=True):
        average.take(round(at * NS), float(reading))
        found.append(average.value)
    assert np.allclose(np.array(found, dtype=float), averages(seconds, readings, tau))


def test_a_reading_for_which_no_time_has_passed_has_no_weight() -> None:
    average = MovingAverage(NS)
    assert average.value is None
    for at_ns, reading in ((5, 1.0), (5, 9.0), (4, 9.0)):
        average.take(at_ns, reading)
    assert average.value == 1.0


def test_scores_and_flags_are_those_of_the_whole_series() -> None:
    readings = quiet(3000)
    for place in range(100, 3000, 97):
        readings[place] += 8
    found = judge(readings)
    wanted = judged(np.arange(3000, dtype=np.float64) * EVERY, np.array(readings, dtype=np.float64))
    assert [each.score is None for each in found] == [math.isnan(score) for score in wanted.scores]
    assert np.allclose(np.array([each.score for each in found[START:]], dtype=float), wanted.scores[START:])
    assert [each.unusual for each in found] == wanted.flagged.tolist()


@pytest.mark.parametrize(("correlation", "most"), [(0.0, 2), (0.5, 3), (0.9, 8)])
def test_quiet_readings_are_hardly_ever_unusual(correlation: float, most: int) -> None:
    assert len(began(judge(quiet(40_000, correlation=correlation)))) <= most


def test_every_spike_is_seen() -> None:
    readings = quiet(10_000, seed=3)
    spikes = range(200, 10_000, 100)
    for place in spikes:
        readings[place] = 28.0 if place % 200 else 12.0
    found = began(judge(readings))
    assert [place for place, kind in found if kind is Anomaly.OUTLIER and place in spikes] == list(spikes)


def test_many_outliers_hardly_widen_what_is_usual() -> None:
    rng, readings = Random(4), quiet(20_000, seed=5)  # noqa: S311  made up
    watch = Watch(Expectation())
    for place, reading in enumerate(readings):
        outlying = 30 if place > START and rng.random() < 0.1 else 0
        watch.judge(place * EVERY * NS, reading + outlying)
    assert watch.scale is not None
    assert 0.7 < watch.scale < 1.6
    assert watch.level is not None
    assert 19 < watch.level < 22


def test_a_new_level_is_told_once_and_becomes_what_is_usual() -> None:
    readings = quiet(200) + [reading + 30 for reading in quiet(200, seed=6)]
    found = began(judge(readings))
    assert found[0] == (200, Anomaly.OUTLIER)
    assert found[1] == (200 + START - 1, Anomaly.LEVEL_SHIFT)
    assert found[2:] == []


def test_readings_far_off_on_both_sides_are_no_new_level() -> None:
    readings = quiet(100) + [20 + (30 if place % 2 else -30) for place in range(100)]
    assert {kind for _, kind in began(judge(readings))} == {Anomaly.OUTLIER}


def test_after_a_long_gap_what_was_known_is_no_measure() -> None:
    watch = Watch(Expectation())
    for place, reading in enumerate(quiet(100)):
        watch.judge(place * NS, reading)
    assert watch.level is not None
    assert watch.judge((99 + HOUR) * NS, 500.0).began is Anomaly.OUTLIER
    after = watch.judge((100 + 2 * HOUR) * NS, 500.0)
    assert after == Judgement(None, unusual=False, began=None)
    assert [watch.level, watch.scale] == [None, None]


def test_what_is_out_of_range_is_told_when_it_begins() -> None:
    found = judge([12.0, 16.0, 17.0, 12.0, 9.0], Expectation(10, 15))
    assert began(found) == [(1, Anomaly.OUT_OF_RANGE), (4, Anomaly.OUT_OF_RANGE)]
    assert [each.unusual for each in found] == [False, True, True, False, True]


@pytest.mark.parametrize(("can_stick", "kinds"), [(True, {Anomaly.STUCK}), (False, set())])
def test_a_sensor_that_varied_and_repeats_itself_is_stuck(*, can_stick: bool, kinds: set[Anomaly]) -> None:
    expected = Expectation(can_stick=can_stick)
    found = judge([*quiet(50), *[20.0] * 400], expected)
    assert {kind for _, kind in began(found)} == kinds
    assert [place for place, _ in began(found)] == ([50 + HOUR // EVERY] if can_stick else [])
    assert {kind for _, kind in began(judge([20.0] * 400, expected))} == set()


@pytest.mark.parametrize("every", [37, 40, 600])
def test_it_takes_a_hundred_equal_readings_besides_the_hour(every: int) -> None:
    # The first of them counts, and the hour begins with it. At these paces it is over with the 99th.
    assert 98 * every > HOUR
    found = judge([*quiet(50), *[20.0] * 100], Expectation(can_stick=True), every=every)
    assert began(found) == [(50 + 99, Anomaly.STUCK)]
    assert not any(each.unusual for each in found[:-1])


def test_it_takes_the_hour_besides_a_hundred_equal_readings() -> None:
    every = 36
    assert 99 * every < HOUR == 100 * every
    found = judge([*quiet(50), *[20.0] * 101], Expectation(can_stick=True), every=every)
    assert began(found) == [(50 + 100, Anomaly.STUCK)]


def test_a_sensor_that_never_moved_is_unusual_when_it_does() -> None:
    found = judge([5.0] * 100 + [5.1])
    assert began(found) == [(100, Anomaly.OUTLIER)]
    assert began(judge([5.0] * 100 + [5.1], Expectation(min_scale=1.0))) == []


def test_huge_readings_break_nothing() -> None:
    found = judge([1e308, -1e308] * 40, Expectation(-1e300, 1e300))
    assert {each.score for each in found} == {None}
    assert began(found)[0] == (0, Anomaly.OUT_OF_RANGE)
    assert all(
        each.score is None or math.isfinite(each.score) for each in judge([1e150, -1e150] * 60 + [0.0])
    )


def test_a_trend_is_unknown_at_first_and_of_a_past_of_zero() -> None:
    trend = Trend({"1h": 3_600_000_000_000})
    assert trend.ratios() == {}
    trend.take(0, 0.0)
    assert trend.ratios() == {}
    trend.take(60_000_000_000, 1.0)
    assert trend.ratios()["1h"] > 1


def test_a_trend_takes_back_the_windows_that_it_still_has() -> None:
    hour = 3_600_000_000_000
    before, after = Trend({"1h": hour, "1d": 24 * hour}), Trend({"1h": hour})
    for place in range(9):
        before.take(place * hour // 60, 1.0 + place)
    after.recall(before.kept(), 0)
    assert after.ratios() == {"1h": before.ratios()["1h"]}


def test_the_median_of_few_and_of_many() -> None:
    assert median([3.0, 1.0, 2.0]) == 2.0
    assert median([4.0, 1.0, 2.0, 3.0]) == 2.5


def test_a_scan_finds_what_is_planted_the_worst_first() -> None:
    readings = quiet(400)
    readings[100], readings[200], readings[300] = 35.0, 0.0, 35.0
    assert [place for place, _ in outliers(readings, 3.5, 100)][:3] == [200, 100, 300]
    assert [place for place, _ in outliers(readings, 3.5, 2)] == [200, 100]
    assert outliers(readings, 3.5, 1)[0].score == pytest.approx(-20, abs=3)


def test_of_few_readings_nothing_is_said() -> None:
    readings = [*range(LEAST_READINGS - 2), 1000]
    assert outliers(readings, 3.5, 10) == []
    assert len(outliers([*readings, 5], 3.5, 10)) == 1


def test_a_series_that_hardly_varies_is_measured_by_the_mean() -> None:
    # 1 in 40 is off by 8: by 0.2 in the mean.
    (found,) = outliers([12.0] * 39 + [20.0], 3.5, 10)
    assert found.place == 39
    assert found.score == pytest.approx(8 / (1.253314 * 0.2))
    assert outliers([12.0] * 40, 3.5, 10) == []


def test_the_score_of_a_huge_reading_is_bounded() -> None:
    low, high = -1.7e308, 1.7e308
    scores = dict(outliers([0.0, 1e-9] * 20 + [low, high], 3.5, 10))
    assert scores == {40: -MOST_SCORE, 41: MOST_SCORE}
