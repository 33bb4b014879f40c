import pytest

from otel_tickrmeter.telemetry.snapshot import pause_seconds


@pytest.mark.parametrize(
    ("max_age", "took", "pause"),
    [
        (5.0, 0.25, 4.25),
        (1.0, 0.0, 1.0),
        (5.0, 1.2, 1.4),
        (5.0, 1.5, 1.5),
        (5.0, 7.0, 7.0),
        (4.0, 0.99, 1.03),
    ],
)
def test_the_pause_between_two_snapshots(max_age: float, took: float, pause: float) -> None:
    assert pause_seconds(max_age, took) == pytest.approx(pause)


@pytest.mark.parametrize("took", [0.0, 0.1, 0.5, 1.0])
def test_the_age_stays_within_its_bound_even_if_the_next_takes_twice_as_long(took: float) -> None:
    assert took + pause_seconds(5.0, took) + 2 * took <= 5.0
