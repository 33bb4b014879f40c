import pytest

from otel_tickrmeter.stream.subscription import overlap


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("+", "+"),
        ("a/+", "a/b"),
        ("a/+", "+/b"),
        ("#", "a/b/c"),
        ("a/#", "a/b/c"),
        ("a/#", "a"),
        ("a/#", "a/#"),
        ("+/#", "a"),
        ("a/b/#", "a/+/c/d"),
        ("/+", "//#"),
    ],
)
def test_filters_that_a_topic_can_match_both(one: str, other: str) -> None:
    assert overlap(one, other)
    assert overlap(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [("+", "a/+"), ("+", "a/+/status"), ("a/+", "b/+"), ("a/b/#", "a/c/#"), ("a", "a/"), ("+", "/+")],
)
def test_filters_that_no_topic_matches_both(one: str, other: str) -> None:
    assert not overlap(one, other)
    assert not overlap(other, one)
