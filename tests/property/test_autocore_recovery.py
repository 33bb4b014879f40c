"""Any AutoCore traffic, a state saved at any moment, and a program killed at any moment after it.

What is taken again from the journal makes the rows that were made, with their keys, and leaves the fleet as
it was: as one that was never killed, and lost its connection there. On the same machine, and after it was
started anew, where the monotonic clock is another.
"""

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from otel_tickrmeter.journal.segments import segments
from otel_tickrmeter.saved.moment import Moment
from otel_tickrmeter.store import rows as stored
from otel_tickrmeter.stream.message import LinkEvent, Message, Watermark
from tests.property.test_autocore_lasting import Steps, lose_connection, samples
from tests.property.test_autocore_oracle import KEPT, SHORT, boards
from tests.support.assembly import SECOND_NS, UNIX_OFFSET_NS, compact_telemetry
from tests.support.autocore_assembly import AutoCoreAssembly, rows
from tests.support.journal import write_down
from tests.support.lasting import read, written


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("otel_tickrmeter")
    yield
    logger.enable("otel_tickrmeter")


def told(assembly: AutoCoreAssembly) -> list[dict[str, Any]]:
    """The rows that it gave away since the last time, but states: they may be said once more."""
    taken = list(assembly.keeper.rows)
    assembly.keeper.rows.clear()
    return [
        {**asdict(row), "kind": type(row).__name__}
        for row in taken
        if not isinstance(row, stored.DeviceState | stored.RelayState)
    ]


def without_keys(found: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{**row, "message_key": ""} for row in found]


def in_order(steps: Steps) -> Steps:
    """The same as a receiver with a journal has it: no message arrives when another does, nor before."""
    latest_ns, ordered = 0, list[Message | LinkEvent]()
    for step in steps:
        if isinstance(step, Message):
            latest_ns = max(latest_ns + 1, step.arrived_ns)
            ordered.append(step._replace(arrived_ns=latest_ns))
        else:
            latest_ns = max(latest_ns, step.at_ns)
            ordered.append(replace(step, at_ns=latest_ns))
    return ordered


@settings(max_examples=60)
@given(
    steps=boards(60).map(in_order),
    shares=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    table=st.sampled_from([KEPT, SHORT]),
    rebooted=st.booleans(),
    segment_bytes=st.sampled_from([1, 2_000, 1 << 20]),
)
def test_what_is_taken_again_is_what_it_was(
    tmp_path_factory: pytest.TempPathFactory,
    steps: Steps,
    shares: tuple[float, float],
    table: Any,  # noqa: ANN401  as `boards` are held to
    *,
    rebooted: bool,
    segment_bytes: int,
) -> None:
    saved, killed = sorted(int(share * len(steps)) for share in shares)
    # What a broker kept of devices that are not known yet is in no state: it comes again with the connection.
    first_part = [step for step in steps[:saved] if not (isinstance(step, Message) and step.retain)]
    steps = [*first_part, *steps[saved:]]
    saved, killed = len(first_part), killed - saved + len(first_part)
    before, after, never = (compact_telemetry("device", rows=rows()) for _ in range(3))
    old = AutoCoreAssembly(before, table, run="1")
    old.play(steps[:saved])
    lasting = old.lasting(before)
    state = written(lasting)
    first = told(old)
    old.play(steps[saved:killed])
    lost = told(old)

    directory = tmp_path_factory.getbasetemp() / "received"
    shutil.rmtree(directory, ignore_errors=True)
    write_down(directory, "1", steps[:killed], segment_bytes)
    new = AutoCoreAssembly(after, table, run="2")
    recoverer = new.recoverer(directory)
    shift_ns = -5 * SECOND_NS if rebooted else 0
    now_ns = old.now_ns + shift_ns
    new.lasting(after).read(read(lasting, state), shift_ns, now_ns, counted=True)()
    if saved:
        recoverer.let_go(recoverer.position)
    moment = Moment("another" if rebooted else "boot", now_ns, old.now_ns + UNIX_OFFSET_NS)
    anyio.run(recoverer.take_again, moment, new.deliver)
    again = told(new)

    reference = AutoCoreAssembly(never, table, run="1")
    reference.play(steps[:killed])
    assert first + again == told(reference)
    assert again == lost
    lose_connection(reference)
    if not rebooted:
        new.now_ns = reference.now_ns
        end_ns = reference.now_ns + 2 * SECOND_NS
        for assembly in (reference, new):
            assembly.play(step for step in steps[killed:])
            assembly.play([Watermark(end_ns, 0, end_ns)])
        assert without_keys(told(new)) == without_keys(told(reference))
        assert samples(after) == samples(never)
    recoverer.let_go(recoverer.position)
    # What another run had received is not needed any more, as soon as this one has received something.
    assert recoverer.position.run != "2" or not segments(directory)
