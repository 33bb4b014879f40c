"""The AutoCore fleet's exposition against OpenTelemetry's own, and its end; both fleets in one pipeline."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from otel_tickrmeter.stream.message import LinkEvent, Lost, Message, Stalled
from otel_tickrmeter.stream.reason import LinkReason
from tests.property.traffic_strategy import traffic
from tests.support.assembly import (
    START_NS,
    UNIX_OFFSET_NS,
    Answered,
    Step,
    compact_telemetry,
    expose,
    stock_telemetry,
)
from tests.support.autocore_assembly import (
    TABLE,
    AutoCoreAssembly,
    at,
    begun,
    database_day,
    message,
    passing,
    rows,
)
from tests.support.exposition_text import Key, exposition

DEVICES = ("A", "B", "C", "D")
# Nobody leaves, and nobody gives way: the stock reader cannot forget.
KEPT = replace(TABLE, max_devices=100, device_timeout=30.0, device_retention=10.0**8)
SHORT = replace(TABLE, max_devices=3, device_timeout=20.0, device_retention=40.0)
UNIX = (START_NS + UNIX_OFFSET_NS) // 10**9


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    # The handler tells the log of every link event, and there are thousands.
    logger.disable("otel_tickrmeter")
    yield
    logger.enable("otel_tickrmeter")


def stamps(second: int) -> st.SearchStrategy[object]:
    """What a device with a good, a slow or no clock says."""
    return st.sampled_from(
        [None, UNIX + second, UNIX + second - 1, UNIX + second - 30, "1970-01-01T00:00:00"]
    )


readings = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.integers(-20, 90),
        "humidity": st.sampled_from([0, 40, 101, "x"]),
        "voltage": st.sampled_from([9, 12.5, 14]),
        "memory_free": st.integers(0, 90_000),
        "uptime": st.integers(0, 500),
        "wifi_signal": st.integers(-90, -30),
        "signals": st.just({"RPM": {"value": 800, "unit": "1/min"}}),
    },
)
described = st.fixed_dictionaries(
    {"status": st.sampled_from(["online", "online", "offline", "error", "maintenance", "asleep"])},
    optional={
        "firmware_version": st.sampled_from(["1.5", "2.0", '"']),
        "device_type": st.sampled_from(["esp32", "display"]),
        "reason": st.just("unexpected_disconnect"),
        "protocol_version": st.sampled_from([1, "3.0"]),
    },
)
states = st.fixed_dictionaries(
    {"state": st.booleans()}, optional={"triggered_by": st.sampled_from(["web", "button", "nobody"])}
)
channels = st.dictionaries(st.sampled_from(["1", "2", "3", "999"]), st.booleans()).map(
    lambda found: {"channels": found}
)
shutoffs = st.just({"event": "safety_shutoff", "channel": 1, "reason": "heartbeat"})
changes = st.booleans().map(lambda state: {"event": "relay_change", "channel": 1, "state": state})
touches = st.fixed_dictionaries({"action": st.sampled_from(["press", "swipe", "wave"])})
notes = st.just({"text": "told"})
KINDS: list[tuple[str, st.SearchStrategy[object]]] = [
    ("{}/status", described),
    ("{}/telemetry", readings),
    ("{}/telemetry", readings),
    ("{}/relay/0/status", states),
    ("{}/relay/3/status", states),
    ("devices/{}/relays/state", channels),
    ("devices/{}/telemetry", st.one_of(shutoffs, changes)),
    ("{}/display/interaction", touches),
    ("{}/system/boot", notes),
    ("{}/system/error", notes),
    ("devices/{}/announce", described),
    ("devices/{}/response", notes),
    ("{}/nothing/known", notes),
    ("{}/telemetry", st.sampled_from([b"{", b"[]", b"", b"\xff"])),
]


@st.composite
def boards(draw: st.DrawFn, most: int) -> list[Message | LinkEvent]:
    """Draw traffic of a few devices, and time that passes in it."""
    steps: list[Message | LinkEvent] = [*begun()]
    second = 1
    for _ in range(draw(st.integers(0, most))):
        second += draw(st.sampled_from([0, 0, 1, 1, 5, 31]))
        what = draw(st.integers(0, 19))
        if what == 0:
            steps.append(passing(second))
        elif what == 1:
            steps += [Lost(at(second), LinkReason.OTHER, ""), *begun()]
        elif what == 2:
            steps.append(Stalled(at(second), 1.5))
        else:
            topic, payloads = draw(st.sampled_from(KINDS))
            payload = draw(payloads)
            stamp = draw(stamps(second))
            if isinstance(payload, dict) and stamp is not None:
                payload = {**payload, "timestamp": stamp}
            flag = draw(st.sampled_from(["", "", "", "", "retain", "duplicate", "backlog"]))
            device = draw(st.sampled_from(DEVICES))
            steps.append(message(second, topic.format(device), payload, **({flag: True} if flag else {})))
    steps.append(passing(second + 1))
    return steps


@settings(max_examples=60)
@given(steps=boards(40))
def test_same_samples_as_the_stock_reader(steps: list[Message | LinkEvent]) -> None:
    ours, stock = compact_telemetry("device", rows=rows()), stock_telemetry("device", rows=rows())
    bad = message(0, "A/telemetry", b"{")
    for telemetry in (ours, stock):
        fleet = AutoCoreAssembly(telemetry, KEPT)
        fleet.play([*steps, bad])
        database_day(fleet.keeper)
    # The stock path counts its samples after each scrape, for the next.
    expose(stock)
    expose(ours)
    # In OpenMetrics the stock reader has two families of one name: see the catalogue.
    assert exposition(expose(ours), "text") == exposition(expose(stock), "text")


@settings(max_examples=60)
@given(steps=boards(50))
def test_nothing_is_left_of_who_left(steps: list[Message | LinkEvent]) -> None:
    telemetry = compact_telemetry("device", rows=rows())
    fleet = AutoCoreAssembly(telemetry, SHORT)
    fleet.play(steps)
    end = steps[-1]
    assert not isinstance(end, Message)
    last = (end.at_ns - START_NS) // 10**9 if hasattr(end, "at_ns") else 0
    fleet.play(passing(last + seconds) for seconds in (100, 200, 300))
    found = [dict(labels) for _, labels in exposition(expose(telemetry), "text").samples]
    assert [each for each in found if "device_id" in each] == []


def of(samples: dict[Key, float], fleet: str) -> dict[Key, float]:
    return {
        key: value
        for key, value in samples.items()
        if key[0].startswith(f"{fleet}_") and "processing" not in key[0]
    }


@settings(max_examples=40)
@given(ours=boards(25), theirs=traffic(25), data=st.data())
def test_two_fleets_in_one_pipeline_do_not_disturb_each_other(
    ours: list[Message | LinkEvent], theirs: list[Step], data: st.DataObject
) -> None:
    mine = [step for step in ours if isinstance(step, Message)]
    others = [step for step in theirs if isinstance(step, Message) and not isinstance(step, Answered)]
    places = data.draw(st.permutations([0] * len(mine) + [1] * len(others)))
    queues = [iter(mine), iter(others)]
    # Each at the time of its turn: time is one for both.
    mixed = [next(queues[place])._replace(arrived_ns=at(1 + number)) for number, place in enumerate(places)]
    alone = [step for step, place in zip(mixed, places, strict=True) if place == 0]
    end = passing(2 + len(mixed))

    def shown(steps: list[Message], *, both: bool) -> dict[Key, float]:
        telemetry = compact_telemetry("device", rows=rows(both=both))
        AutoCoreAssembly(telemetry, KEPT, both=both).play([*begun(), *steps, end])
        return exposition(expose(telemetry), "text").samples

    together = shown(mixed, both=True)
    assert of(together, "autocore") == of(shown(alone, both=False), "autocore")


def test_the_strategy_makes_payloads_that_mean_something() -> None:
    assert all("{}" in topic for topic, _ in KINDS)
    assert json.loads(message(1, "A/status", {"status": "online"}).payload) == {"status": "online"}
