"""From two exporters to three and back while nothing is sent: nothing is missed, and nothing there twice.

With partitions whoever is to keep something else is started anew; with handlers of Kafka, which hear nothing
of what others keep, devices are let go and the process goes on.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from importlib import import_module

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_tickrmeter.settings.model import PartitionSettings
from otel_tickrmeter.stream.message import LinkEvent, Message, Watermark
from otel_tickrmeter.stream.partition import Partition, Spread
from tests.property.test_partition_sum import (
    BOUNDS,
    LAST_SECOND,
    Stream,
    begun,
    of_a_tickrmeter,
    passing,
    rules,
)
from tests.support.assembly import SECOND_NS, Assembly, assemble, compact_telemetry, expose
from tests.support.exposition_text import Exposition, exposition
from tests.support.partitions import received, what_differs

DEVICES = 8
BASE = replace(BOUNDS, request_timeout=3.0)
REST = 10
"""Seconds: longer than a request may wait, so none is open then."""
Words = Sequence[tuple[int, int, int]]


@st.composite
def phases(draw: st.DrawFn) -> list[Words]:
    """Three times some traffic, in which every device says how it is."""
    word = st.tuples(st.integers(0, DEVICES - 1), st.integers(0, LAST_SECOND - REST), st.integers(0, 3))
    everybody = [(device, 0, 0) for device in range(DEVICES)]
    return [everybody + sorted(draw(st.lists(word, max_size=25)), key=lambda each: each[1]) for _ in range(3)]


def later(steps: Iterable[Message | LinkEvent], phase: int) -> Stream:
    """The same in a later phase."""
    ns = phase * LAST_SECOND * SECOND_NS
    found: list[Message | LinkEvent] = []
    for step in steps:
        if isinstance(step, Message):
            found.append(step._replace(arrived_ns=step.arrived_ns + ns))
        elif isinstance(step, Watermark):
            found.append(Watermark(step.at_ns + ns, 0, step.heard_ns + ns))
    return found


class Shown:
    """One that handles what it is given, in symbol detail, and what it shows of it."""

    def __init__(self, part: PartitionSettings | None = None) -> None:
        self._telemetry = compact_telemetry("symbol")
        self.assembly: Assembly = assemble(self._telemetry, "symbol", BASE, partition=part)

    def now(self) -> Exposition:
        return exposition(expose(self._telemetry), "text")


class Part:
    """One of several that hear everything from its start on."""

    def __init__(self, index: int, count: int) -> None:
        self._partition = Partition(index, count)
        self._shown = Shown(PartitionSettings(index, count))
        self._heard: list[Message | LinkEvent] = []

    def hear(self, steps: Stream) -> None:
        self._heard += steps if self._heard else [*begun(first_ns(steps)), *steps]

    def now(self) -> Exposition:
        self._shown.assembly.play(received(self._heard, rules(), self._partition))
        return self._shown.now()


def first_ns(steps: Stream) -> int:
    (first, *_) = (step for step in steps if isinstance(step, Watermark))
    return first.at_ns


def one(steps: Stream) -> Exposition:
    """What one shows that was started just before, and keeps everything."""
    shown = Shown()
    shown.assembly.play([*begun(first_ns(steps)), *steps])
    return shown.now()


@settings(max_examples=10)
@given(phases())
def test_each_set_of_partitions_shows_what_one_does_that_began_when_it_did(drawn: list[Words]) -> None:
    first, second, third = (
        later(passing(of_a_tickrmeter, words), phase) for phase, words in enumerate(drawn)
    )
    two = [Part(0, 2), Part(1, 2)]
    for each in two:
        each.hear(first)
    # The new one is first; then those that were there begin anew, one after the other.
    three = [Part(0, 3), Part(1, 3), Part(2, 3)]
    for each in reversed(three):
        each.hear(second)
    back = [Part(0, 2), Part(1, 2)]
    for each in back:
        each.hear(third)
    for parts, heard in ((two, first), (three, second), (back, third)):
        assert what_differs(one(heard), [each.now() for each in parts]) == {}


@settings(max_examples=10)
@given(phases())
def test_handlers_together_show_what_one_does_though_devices_move_twice(drawn: list[Words]) -> None:
    """Their partitions are dealt out as the range assignor does: from 4 each to 3, 3 and 2, and back."""
    spread = Spread(8)
    (rule,) = rules()
    place = import_module(rule.module).make_placer(
        rule.options, spread.of_device, spread.of_message, rule.most
    )
    whole, handlers = Shown(), [Shown(), Shown(), Shown()]
    for each in (whole, *handlers):
        each.assembly.play(begun())
    shares = (
        [range(4), range(4, 8), range(0)],
        [range(3), range(3, 6), range(6, 8)],
        [range(4), range(4, 8), range(0)],
    )
    for phase, words in enumerate(drawn):
        steps = later(passing(of_a_tickrmeter, words), phase)
        whole.assembly.play(steps)
        for handler, share in zip(handlers, shares[phase], strict=True):
            handler.assembly.fleet.release(lambda device, share=share: spread.of_device(device) not in share)  # type: ignore[misc]
            handler.assembly.play(
                step for step in steps if not isinstance(step, Message) or place(step) in share
            )
    differs = what_differs(whole.now(), [handler.now() for handler in handlers])
    # What a pair came to before is not known where it moves to: a second answer is one that nobody asked for.
    unmatched = [
        differs.pop(key) for key in list(differs) if key[0] == "tickrmeter_stock_update_unmatched_total"
    ]
    assert sum(together for together, _ in unmatched) == sum(alone for _, alone in unmatched)
    # That devices were let go is counted.
    assert {name for name, _ in differs} <= {"tickrmeter_series_expired_total"}
