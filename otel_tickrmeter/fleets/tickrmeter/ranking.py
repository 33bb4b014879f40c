"""Figures of all symbols, and who is slowest."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.fleets.tickrmeter.window import Figures


class Ranked(NamedTuple):
    """A symbol's place; rank 1 is the worst."""

    rank: int
    symbol: str
    score: float


def symbol_figures(symbols: Iterable[Symbol], now_ns: int) -> dict[Symbol, Figures]:
    """Summarise every symbol whose window is not empty."""
    summaries = ((symbol, symbol.window.figures(now_ns)) for symbol in symbols)
    return {symbol: figures for symbol, figures in summaries if figures.outcomes}


def slowest(figures: Mapping[Symbol, Figures]) -> tuple[Symbol, float] | None:
    """The symbol with the highest mean latency (the first by name of equals) and it in seconds."""
    answered = [(f.mean_seconds, s) for s, f in figures.items() if f.mean_seconds is not None]
    if not answered:
        return None
    mean_seconds, symbol = min(answered, key=lambda item: (-item[0], item[1].name))
    return symbol, mean_seconds


def ranking(figures: Mapping[Symbol, Figures], min_outcomes: int, size: int) -> list[Ranked]:
    """Rank the worst `size` symbols of those with at least `min_outcomes` in their window."""
    scored = [(-f.score, s.name) for s, f in figures.items() if f.outcomes >= min_outcomes]
    return [
        Ranked(rank, name, -negative) for rank, (negative, name) in enumerate(sorted(scored)[:size], start=1)
    ]
