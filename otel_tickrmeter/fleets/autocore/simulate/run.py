"""A run of the simulated fleet: plan, publish, sum up."""

import time
from dataclasses import asdict, dataclass

import orjson

from otel_tickrmeter.fleets.autocore.simulate.expected import Samples, approximate, bursts, expected, rows
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.plan import Plan
from otel_tickrmeter.fleets.autocore.simulate.truth import Truth
from otel_tickrmeter.simulate.control import RunControl
from otel_tickrmeter.simulate.play import Played, play
from otel_tickrmeter.simulate.publisher import Pace


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run: see `Played`, `truth` for `messages`, and `expected` for the rest."""

    options: SimulateOptions
    played: Played
    messages: dict[str, int]
    expected: Samples
    approximate: Samples
    rows: Samples
    bursts: Samples

    @property
    def pace(self) -> Pace:
        """How well it kept its pace."""
        return self.played.pace

    @property
    def failure(self) -> str | None:
        """Why it ended early; None when it did not."""
        return self.played.failure

    def as_json(self) -> bytes:
        """The summary as one JSON object with a final newline. Durations in seconds."""
        everything = {
            "options": self.options.as_json(),
            "complete": self.played.complete,
            "failure": self.failure,
            "pace": asdict(self.pace) | {"rate": self.pace.rate},
            "messages": self.messages,
            "expected": self.expected,
            "approximate": self.approximate,
            "rows": self.rows,
            "bursts": self.bursts,
        }
        return orjson.dumps(everything, option=orjson.OPT_APPEND_NEWLINE)

    def as_text(self) -> str:
        """One line for people."""
        return self.pace.as_text(self.failure)


def simulate(options: SimulateOptions, control: RunControl | None = None) -> Summary:
    """Publish the fleet's messages and return what was sent; `control` may end the run early, cleanly."""
    plan, truth = Plan(options), Truth()
    if options.prepare:
        messages, total = plan.kept(), 0
    else:
        messages, total = plan.messages(), int(options.rate * options.duration)
        if options.retained:
            for message in plan.kept():
                truth.record(message, options.started)
    played = play(
        messages, options, total, lambda message: truth.record(message, time.time()), control or RunControl()
    )
    return Summary(
        options,
        played,
        dict(truth.messages),
        expected(truth),
        approximate(truth),
        rows(truth),
        bursts(truth),
    )
