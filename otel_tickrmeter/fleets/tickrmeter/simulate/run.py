"""A run of the simulated fleet: plan, publish, sum up."""

import threading

from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.plan import Plan
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Planned
from otel_tickrmeter.fleets.tickrmeter.simulate.summary import Summary, summarise
from otel_tickrmeter.fleets.tickrmeter.simulate.truth import Truth
from otel_tickrmeter.simulate.progress import progress
from otel_tickrmeter.simulate.publisher import BrokerError, Pace, publish


def simulate(options: SimulateOptions, stop: threading.Event | None = None) -> Summary:
    """Publish the fleet's messages and return what was sent; `stop` ends the run early, cleanly."""
    stop = stop or threading.Event()
    plan = Plan(options)
    truth = Truth(options.request_timeout)
    pace = Pace()
    failure: str | None = None
    with progress(int(options.rate * options.duration)) as advance:

        def sent(message: Planned) -> None:
            truth.record(message)
            advance()

        try:
            publish(plan.messages(), options, stopped=stop.is_set, sent=sent, pace=pace)
        except BrokerError as error:
            failure = str(error)
    return summarise(
        options,
        truth,
        pace,
        complete=failure is None and not stop.is_set(),
        failure=failure,
        slow_symbols=plan.slow_symbols,
    )
