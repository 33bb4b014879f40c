"""The fleet's memory: what it hands out to be saved, and takes back."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Protocol

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.fleets.autocore.saved import (
    FORMS,
    FORMS_WITH_POSITION,
    Remembered,
    from_tables,
    position_tables,
    to_tables,
)
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.saved.form import Form, Tables
from otel_tickrmeter.stream.position import Position

Own = Callable[[Mapping[str, str], Device | None], None]
"""Told of series that are taken back, with the device that they end with; None: they go by a bound."""
OwnPosition = Callable[[Position | None], None]
"""Told up to where messages are in a state that is taken back; None: that is not known."""


class KeptRules(Protocol):
    """What of the rules outlasts a restart."""

    @property
    def stopped_until_ns(self) -> int:
        """Until when none may run, since somebody stopped all; monotonic nanoseconds."""

    def own(self, rules: Iterable[str]) -> None:
        """Take over the series of these: those that are no more end."""

    def stay_stopped(self, until_ns: int) -> None:
        """Let none run before then."""


class FleetRecall:
    """A state that was read, and can be taken over; implements `Recall`.

    Args:
        fleet: Takes it over.
        remembered: The state.
        now_ns: When the fleet begins to listen.
        own: See `FleetMemory`.
        rules: See `FleetMemory`.
        own_position: See `FleetMemory`.
    """

    def __init__(
        self,
        fleet: Fleet,
        remembered: Remembered,
        now_ns: int,
        own: Own,
        rules: KeptRules | None,
        *,
        own_position: OwnPosition | None,
    ) -> None:
        self._own_position = own_position
        self._fleet = fleet
        self._remembered = remembered
        self._now_ns = now_ns
        self._own = own
        self._rules = rules
        self._series: list[tuple[Mapping[str, str], Device | None]] = []
        self._of_rules: set[str] = set()

    def knows(self, attributes: Mapping[str, str]) -> bool:
        """Whether series with these attributes have somebody who ends them, or never end."""
        device_id, rule = attributes.get("device_id"), attributes.get("rule")
        if rule is not None:
            self._of_rules.add(rule)
            return self._rules is not None
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
        self._fleet.recall(self._remembered)
        if self._own_position is None:
            self._fleet.begin(self._now_ns)
        else:
            self._own_position(self._remembered.position)
        for attributes, device in self._series:
            self._own(attributes, device)
        if self._rules is not None:
            self._rules.own(self._of_rules)
            self._rules.stay_stopped(self._remembered.stopped_until_ns)


class FleetMemory:
    """Implements `Memory`.

    Args:
        fleet: The state.
        own: Told of series that are taken back and have more to them than their device.
        rules: What there is of rules; None when there can be none.
        position: Says up to where messages are in the state; None when nobody reads again what was received
            later, and the fleet begins to listen as soon as it is taken back.
        own_position: Told the same of a state that is taken back.
    """

    def __init__(
        self,
        fleet: Fleet,
        own: Own,
        rules: KeptRules | None = None,
        *,
        position: Callable[[], Position] | None = None,
        own_position: OwnPosition | None = None,
    ) -> None:
        self._fleet = fleet
        self._own = own
        self._rules = rules
        self._position = position
        self._own_position = own_position

    @property
    def forms(self) -> tuple[Form, ...]:
        """The tables there may be."""
        return FORMS if self._position is None else FORMS_WITH_POSITION

    def kept(self) -> Tables:
        """Copy the state."""
        remembered = self._fleet.remembered()
        if self._rules is not None:
            remembered = replace(remembered, stopped_until_ns=self._rules.stopped_until_ns)
        tables = dict(to_tables(remembered))
        if self._position is not None:
            tables |= position_tables(remembered, self._position())
        return tables

    def read(self, tables: Tables, shift_ns: int, now_ns: int, *, counted: bool) -> FleetRecall:
        """Make a state of tables.

        Raises:
            SavedError: They were not made of one.
        """
        remembered = from_tables(tables, self._fleet.limits.expected, shift_ns, counted=counted)
        return FleetRecall(
            self._fleet, remembered, now_ns, self._own, self._rules, own_position=self._own_position
        )
