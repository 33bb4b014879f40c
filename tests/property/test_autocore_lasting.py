"""Any AutoCore traffic, saved at any moment: what is taken back shows, tells and stores what it would have.

To the fleet a restart is a lost connection. So one that was restarted is held to one that lost its connection
there and went on: by what it shows, and by the rows that it gives to the database. What differs: `last_seen`
is written once more, and message keys begin anew.
"""

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from otel_tickrmeter.fleets.autocore.settings import AutoCoreTable
from otel_tickrmeter.store import rows as stored
from otel_tickrmeter.stream.message import LinkEvent, Lost, Message, Watermark
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.telemetry.exposition import Telemetry
from tests.property.test_autocore_oracle import KEPT, SHORT, boards
from tests.support.assembly import SECOND_NS, compact_telemetry, expose, stock_telemetry
from tests.support.autocore_assembly import AutoCoreAssembly, rows
from tests.support.exposition_text import Key, exposition
from tests.support.lasting import read, written

Steps = list[Message | LinkEvent]
OF_PROGRAM = ("autocore_mqtt_", "autocore_database_", "autocore_queue_", "autocore_spool_")
MINUTE_NS = 60 * SECOND_NS


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("otel_tickrmeter")
    yield
    logger.enable("otel_tickrmeter")


def samples(telemetry: Telemetry) -> dict[Key, float]:
    """What the fleet's instruments show; those of the connection and of the database begin anew."""
    expose(telemetry)
    shown = exposition(expose(telemetry), "text").samples
    return {
        key: value
        for key, value in shown.items()
        if key[0].startswith("autocore_") and not key[0].startswith(OF_PROGRAM) and "processing" not in key[0]
    }


def told(assembly: AutoCoreAssembly) -> list[Any]:
    """The rows that it gave away since the last time, but how devices are: that may be said once more."""
    taken = list(assembly.keeper.rows)
    assembly.keeper.rows.clear()
    return [
        {**asdict(row), "message_key": "", "kind": type(row)}
        for row in taken
        if not isinstance(row, stored.DeviceState)
    ]


def restarted(
    old: AutoCoreAssembly, before: Telemetry, after: Telemetry, *, shift_ns: int = 0
) -> AutoCoreAssembly:
    """Another one, which has taken back what the old one would have saved now."""
    new = AutoCoreAssembly(after, old.table)
    lasting = new.lasting(after)
    tables = read(lasting, written(old.lasting(before)))
    lasting.read(tables, shift_ns, old.now_ns + shift_ns, counted=True)()
    new.now_ns = old.now_ns + shift_ns
    return new


def state(assembly: AutoCoreAssembly, telemetry: Telemetry) -> dict[str, list[tuple[object, ...]]]:
    """What would be saved of the fleet."""
    tables = written(assembly.lasting(telemetry))
    return {name: found for name, found in tables.items() if name.startswith("autocore_")}


def lose_connection(assembly: AutoCoreAssembly) -> None:
    """What a restart is to the fleet."""
    assembly.play([Lost(assembly.now_ns, LinkReason.CLOSED_BY_BROKER, "")])


@pytest.mark.parametrize("reader", ["compact", "stock"])
@settings(max_examples=25)
@given(steps=boards(40))
def test_what_is_taken_back_shows_what_was_shown(reader: str, steps: Steps) -> None:
    make = compact_telemetry if reader == "compact" else stock_telemetry
    before, after = make("device", rows=rows()), make("device", rows=rows())
    # The SDK's reader keeps series of those who left, until a restart.
    old = AutoCoreAssembly(before, SHORT if reader == "compact" else KEPT)
    old.play(steps)
    new = restarted(old, before, after)
    assert samples(after) == samples(before)
    # And it would be saved as the same, but for the time that nobody was there.
    lose_connection(old)
    assert state(new, after) == state(old, before)


@settings(max_examples=60)
@given(steps=boards(60), share=st.floats(0, 1), table=st.sampled_from([KEPT, SHORT]))
def test_what_comes_after_a_restart_means_the_same(steps: Steps, share: float, table: AutoCoreTable) -> None:
    before, after = (compact_telemetry("device", rows=rows()) for _ in range(2))
    old = AutoCoreAssembly(before, table)
    cut = int(share * len(steps))
    old.play(steps[:cut])
    told(old)
    new = restarted(old, before, after)
    assert told(new) == []
    lose_connection(old)
    now_ns = old.now_ns
    end_ns = max([now_ns, *(step.arrived_ns for step in steps if isinstance(step, Message))]) + 2 * SECOND_NS
    for assembly in (old, new):
        assembly.play(steps[cut:])
        assembly.play([Watermark(end_ns, 0, end_ns)])
    assert told(new) == told(old)
    assert samples(after) == samples(before)
    # Who left takes all series along, those of before the restart among them.
    ends = [Watermark(end_ns + minutes * MINUTE_NS, 0, end_ns + minutes * MINUTE_NS) for minutes in (2, 4, 6)]
    for assembly in (old, new):
        assembly.play(ends)
    assert told(new) == told(old)
    assert samples(after) == samples(before)
