"""A symbol: its window, what is usual for it, and how long it has been idle."""

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.tickrmeter.habit import Habit
from otel_tickrmeter.fleets.tickrmeter.window import OutcomeWindow


class Symbol:
    """What is remembered of a symbol.

    `requests` counts since it was admitted, `pairs` the devices that are remembered to ask for it.
    """

    __slots__ = ("_trends", "active_ns", "attributes", "habit", "name", "pairs", "requests", "window")

    def __init__(self, name: str, active_ns: int, window: OutcomeWindow) -> None:
        self.name = name
        self.attributes = AttributeSet(symbol=name)
        self.active_ns = active_ns
        self.requests = 0
        self.pairs = 0
        self.window = window
        self.habit = Habit(active_ns)
        self._trends: dict[str, AttributeSet] = {}

    def trend(self, window: str) -> AttributeSet:
        """What tells the series of its trend against this window apart."""
        attributes = self._trends.get(window)
        if attributes is None:
            attributes = self._trends[window] = AttributeSet(symbol=self.name, window=window)
        return attributes
