"""The summary of a run: what was sent, how well it kept its pace, and what the exporter must show for it."""

from dataclasses import asdict, dataclass

import orjson

from otel_tickrmeter.fleets.tickrmeter.simulate.expected import Samples, approximate, expected
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.truth import Truth
from otel_tickrmeter.simulate.play import Played
from otel_tickrmeter.simulate.publisher import Pace


@dataclass(frozen=True, slots=True)
class Summary:
    """A finished run.

    `failure` says why it ended early; what was on its way then may or may not have arrived. `complete` is
    false after a failure or a stop. `open_at_end` requests were open when the last message left; they count
    as timed out in `expected`. `messages` is keyed by message type; see expected.py for the other two.
    """

    options: SimulateOptions
    complete: bool
    failure: str | None
    open_at_end: int
    slow_symbols: tuple[str, ...]
    pace: Pace
    messages: dict[str, int]
    expected: Samples
    approximate: Samples

    def as_json(self) -> bytes:
        """The summary as one JSON object with a final newline. Durations in seconds."""
        everything = {
            "options": self.options.as_json(),
            "complete": self.complete,
            "failure": self.failure,
            "open_at_end": self.open_at_end,
            "slow_symbols": self.slow_symbols,
            "pace": asdict(self.pace) | {"rate": self.pace.rate},
            "messages": self.messages,
            "expected": self.expected,
            "approximate": self.approximate,
        }
        return orjson.dumps(everything, option=orjson.OPT_APPEND_NEWLINE)

    def as_text(self) -> str:
        """One line for people."""
        return self.pace.as_text(self.failure)


def summarise(
    options: SimulateOptions,
    truth: Truth,
    played: Played,
    *,
    slow_symbols: tuple[str, ...],
) -> Summary:
    """Sum up a run; every request still open in `truth` is timed out."""
    open_at_end = len(truth.open_requests)
    truth.expire(float("inf"))
    return Summary(
        options=options,
        complete=played.complete,
        failure=played.failure,
        open_at_end=open_at_end,
        slow_symbols=slow_symbols,
        pace=played.pace,
        messages={kind.value: n for kind, n in truth.messages.items()},
        expected=expected(truth),
        approximate=approximate(truth),
    )
