"""Several exporters that share a fleet show together, to the last count, what one shows that keeps all of it.

What can never be added (means, percentiles, rankings of a symbol's window) is left out, and what is each
exporter's own. Where devices leave, so are counts by firmware: a version leaves the exporter that sees no
more of it, and may stay in another. No symbol leaves in these tests, for the same reason.
"""

import json
import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore.dialect import AutoCore
from otel_tickrmeter.fleets.autocore.settings import AutoCoreTable
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions as BoardOptions
from otel_tickrmeter.fleets.autocore.simulate.plan import Plan as BoardPlan
from otel_tickrmeter.fleets.tickrmeter.dialect import TickrMeter
from otel_tickrmeter.fleets.tickrmeter.settings import MonitoringSettings, TickrMeterSettings
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.plan import Plan
from otel_tickrmeter.settings.model import PartitionSettings
from otel_tickrmeter.stream.message import Connected, LinkEvent, Message, Subscribed, Watermark
from otel_tickrmeter.stream.partition import OwnerRule, Partition
from tests.property.test_simulate_plan import options
from tests.property.test_tickrmeter_decode import ANY_PAYLOAD, TOPICS
from tests.property.traffic_strategy import traffic
from tests.support import autocore_assembly
from tests.support.assembly import (
    SECOND_NS,
    START_NS,
    UNIX_OFFSET_NS,
    Answered,
    assemble,
    compact_telemetry,
    expose,
)
from tests.support.exposition_text import Exposition, Key, exposition
from tests.support.partitions import heard_by, received, what_differs
from tests.support.settings import settings_of
from tests.support.traffic import answer, request, status

Stream = Sequence[Message | LinkEvent]
BOUNDS = MonitoringSettings(device_timeout=1e6, cleanup_interval=1e6, min_ranked_requests=2)
END_NS = START_NS + 1000 * SECOND_NS
COUNTS = st.sampled_from([2, 3, 4])


def tickrmeters(
    stream: Stream, partition: PartitionSettings, bounds: MonitoringSettings = BOUNDS
) -> Exposition:
    telemetry = compact_telemetry("device")
    assemble(telemetry, "device", bounds, partition=partition).play(stream)
    return exposition(expose(telemetry), "text")


def rules() -> list[OwnerRule]:
    return [TickrMeter().owner_rule(settings_of(TickrMeterSettings(monitoring=BOUNDS)))]


def assert_partitions_are_one(stream: Stream, count: int) -> None:
    parts = [
        tickrmeters(received(stream, rules(), Partition(index, count)), PartitionSettings(index, count))
        for index in range(count)
    ]
    whole = tickrmeters(stream, PartitionSettings())
    assert what_differs(whole, parts) == {}
    sent = sum(isinstance(step, Message) for step in stream)
    assert [heard_by(part, "tickrmeter_messages_total") for part in parts] == [sent] * count


def begun(at_ns: int = START_NS) -> list[LinkEvent]:
    return [Connected(at_ns, session_present=False, protocol="5"), Subscribed(at_ns)]


def at(seconds: float) -> int:
    return START_NS + round(seconds * SECOND_NS)


@settings(max_examples=12)
@given(
    options(),
    st.lists(st.tuples(st.floats(0, 40), st.sampled_from(TOPICS), ANY_PAYLOAD), max_size=30),
    COUNTS,
)
def test_partitions_of_a_simulated_fleet_and_whatever_strangers_send_are_one_exporter(
    drawn: SimulateOptions, strange: list[tuple[float, str, bytes]], count: int
) -> None:
    planned = [(each.at_seconds, each.topic, each.payload) for each in Plan(drawn).messages()]
    sent = sorted([*planned, *strange], key=lambda each: each[0])
    stream: list[Message | LinkEvent] = [*begun()]
    stream += (Message(topic.encode(), payload, at(seconds)) for seconds, topic, payload in sent)
    stream.append(Watermark(END_NS, 0, END_NS))
    assert_partitions_are_one(stream, count)


@settings(max_examples=40)
@given(traffic(60), COUNTS)
def test_partitions_are_one_exporter_whatever_happens_to_the_link(
    steps: list[Message | LinkEvent | Answered], count: int
) -> None:
    stream: list[Message | LinkEvent] = [*begun()]
    last_ns = START_NS
    for step in steps:
        if isinstance(step, Message):
            last_ns = step.arrived_ns
        if isinstance(step, Watermark):
            stream.append(replace(step, heard_ns=last_ns))
        elif not isinstance(step, Answered):
            stream.append(step)
    assert_partitions_are_one(stream, count)


@settings(max_examples=4)
@given(st.integers(0, 2**32), st.sampled_from([5, 40]), COUNTS)
def test_partitions_of_simulated_boards_are_one_exporter(seed: int, devices: int, count: int) -> None:
    started = (START_NS + UNIX_OFFSET_NS) / SECOND_NS
    options = BoardOptions(
        devices=devices, duration=40, seed=seed, started=started, layouts=("seed", "devices"), bursts=0.01
    )
    plan = BoardPlan(options)
    stream: list[Message | LinkEvent] = [*begun()]
    last = 0.0
    for each in plan.messages():
        stream.append(Message(each.topic.encode(), each.payload, at(each.at_seconds)))
        last = each.at_seconds
    end_ns = at(math.ceil(last) + 5)
    stream.append(Watermark(end_ns, 0, end_ns))
    table = replace(autocore_assembly.TABLE, device_timeout=3600.0)
    whole, parts = boards(stream, table), parts_of_boards(stream, table, count)
    assert what_differs(whole, parts) == {}
    assert [heard_by(part, "autocore_messages_total") for part in parts] == [len(stream) - 3] * count


def boards(heard: Stream, table: AutoCoreTable) -> Exposition:
    telemetry = compact_telemetry("device", rows=autocore_assembly.rows())
    autocore_assembly.AutoCoreAssembly(telemetry, table).play(heard)
    return exposition(expose(telemetry), "text")


def parts_of_boards(stream: Stream, table: AutoCoreTable, count: int) -> list[Exposition]:
    rule = AutoCore().owner_rule(autocore_assembly.settings(table))
    return [boards(received(stream, [rule], Partition(index, count)), table) for index in range(count)]


LEAVING = MonitoringSettings(device_timeout=5, cleanup_interval=2, request_timeout=3, symbol_retention=1e6)
LAST_SECOND = 40


@st.composite
def comings_and_goings(draw: st.DrawFn) -> list[tuple[int, int, int]]:
    """Who speaks, when, and what: a few devices, most of them silent for long more than once."""
    visits = st.tuples(st.integers(0, 7), st.integers(0, LAST_SECOND - 2), st.integers(1, 6))
    words: list[tuple[int, int, int]] = []
    for device, start, seconds in draw(st.lists(visits, min_size=1, max_size=12)):
        words += [
            (device, second, draw(st.integers(0, 3)))
            for second in range(start, min(start + seconds, LAST_SECOND))
        ]
    return sorted(words, key=lambda each: each[1])


def passing(say: Callable[[int, int, int], Message], words: Sequence[tuple[int, int, int]]) -> Stream:
    """What is said, and a mark each second: everybody's cleanups come at the same moments."""
    by_second: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for device, second, what in words:
        by_second[second].append((device, what))
    stream: list[Message | LinkEvent] = [*begun()]
    for second in range(LAST_SECOND):
        stream.append(Watermark(at(second), 0, at(second)))
        for place, (device, what) in enumerate(by_second[second], 1):
            stream.append(say(device, at(second + place / 1000), what))
    stream.append(Watermark(at(LAST_SECOND), 0, at(LAST_SECOND)))
    return stream


def of_a_tickrmeter(device: int, at_ns: int, what: int) -> Message:
    device_id, symbol = f"{device:012X}", ("AAPL", "TSLA")[device % 2]
    if what == 0:
        return status(device_id, at_ns, firmware_version=f"6.{device % 3}", battery=50 + device)
    return (answer if what == 1 else request)(device_id, symbol, at_ns)


@settings(max_examples=30)
@given(comings_and_goings(), COUNTS)
def test_devices_leave_partitions_as_they_leave_one_exporter(
    words: list[tuple[int, int, int]], count: int
) -> None:
    stream = passing(of_a_tickrmeter, words)
    parts = [
        tickrmeters(
            received(stream, rules(), Partition(index, count)), PartitionSettings(index, count), LEAVING
        )
        for index in range(count)
    ]
    whole = tickrmeters(stream, PartitionSettings(), LEAVING)
    assert but_for_counts_by_firmware(what_differs(whole, parts)) == {}


def of_a_board(device: int, at_ns: int, what: int) -> Message:
    said: dict[str, object] = {"temperature": 20 + device, "humidity": 40 + what}
    if what == 0:
        said = {"status": "online", "firmware_version": f"6.{device % 3}"}
    elif what == 1:
        said = {"channels": {f"{device}": bool(at_ns % 2)}}
    kind = ("status", "relays/state", "telemetry", "telemetry")[what]
    return Message(f"autocore/devices/E{device}/{kind}".encode(), json.dumps(said).encode(), at_ns)


@settings(max_examples=30)
@given(comings_and_goings(), COUNTS)
def test_boards_leave_partitions_as_they_leave_one_exporter(
    words: list[tuple[int, int, int]], count: int
) -> None:
    stream = passing(of_a_board, words)
    table = replace(autocore_assembly.TABLE, device_timeout=3.0, device_retention=8.0)
    whole, parts = boards(stream, table), parts_of_boards(stream, table, count)
    assert but_for_counts_by_firmware(what_differs(whole, parts)) == {}


def but_for_counts_by_firmware(found: Mapping[Key, Any]) -> dict[Key, Any]:
    return {
        (name, labels): values
        for (name, labels), values in found.items()
        if not (
            name.endswith("_total") and ("firmware_version" in dict(labels) or ("kind", "firmware") in labels)
        )
    }
