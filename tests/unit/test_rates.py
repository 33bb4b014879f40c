import pytest

from otel_tickrmeter.exporter.rates import RATE_SAMPLES, Rates

SECOND_NS = 1_000_000_000


def test_rates_are_those_of_the_last_minute() -> None:
    rates = Rates()
    assert rates.now() is None
    rates.note(0, 0, 0)
    assert rates.now() is None
    rates.note(5 * SECOND_NS, 50, 5)
    assert rates.now() == (10.0, 1.0)
    for step in range(2, 2 + RATE_SAMPLES):
        rates.note(step * 5 * SECOND_NS, 50, 5)
    assert rates.now() == (0.0, 0.0)


@pytest.mark.parametrize("at_ns", [0, -1])
def test_no_time_makes_no_rate(at_ns: int) -> None:
    rates = Rates()
    rates.note(0, 0, 0)
    rates.note(at_ns, 5, 5)
    assert rates.now() is None
