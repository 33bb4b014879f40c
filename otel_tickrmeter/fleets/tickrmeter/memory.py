"""The fleet's memory: what it hands out to be saved, and takes back."""

from collections.abc import Mapping
from dataclasses import dataclass

from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.saved import FORMS, Remembered, from_tables, to_tables
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.saved.form import Form, Tables


@dataclass(frozen=True, slots=True)
class FleetRecall:
    """A state that was read, and can be taken over; implements `Recall`."""

    fleet: Fleet
    remembered: Remembered
    now_ns: int

    def knows(self, attributes: Mapping[str, str]) -> bool:
        """Whether series with these attributes have somebody who ends them, or never end."""
        known = self.remembered
        device, symbol, firmware = map(attributes.get, ("device_id", "symbol", "firmware_version"))
        if device is not None and device not in known.devices:
            return False
        if symbol is not None and symbol not in (
            known.symbols if device is None else known.devices[device].pairs
        ):
            return False
        return firmware is None or firmware == UNKNOWN or firmware in known.firmwares

    def take_over(self) -> None:
        """Let the fleet go on with it."""
        self.fleet.recall(self.remembered, self.now_ns)


class FleetMemory:
    """Implements `Memory`.

    Args:
        fleet: The state.
    """

    forms: tuple[Form, ...] = FORMS

    def __init__(self, fleet: Fleet) -> None:
        self._fleet = fleet

    def kept(self) -> Tables:
        """Copy the state."""
        return to_tables(self._fleet.remembered())

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> FleetRecall:
        """Make a state of tables.

        Raises:
            SavedError: They were not made of one.
        """
        remembered = from_tables(tables, self._fleet.limits, shift_ns, counted=counted)
        return FleetRecall(self._fleet, remembered, now_ns)
