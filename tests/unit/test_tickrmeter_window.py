import pytest

from otel_tickrmeter.fleets.tickrmeter.window import Figures, OutcomeWindow

SECOND = 1_000_000_000


def filled(*latencies: int, max_samples: int = 1000) -> OutcomeWindow:
    window = OutcomeWindow(max_samples, 900)
    for at_ns, latency_ns in enumerate(latencies):
        window.add_answer(at_ns, latency_ns)
    return window


def test_an_empty_window_has_no_figures() -> None:
    assert OutcomeWindow(5, 900).figures(0) == Figures(0, 0, None, None, None)


def test_seconds_come_out() -> None:
    figures = filled(2 * SECOND, SECOND).figures(2)
    assert figures == Figures(2, 0, 1.5, 2.0, 2.0)


@pytest.mark.parametrize(
    ("samples", "p95", "p99"),
    [(1, 0, 0), (2, 1, 1), (19, 18, 18), (20, 19, 19), (21, 19, 20), (100, 95, 99), (101, 95, 99)],
)
def test_percentiles_are_the_value_at_the_floor_of_n_times_q(samples: int, p95: int, p99: int) -> None:
    figures = filled(*(n * SECOND for n in reversed(range(samples)))).figures(samples)
    assert (figures.p95_seconds, figures.p99_seconds) == (p95, p99)


@pytest.mark.parametrize(("now_ns", "answered"), [(909, 2), (910, 1), (919, 1), (920, 0)])
def test_an_outcome_leaves_once_it_is_as_old_as_the_window(now_ns: int, answered: int) -> None:
    window = OutcomeWindow(10, 900)
    window.add_answer(10, 4 * SECOND)
    window.add_answer(20, 2 * SECOND)
    figures = window.figures(now_ns)
    assert figures.answered == answered
    assert figures.mean_seconds == {2: 3.0, 1: 2.0, 0: None}[answered]


def test_the_oldest_leaves_when_the_window_is_full() -> None:
    figures = filled(9 * SECOND, SECOND, 2 * SECOND, 3 * SECOND, max_samples=3).figures(4)
    assert figures == Figures(3, 0, 2.0, 3.0, 3.0)


def test_timeouts_take_places_too() -> None:
    window = filled(SECOND, 3 * SECOND, max_samples=3)
    window.add_timeout(2)
    assert window.figures(2) == Figures(2, 1, 2.0, 3.0, 3.0)
    window.add_timeout(3)
    window.add_timeout(4)
    assert window.figures(4) == Figures(0, 3, None, None, None)
    window.add_answer(5, SECOND)
    assert window.figures(5) == Figures(1, 2, 1.0, 1.0, 1.0)


def test_it_remembers_as_many_as_it_is_asked_to() -> None:
    window = OutcomeWindow(1000, 10_000)
    for latency_ns in range(1500):
        window.add_answer(latency_ns, latency_ns)
    figures = window.figures(1500)
    assert figures.answered == 1000
    assert figures.p99_seconds == 1490 / SECOND


def test_it_may_grow_after_its_oldest_have_left() -> None:
    # Room is made for eight at first. Three leave, and the next six need more than that.
    window = OutcomeWindow(100, 10)
    for at_ns in [0, 0, 0, 5, 5, 5, 5, 5, 12, 12, 12, 12, 12, 12]:
        window.add_answer(at_ns, at_ns * SECOND)
    assert window.figures(12) == Figures(11, 0, (5 * 5 + 6 * 12) / 11, 12.0, 12.0)
    assert window.figures(15) == Figures(6, 0, 12.0, 12.0, 12.0)
    assert window.figures(22).outcomes == 0


def test_sums_stay_exact_however_much_comes_and_goes() -> None:
    # With floats the sum would be off after the large ones left.
    window = OutcomeWindow(2, 10**18)
    for at_ns in range(1000):
        window.add_answer(at_ns, 9 * 10**15 + at_ns)
    window.add_answer(1000, 1)
    window.add_answer(1001, 1)
    assert window.figures(1001).mean_seconds == 1 / SECOND


@pytest.mark.parametrize(
    ("figures", "rate", "score"),
    [
        (Figures(4, 0, 0.5, 1.0, 1.0), 1.0, 0.5),
        (Figures(3, 1, 0.5, 1.0, 1.0), 0.75, 3.0),
        (Figures(0, 4, None, None, None), 0.0, 10.0),
    ],
)
def test_rate_and_score(figures: Figures, rate: float, score: float) -> None:
    assert figures.outcomes == 4
    assert figures.response_rate == rate
    assert figures.score == score
