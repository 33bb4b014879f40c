"""What is made of a sensor's readings, whatever clock they have: held to the whole series at once.

A reading is of the time of its timestamp where that can be trusted (rule 6 of docs/autocore.md), else of its
arrival. What is late (rule 5), and what waited without a trusted timestamp (rule 10), counts for nothing.
"""

from collections.abc import Sequence
from itertools import accumulate

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.property.series_strategy import series
from tests.support.autocore import Driver, named, stamp
from tests.support.insight_oracle import averages, judged

EVER = 10**18
WINDOWS = {"5m": 300.0, "1h": 3600.0}
# A device's clock, less ours: all of it within what is trusted.
OFFSETS = st.sampled_from([-80_000.0, -100.0, -0.5, 0.0, 0.5, 200.0])
TRUSTED = ("stamped", "stamped and waited")
KINDS = st.lists(st.sampled_from([*TRUSTED, "stamped", "bare", "no clock", "waited", "late"]), min_size=1)


@given(series(), OFFSETS, KINDS)
def test_readings_with_a_clock_and_without_count_at_their_times(
    drawn: Sequence[tuple[float, float]], offset: float, kinds: Sequence[str]
) -> None:
    driver = Driver(device_timeout_ns=EVER, device_retention_ns=EVER)
    taken: list[tuple[float, float]] = []
    found: list[tuple[float | None, ...]] = []
    shifted: list[bool] = []
    newest, may_be_late = 0.0, False
    arrivals = accumulate((second for second, _ in drawn), max)
    for place, ((second, reading), arrival) in enumerate(zip(drawn, arrivals, strict=True)):
        kind = kinds[place % len(kinds)]
        at, said = 100_000 + arrival + place / 1000, 100_000 + second + offset
        # Of late ones never two in a row: three would say that the clock was set back.
        if kind == "late" and may_be_late and newest - 10 > at - 86_000:
            said, may_be_late = newest - 10, False
        elif kind in {"late", *TRUSTED}:
            kind, may_be_late = (kind if kind in TRUSTED else "stamped"), True
            newest = max(newest, said)
        payload: dict[str, object] = {"temperature": reading, "note": f"{place}"}
        if kind in {"late", *TRUSTED}:
            payload["timestamp"] = stamp(said)
        elif kind == "no clock":
            payload["timestamp"] = "1970-01-01T00:00:05Z"
        told = driver.publish(at, "autocore/A/telemetry", payload, backlog="waited" in kind)
        if kind in {"late", "waited"}:
            continue
        sensor = driver.device().sensors["temperature"]
        taken.append((said if kind in TRUSTED else at, reading))
        found.append((sensor.judgement.score, *(sensor.averages[window].value for window in WINDOWS)))
        shifted.append(("A", "temperature", "level_shift") in named(told, "anomaly"))
    assume(taken)
    seconds, readings = (np.array(column, dtype=np.float64) for column in zip(*taken, strict=True))
    wanted = judged(seconds, readings)
    assume(not wanted.on_edge)
    scores, *means = np.array(found, dtype=np.float64).T
    assert np.allclose(scores, wanted.scores, rtol=1e-6, atol=1e-6, equal_nan=True)
    assert shifted == wanted.shifted.tolist()
    for mean, tau in zip(means, WINDOWS.values(), strict=True):
        assert np.allclose(mean, averages(seconds, readings, tau), rtol=1e-9, atol=1e-9)
