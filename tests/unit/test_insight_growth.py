"""What counts grew by lately."""

import pytest

from otel_tickrmeter.insight.growth import Growth


def noted(*moments: int) -> Growth:
    """Counts that are the moment and its double, of a stretch of sixty."""
    growth = Growth(60)
    for at in moments:
        growth.note(at, (at, 2 * at))
    return growth


def test_without_a_moment_nothing_has_grown() -> None:
    assert Growth(60).grown((5, 7)) == (0, 0)


@pytest.mark.parametrize(
    ("moments", "since"),
    [
        ((10,), 10),
        ((0, 59), 0),
        ((0, 60), 0),
        ((0, 1, 60), 0),
        ((0, 1, 61), 1),
        # Of a stretch in which nobody looked, all that came is of now.
        ((0, 1, 500), 1),
        ((0, 1, 500, 560), 500),
    ],
)
def test_growth_is_that_since_the_last_that_is_as_old_as_the_stretch(
    moments: tuple[int, ...], since: int
) -> None:
    assert noted(*moments).grown((600, 1300)) == (600 - since, 1300 - 2 * since)


def test_counts_are_wanted_sixty_times_in_a_stretch() -> None:
    growth = Growth(120)
    assert growth.due(5)
    growth.note(5, (0,))
    assert [growth.due(at) for at in (6, 7)] == [False, True]


def test_however_long_it_goes_on_little_is_remembered() -> None:
    growth = Growth(60)
    for at in range(10_000):
        growth.note(at, (at,))
    (samples,) = (value for value in vars(growth).values() if hasattr(value, "popleft"))
    assert len(samples) == 61
