"""Draws series of readings as sensors give them: at uneven times, with gaps, spikes and new levels."""

from random import Random

from hypothesis import strategies as st

# So many readings, so many seconds apart, of this mean and spread, some of a hundred far off; after a pause.
_STRETCHES = st.lists(
    st.tuples(
        st.integers(1, 70),
        st.sampled_from([0.5, 1.0, 15.0, 900.0, 3600.0]),
        st.sampled_from([20.0, 21.0, 400.0]),
        st.sampled_from([0.0, 0.1, 1.0]),
        st.sampled_from([0, 5, 40]),
        st.sampled_from([0.0, 0.0, 3600.0, 3600.5, 9000.0]),
    ),
    min_size=1,
    max_size=5,
)


@st.composite
def series(draw: st.DrawFn) -> list[tuple[float, float]]:
    """Draw readings with their times, in seconds from 0; some have no later time than others."""
    rng = Random(draw(st.integers(0, 2**32)))  # noqa: S311  made up
    uneven = draw(st.booleans())
    at, found = 0.0, []
    for count, pace, mean, spread, spikes, pause in draw(_STRETCHES):
        at += pause
        for _ in range(count):
            at += pace * rng.choice((0, 1, 1, 2)) if uneven else pace
            off = rng.choice((-30, 30)) if rng.randrange(100) < spikes else 0
            found.append((max(0.0, at - rng.choice((0, 0, 0.5)) * uneven), mean + off + rng.gauss(0, spread)))
    return found
