"""Plays the plan of a fleet: publishes it with a progress bar, and says how that went."""

from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeVar

from otel_tickrmeter.simulate.control import RunControl
from otel_tickrmeter.simulate.planned import Planned
from otel_tickrmeter.simulate.progress import progress
from otel_tickrmeter.simulate.publisher import BrokerError, Pace, PublishOptions, publish

MeaningT = TypeVar("MeaningT")


class Played(NamedTuple):
    """How a run went. `failure` says why it ended early; `complete` is false after that, and after a stop."""

    pace: Pace
    complete: bool
    failure: str | None


def play(
    messages: Iterable[Planned[MeaningT]],
    options: PublishOptions,
    total: int,
    sent: Callable[[Planned[MeaningT]], None],
    control: RunControl,
) -> Played:
    """Publish the messages, about `total`, at their times; `sent` is told each, with when it really left."""
    pace = Pace()
    failure: str | None = None
    with progress(total) as advance:

        def note(message: Planned[MeaningT]) -> None:
            sent(message)
            advance(1)
            control.advance(1)

        try:
            publish(messages, options, control, sent=note, pace=pace)
        except BrokerError as error:
            failure = str(error)
    return Played(pace, failure is None and not control.stop.is_set(), failure)
