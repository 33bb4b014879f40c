import pytest

from otel_tickrmeter.fleets.tickrmeter.ranking import Ranked, ranking, slowest, symbol_figures
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import Figures, OutcomeWindow

SECOND = 1_000_000_000


def symbol(name: str, *latencies: int, timeouts: int = 0) -> Symbol:
    window = OutcomeWindow(100, 900)
    for latency_seconds in latencies:
        window.add_answer(1, latency_seconds * SECOND)
    for _ in range(timeouts):
        window.add_timeout(1)
    return Symbol(name, 1, window)


def figures(*symbols: Symbol, now_ns: int = 2) -> dict[Symbol, Figures]:
    return symbol_figures(symbols, now_ns)


def test_a_symbol_with_an_empty_window_has_no_figures() -> None:
    empty, full, silent = symbol("E"), symbol("F", 1), symbol("S", timeouts=1)
    assert list(figures(empty, full, silent)) == [full, silent]
    assert figures(full, silent, now_ns=901) == {}


def test_the_slowest_has_the_highest_mean_whatever_its_timeouts() -> None:
    fast, slow = symbol("A", 1, timeouts=50), symbol("B", 2, 4)
    assert slowest(figures(fast, slow)) == (slow, 3.0)


def test_of_equally_slow_ones_the_first_by_name() -> None:
    b, a, c = symbol("B", 3), symbol("A", 3), symbol("C", 3)
    assert slowest(figures(b, a, c)) == (a, 3.0)


def test_nobody_is_slowest_without_an_answer() -> None:
    assert slowest(figures(symbol("A", timeouts=3))) is None
    assert slowest({}) is None


def test_the_ranking_goes_by_score_then_by_name() -> None:
    ranked = ranking(
        figures(
            symbol("D", 1, 1),
            symbol("C", 5, 5),
            symbol("B", 1, timeouts=1),
            symbol("A", 6, 6),
        ),
        2,
        10,
    )
    # Half of B's requests timed out: 1 + 10 / 2, the same as A's mean.
    assert ranked == [Ranked(1, "A", 6.0), Ranked(2, "B", 6.0), Ranked(3, "C", 5.0), Ranked(4, "D", 1.0)]


@pytest.mark.parametrize(
    ("min_outcomes", "size", "names"),
    [(1, 10, "CBA"), (2, 10, "CB"), (3, 10, "C"), (4, 10, ""), (1, 2, "CB"), (1, 0, "")],
)
def test_the_ranking_is_of_so_many_with_enough_outcomes(min_outcomes: int, size: int, names: str) -> None:
    known = figures(symbol("A", 1), symbol("B", 2, 2), symbol("C", 3, 3, timeouts=1))
    ranked = ranking(known, min_outcomes, size)
    assert [place.symbol for place in ranked] == list(names)
    assert [place.rank for place in ranked] == list(range(1, len(names) + 1))
