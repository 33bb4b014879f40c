"""The fleets that can be made up, for whatever publishes them; loaded when one is asked for."""

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from otel_tickrmeter.simulate.control import RunControl
    from otel_tickrmeter.simulate.planned import Planned
    from otel_tickrmeter.simulate.run import Summary

MADE_UP = ("tickrmeter", "autocore")
"""Their names."""


class FleetOptions(NamedTuple):
    """The record of what a fleet's simulator can be told, and what is wrong with one."""

    record: type[Any]
    faults: Callable[[Any], Iterator[str]]


class FleetSimulator(NamedTuple):
    """What makes a fleet's messages, and what publishes them."""

    plan: Callable[[Any], Iterable["Planned[Any]"]]
    simulate: Callable[[Any, "RunControl"], "Summary"]


def fleet_options(fleet: str) -> FleetOptions:
    """The options of a fleet; loads little."""
    if fleet == "autocore":
        from otel_tickrmeter.fleets.autocore.simulate import options as autocore

        return FleetOptions(autocore.SimulateOptions, autocore.faults)
    from otel_tickrmeter.fleets.tickrmeter.simulate import options as tickrmeter

    return FleetOptions(tickrmeter.SimulateOptions, tickrmeter.faults)


def fleet_simulator(fleet: str) -> FleetSimulator:
    """The simulator of a fleet."""
    if fleet == "autocore":
        from otel_tickrmeter.fleets.autocore.simulate import plan as autocore_plan
        from otel_tickrmeter.fleets.autocore.simulate import run as autocore

        return FleetSimulator(lambda options: autocore_plan.Plan(options).messages(), autocore.simulate)
    from otel_tickrmeter.fleets.tickrmeter.simulate import plan as tickrmeter_plan
    from otel_tickrmeter.fleets.tickrmeter.simulate import run as tickrmeter

    return FleetSimulator(lambda options: tickrmeter_plan.Plan(options).messages(), tickrmeter.simulate)


def made_up_firmwares(count: int) -> tuple[str, ...]:
    """So many firmware versions, the newest first."""
    from otel_tickrmeter.fleets.tickrmeter.simulate.options import name_firmwares

    return name_firmwares(count)
