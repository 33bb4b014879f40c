"""Laws of averages and anomalies."""

import math
import statistics

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from otel_tickrmeter.insight.anomaly import START, Anomaly, Expectation, Watch
from otel_tickrmeter.insight.average import MovingAverage
from otel_tickrmeter.insight.scan import outliers
from tests.property.series_strategy import series
from tests.support.insight_oracle import averages, judged, modified_z_scores

NS = 1_000_000_000
READINGS = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=120)
ANY = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.tuples(st.integers(0, 10**13), st.floats(-1e300, 1e300)), min_size=1))
def test_an_average_is_between_the_least_and_the_most(series: list[tuple[int, float]]) -> None:
    average = MovingAverage(300 * NS)
    for at_ns, reading in series:
        average.take(at_ns, reading)
    readings = [reading for _, reading in series]
    assert average.value is not None
    slack = 1e-9 * max(map(abs, readings))
    assert min(readings) - slack <= average.value <= max(readings) + slack


@given(st.lists(st.tuples(st.integers(-(10**18), 10**18), ANY), max_size=150))
def test_no_reading_and_no_time_breaks_it(series: list[tuple[int, float]]) -> None:
    watch = Watch(Expectation(-1, 1, can_stick=True))
    for at_ns, reading in series:
        score, unusual, began = watch.judge(at_ns, reading)
        assert score is None or math.isfinite(score)
        assert unusual or began is None


@given(series())
def test_averages_and_judgements_are_those_of_the_whole_series_whatever_its_intervals(
    drawn: list[tuple[float, float]],
) -> None:
    seconds, readings = (np.array(column, dtype=np.float64) for column in zip(*drawn, strict=True))
    wanted = judged(seconds, readings)
    assume(not wanted.on_edge)
    watch, windows = Watch(Expectation()), {tau: MovingAverage(tau * NS) for tau in (300, 3600)}
    found = []
    means: dict[int, list[float]] = {tau: [] for tau in windows}
    for at, reading in drawn:
        found.append(watch.judge(round(at * NS), reading))
        for tau, average in windows.items():
            average.take(round(at * NS), reading)
            assert average.value is not None
            means[tau].append(average.value)
    for tau, mean in means.items():
        assert np.allclose(mean, averages(seconds, readings, tau), rtol=1e-9, atol=1e-9)
    scores = np.array([each.score for each in found], dtype=np.float64)
    assert np.allclose(scores, wanted.scores, rtol=1e-6, atol=1e-6, equal_nan=True)
    assert [each.unusual for each in found] == wanted.flagged.tolist()
    assert [each.began is Anomaly.LEVEL_SHIFT for each in found] == wanted.shifted.tolist()


# Few values, so that many are the same; and some that are far off.
SERIES = st.lists(
    st.sampled_from([-1e6, 0.1, 0.2, 0.3, 7.0]) | st.floats(-1e6, 1e6), min_size=30, max_size=80
)


@given(SERIES, st.floats(0.1, 10), st.integers(1, 100))
def test_outliers_are_those_of_the_modified_z_score(
    readings: list[float], threshold: float, most: int
) -> None:
    scores = modified_z_scores(np.array(readings))
    found = outliers(readings, threshold, most)
    for place, score in found:
        assert score == pytest.approx(np.clip(scores[place], -1e9, 1e9), rel=1e-6, abs=1e-6)
    # Which ones, but for what is just at the threshold.
    sure = set(np.flatnonzero(np.abs(scores) > threshold * (1 + 1e-6)))
    perhaps = set(np.flatnonzero(np.abs(scores) > threshold * (1 - 1e-6)))
    places = {place for place, _ in found}
    assert places <= perhaps
    assert len(found) == most or sure <= places
    assert [abs(score) for _, score in found] == sorted((abs(score) for _, score in found), reverse=True)


@given(st.lists(ANY, max_size=60))
def test_no_reading_breaks_a_scan(readings: list[float]) -> None:
    for place, score in outliers(readings, 3.5, 10):
        assert abs(score) > 3.5
        assert math.isfinite(score)
        assert readings[place] != statistics.median(readings)


@given(readings=READINGS, power=st.integers(-20, 20), turned=st.booleans())
def test_the_unit_of_a_sensor_does_not_matter(readings: list[float], power: int, *, turned: bool) -> None:
    factor = (-1.0 if turned else 1.0) * 2.0**power
    one, other = Watch(Expectation(min_scale=1.0)), Watch(Expectation(min_scale=abs(factor)))
    for place, reading in enumerate(readings):
        ours = one.judge(place * NS, reading)
        theirs = other.judge(place * NS, reading * factor)
        assert ours.unusual == theirs.unusual
        assert ours.began == theirs.began
        if ours.score is not None and theirs.score is not None:
            assert theirs.score == pytest.approx(ours.score * (-1 if turned else 1), rel=1e-6, abs=1e-6)


@given(st.floats(-1e100, 1e100))
def test_one_spike_leaves_the_level_nearly_alone(spike: float) -> None:
    watch = Watch(Expectation())
    for place in range(2 * START):
        watch.judge(place * NS, 20.0 + place % 3)
    level, scale = watch.level, watch.scale
    assert level is not None
    assert scale is not None
    watch.judge(2 * START * NS, spike)
    assert watch.level is not None
    assert abs(watch.level - level) <= 2 * scale * (1 - math.exp(-1 / 300)) * 1.001
