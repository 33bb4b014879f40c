"""Counting sorts of things for a page."""

from otel_tickrmeter.views.glance import MOST_SORTS, REST, by_bounds, largest


def test_the_largest_come_first_and_equals_by_name() -> None:
    assert largest([("b", 1), ("a", 1), ("c", 2)]) == (("c", 2), ("a", 1), ("b", 1))


def test_beyond_a_bound_sorts_are_added_up() -> None:
    counts = largest((f"v{number:02}", 100 - number) for number in range(MOST_SORTS + 3))
    assert len(counts) == MOST_SORTS
    assert counts[-1] == (REST, sum(100 - number for number in range(MOST_SORTS - 1, MOST_SORTS + 3)))
    assert len(largest((str(number), 1) for number in range(MOST_SORTS))) == MOST_SORTS


def test_a_bound_is_in_the_upper() -> None:
    assert by_bounds([0.0, 9.9, 10.0, 20.0, 99.0], (10.0, 20.0), ("a", "b", "c")) == [
        ("a", 2),
        ("b", 1),
        ("c", 2),
    ]
