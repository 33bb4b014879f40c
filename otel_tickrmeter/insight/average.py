"""A moving average of readings that come at uneven intervals."""

from collections.abc import Sequence
from math import exp
from typing import Any


class MovingAverage:
    """Weighs a reading by the time since the one before: 1 - exp(-Δt / τ).

    A reading of the same time as the one before it, or of an earlier one, has no weight: no time has passed
    for which it could stand. The first one is the average.

    Args:
        tau_ns: τ, in nanoseconds.

    Attributes:
        value: The average; None before the first reading.
    """

    __slots__ = ("_at_ns", "_tau_ns", "value")

    def __init__(self, tau_ns: int) -> None:
        self._tau_ns = tau_ns
        self._at_ns = 0
        self.value: float | None = None

    def take(self, at_ns: int, reading: float) -> None:
        """Take a finite reading."""
        if self.value is None:
            self.value = reading
        elif at_ns > self._at_ns:
            weight = 1.0 - exp((self._at_ns - at_ns) / self._tau_ns)
            # Not value + weight * (reading - value): the difference of two huge readings has no float.
            self.value = (1.0 - weight) * self.value + weight * reading
        else:
            return
        self._at_ns = at_ns

    def kept(self) -> tuple[int, float | None]:
        """What there is to keep of it: plain values."""
        return self._at_ns, self.value

    def recall(self, kept: Sequence[Any], shift_ns: int) -> None:
        """Take over what was kept; its times are `shift_ns` later now.

        Raises:
            TypeError, ValueError: It cannot have been kept.
        """
        at_ns, value = kept
        self._at_ns = at_ns + shift_ns
        self.value = None if value is None else float(value)
