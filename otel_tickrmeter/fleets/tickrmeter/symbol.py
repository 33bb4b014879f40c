"""A symbol: its window, and how long it has been idle."""

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow


class Symbol:
    """What is remembered of a symbol.

    `requests` counts since it was admitted, `pairs` the devices that are remembered to ask for it.
    """

    __slots__ = ("active_ns", "attributes", "name", "pairs", "requests", "window")

    def __init__(self, name: str, active_ns: int, window: OutcomeWindow) -> None:
        self.name = name
        self.attributes = AttributeSet(symbol=name)
        self.active_ns = active_ns
        self.requests = 0
        self.pairs = 0
        self.window = window
