"""The window against a plain list: any outcomes at times that do not go back, and any bound."""

from dataclasses import dataclass

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.window import Figures, OutcomeWindow


@dataclass(frozen=True)
class Step:
    """After `wait_ns`, so many times: an answer with this latency, a timeout (None), a look (-1)."""

    wait_ns: int
    times: int
    latency_ns: int | None


STEPS = st.lists(
    st.builds(
        Step,
        # Waits of nothing, within the window, of the window and beyond it.
        st.sampled_from([0, 0, 1, 5, 10]) | st.integers(0, 25),
        # Bursts, so that the ring grows after its head has moved.
        st.sampled_from([1, 1, 3, 5, 9]),
        st.none() | st.integers(0, 6) | st.integers(0, 10**15) | st.just(-1),
    ),
    max_size=40,
)


def percentile(samples: list[int], percent: int) -> float:
    return samples[min(len(samples) * percent // 100, len(samples) - 1)] / 1e9


def naive(outcomes: list[tuple[int, int | None]], max_samples: int, window_ns: int, now_ns: int) -> Figures:
    young = [latency for at_ns, latency in outcomes[-max_samples:] if now_ns - at_ns < window_ns]
    answered = sorted(latency for latency in young if latency is not None)
    timed_out = len(young) - len(answered)
    if not answered:
        return Figures(0, timed_out, None, None, None)
    mean = sum(answered) / len(answered) / 1e9
    return Figures(len(answered), timed_out, mean, percentile(answered, 95), percentile(answered, 99))


@settings(max_examples=300)
@given(STEPS, st.integers(1, 40), st.integers(1, 40))
def test_the_window_is_the_young_ones_of_the_last(
    steps: list[Step], max_samples: int, window_ns: int
) -> None:
    window = OutcomeWindow(max_samples, window_ns)
    outcomes: list[tuple[int, int | None]] = []
    now_ns = 0
    for step in steps:
        now_ns += step.wait_ns
        if step.latency_ns == -1:
            pass
        elif step.latency_ns is None:
            for _ in range(step.times):
                window.add_timeout(now_ns)
                outcomes.append((now_ns, None))
        else:
            # Each of a burst its own, so that the one that leaves matters.
            for latency_ns in range(step.latency_ns, step.latency_ns + step.times):
                window.add_answer(now_ns, latency_ns)
                outcomes.append((now_ns, latency_ns))
        # Looked at now and then only, so that eviction also happens while adding.
        if step.latency_ns == -1:
            assert window.figures(now_ns) == naive(outcomes, max_samples, window_ns, now_ns)
    assert window.figures(now_ns) == naive(outcomes, max_samples, window_ns, now_ns)
    figures = window.figures(now_ns)
    if figures.outcomes:
        assert 0 <= figures.response_rate <= 1
        assert figures.score == (figures.mean_seconds or 0) + 10 * (figures.timed_out / figures.outcomes)
