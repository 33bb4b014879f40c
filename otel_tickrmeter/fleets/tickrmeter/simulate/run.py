"""A run of the simulated fleet: plan, publish, sum up."""

from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.plan import Plan
from otel_tickrmeter.fleets.tickrmeter.simulate.summary import Summary, summarise
from otel_tickrmeter.fleets.tickrmeter.simulate.truth import Truth
from otel_tickrmeter.simulate.control import RunControl
from otel_tickrmeter.simulate.play import play


def simulate(options: SimulateOptions, control: RunControl | None = None) -> Summary:
    """Publish the fleet's messages and return what was sent; `control` may end the run early, cleanly."""
    plan = Plan(options)
    truth = Truth(options.request_timeout)
    total = int(options.rate * options.duration)
    played = play(plan.messages(), options, total, truth.record, control or RunControl())
    return summarise(options, truth, played, slow_symbols=plan.slow_symbols)
