"""The fleet's memory: what it hands out to be saved, and takes back."""

from collections.abc import Callable, Iterable, Mapping

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.saved import FORMS, Remembered, from_tables, to_tables
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.saved.form import Form, Tables

Own = Callable[[Mapping[str, str], Device | None], None]
"""Told of series that are taken back, with the device that they end with; None: they go by a bound."""
OwnRules = Callable[[Iterable[str]], None]
"""Told of which rules series are taken back: those that are no more end."""


class FleetRecall:
    """A state that was read, and can be taken over; implements `Recall`.

    Args:
        fleet: Takes it over.
        remembered: The state.
        now_ns: When the fleet begins to listen.
        own: See `FleetMemory`.
        own_rules: See `FleetMemory`.
    """

    def __init__(
        self, fleet: Fleet, remembered: Remembered, now_ns: int, own: Own, own_rules: OwnRules | None
    ) -> None:
        self._fleet = fleet
        self._remembered = remembered
        self._now_ns = now_ns
        self._own = own
        self._own_rules = own_rules
        self._series: list[tuple[Mapping[str, str], Device | None]] = []
        self._rules: set[str] = set()

    def knows(self, attributes: Mapping[str, str]) -> bool:
        """Whether series with these attributes have somebody who ends them, or never end."""
        device_id, rule = attributes.get("device_id"), attributes.get("rule")
        if rule is not None:
            self._rules.add(rule)
            return self._own_rules is not None
        if device_id is not None:
            device = self._remembered.devices.get(device_id)
            # Those of the device alone end with it anyway.
            if device is not None and len(attributes) > 1:
                self._series.append((attributes, device))
            return device is not None
        if "sensor" in attributes:
            self._series.append((attributes, None))
        return True

    def take_over(self) -> None:
        """Let the fleet go on with it."""
        self._fleet.recall(self._remembered, self._now_ns)
        for attributes, device in self._series:
            self._own(attributes, device)
        if self._own_rules is not None:
            self._own_rules(self._rules)


class FleetMemory:
    """Implements `Memory`.

    Args:
        fleet: The state.
        own: Told of series that are taken back and have more to them than their device.
        own_rules: Told of which rules there are series; None when there can be no rules.
    """

    forms: tuple[Form, ...] = FORMS

    def __init__(self, fleet: Fleet, own: Own, own_rules: OwnRules | None = None) -> None:
        self._fleet = fleet
        self._own = own
        self._own_rules = own_rules

    def kept(self) -> Tables:
        """Copy the state."""
        return to_tables(self._fleet.remembered())

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> FleetRecall:
        """Make a state of tables.

        Raises:
            SavedError: They were not made of one.
        """
        remembered = from_tables(tables, self._fleet.limits.expected, shift_ns, counted=counted)
        return FleetRecall(self._fleet, remembered, now_ns, self._own, self._own_rules)
