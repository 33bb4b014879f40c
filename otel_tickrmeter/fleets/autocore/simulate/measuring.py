"""What boards measure: readings that drift, and now and then are far off, shift, stick, or cannot be."""

from random import Random

from otel_tickrmeter.fleets.autocore.simulate.board import Board
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions

_SPIKE = 40.0
_SHIFT = 1.2
_IMPOSSIBLE = 130.0
_STUCK_AFTER = 40


def measure(board: Board, rng: Random, options: SimulateOptions) -> dict[str, float]:
    """The readings of a board, by their sensors, in °C, %, V and A."""
    board.measured += 1
    board.temperature += rng.gauss(0, 0.05)
    if rng.random() < options.shifts:
        board.shifted = not board.shifted
    if not board.sticks or board.measured <= _STUCK_AFTER:
        board.current = round(rng.gauss(2.5, 0.2), 2)
    spike = _SPIKE if rng.random() < options.spikes else 0.0
    shift = _SHIFT if board.shifted else 0.0
    humidity = _IMPOSSIBLE if rng.random() < options.impossible else rng.uniform(35, 60)
    return {
        "temperature": round(board.temperature + spike, 2),
        "humidity": round(humidity, 1),
        "voltage": round(board.voltage + shift + rng.gauss(0, 0.02), 3),
        "current": board.current,
    }


def figures(board: Board, at: float, rng: Random) -> dict[str, float]:
    """What a board says of itself, in seconds, bytes and dBm."""
    return {
        "uptime": int(board.uptime(at)),
        "memory_free": int(rng.gauss(board.memory_free, 400)),
        "wifi_signal": round(rng.gauss(board.wifi_signal, 1.5)),
    }
