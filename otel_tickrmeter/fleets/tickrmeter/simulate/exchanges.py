"""The exchanges of devices with the backend: what is asked, and when and how often it is answered."""

from random import Random

import orjson

from otel_tickrmeter.fleets.tickrmeter.simulate.latency import Latencies
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Answer, Planned, Request

_APART = 0.3
"""Least time from a superseding request to its answer, so that either latency could be told. Seconds."""
_GUARD = 0.5
"""Silence of a pair after its last answer, seconds."""


class Exchanges:
    """Scripts exchanges. `slow_symbols` take about `options.slow_latency` to be answered."""

    def __init__(self, options: SimulateOptions, slow_symbols: frozenset[str], rng: Random) -> None:
        self._options = options
        self._slow_symbols = slow_symbols
        self._rng = rng
        self._latencies = Latencies(rng, options.request_timeout, options.slow_latency)

    def script(self, device_id: str, symbol: str, at: float) -> tuple[list[Planned], float]:
        """An exchange's messages, the request first, and when the pair is free for the next."""
        options = self._options
        messages = [_request(device_id, symbol, at)]
        chance = self._rng.random()
        if chance < options.unanswered:
            return messages, at + 2 * options.request_timeout
        if chance < options.unanswered + options.late:
            end = at + self._latencies.late()
            messages.append(self._answer(device_id, Answer(device_id, symbol, "late"), end))
            return messages, end + _GUARD
        latency = self._latency(symbol, 0)
        if chance < options.unanswered + options.late + options.superseded:
            at += self._rng.uniform(0.4, 0.9)
            messages.append(_request(device_id, symbol, at))
            latency = self._latency(symbol, _APART)
        end = at + latency
        messages.append(self._answer(device_id, Answer(device_id, symbol, "answered"), end))
        if self._rng.random() < options.duplicates:
            end += self._rng.uniform(0.05, 0.3)
            messages.append(
                messages[-1]._replace(at_seconds=end, meaning=Answer(device_id, symbol, "duplicate"))
            )
        return messages, end + _GUARD

    def unsolicited(self, device_id: str, symbol: str, at: float) -> Planned:
        """An answer to a pair that never asks."""
        return self._answer(device_id, Answer(device_id, symbol, "unsolicited"), at)

    def _latency(self, symbol: str, at_least: float) -> float:
        if symbol in self._slow_symbols:
            return max(self._latencies.slow(), at_least)
        return self._latencies.normal(at_least)

    def _answer(self, topic: str, meaning: Answer, at: float) -> Planned:
        price = self._rng.randint(100, 12_000_000) / 100
        payload = {"symbol": meaning.symbol, "price": f"${price:.2f}", "type": "UPDATE", "currency": "USD"}
        return Planned(at, topic, orjson.dumps(payload), meaning)


def _request(device_id: str, symbol: str, at: float) -> Planned:
    payload = {"type": "UPDATE", "device": device_id, "symbol": symbol}
    return Planned(at, "STOCKPRICEUPDATE", orjson.dumps(payload), Request(device_id, symbol))
