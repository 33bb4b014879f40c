"""Rule 5 of docs/autocore.md as a law about a whole device: its status, its relays, its sensors, its rows.

Of the messages of one topic, which arrive together and all tell the same things, at different times that can
be trusted: *recent* are the newest and those at most two seconds older. Of those that are not recent no two
are within a second of each other, else three of them in a row could mean that the clock was set back. Then,
in whatever order they come, however often, and whatever comes on other topics meanwhile:

1. What is known in the end is what that recent one says of which the first copy came last: within two seconds
   arrival decides. With a single one that is recent, the order does not matter at all.
2. So say the rows of the device and of each relay in the end.
3. The readings that are stored are those of all messages. As a set: what is late and comes again is stored
   again.

Not of the law is what depends on the way, and not on the end: when a relay was last switched and by what,
what the log of connections and the events of relays say, averages. Nor is "offline": it counts by arrival.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore.device import Device
from otel_tickrmeter.store.rows import DeviceState, Reading, RelayState, Row
from tests.support.autocore import UNIX, stamp
from tests.support.kept_rows import Kept

NEWEST = 100.0
NUMBERS = st.integers(1, 90)
# What each topic tells; of relays and sensors each is told on one.
PAYLOADS: Mapping[str, st.SearchStrategy[dict[str, object]]] = {
    "A/status": st.fixed_dictionaries(
        {
            "status": st.sampled_from(["online", "error", "maintenance"]),
            "ip_address": NUMBERS.map("10.0.0.{}".format),
            "firmware_version": NUMBERS.map("1.{}".format),
            "uptime": NUMBERS,
            "memory_free": NUMBERS,
            "wifi_signal": NUMBERS.map(lambda number: -number),
        }
    ),
    "A/telemetry": st.fixed_dictionaries({"temperature": NUMBERS, "humidity": NUMBERS, "pressure": NUMBERS}),
    "devices/A/telemetry": st.fixed_dictionaries({"current": NUMBERS, "torque": NUMBERS}),
    "A/relay/0/status": st.fixed_dictionaries({"state": st.booleans(), "triggered_by": st.just("web")}),
    "A/relay/1/status": st.fixed_dictionaries({"state": st.booleans()}),
    "devices/A/relays/state": st.fixed_dictionaries(
        {"channels": st.fixed_dictionaries({"3": st.booleans(), "4": st.booleans()})}
    ),
}
READINGS = {
    "A/telemetry": ("temperature", "humidity", "pressure"),
    "devices/A/telemetry": ("current", "torque"),
}
Told = tuple[str, float, dict[str, object]]
"""Topic, stamp in seconds, and what is told then."""


@st.composite
def stamps(draw: st.DrawFn) -> list[float]:
    """Draw stamps in seconds: some of two seconds, and older ones."""
    tenths = draw(st.sets(st.sampled_from([1, 10, 19, 20]), max_size=3)) | {0}
    gaps = draw(st.lists(st.sampled_from([1.3, 2.0, 7.0]), max_size=3))
    older = [NEWEST - 2 - sum(gaps[: place + 1]) for place in range(len(gaps))]
    return [NEWEST - tenth / 10 for tenth in sorted(tenths)] + older


@st.composite
def arriving(draw: st.DrawFn) -> list[Told]:
    """Draw messages of all topics in the order of their arrival, some of them more than once."""
    messages = [
        (topic, second, draw(payloads)) for topic, payloads in PAYLOADS.items() for second in draw(stamps())
    ]
    copies = draw(st.lists(st.sampled_from(messages), max_size=12))
    return draw(st.permutations([*messages, *copies]))


@given(arriving())
def test_rule_5_of_a_device_the_last_of_the_recent_ones_says_what_is(sequence: Sequence[Told]) -> None:
    driver = Kept()
    for number, (topic, second, payload) in enumerate(sequence):
        driver.publish(200 + number / 1000, f"autocore/{topic}", {**payload, "timestamp": stamp(second)})
    wanted = {}
    for place, (topic, second, payload) in enumerate(sequence):
        if second >= NEWEST - 2 and (topic, second, payload) not in sequence[:place]:
            wanted[topic] = payload
    device = driver.device()
    assert known(device) == said(wanted)

    rows = driver.list.rows
    (*_, row) = (row for row in rows if isinstance(row, DeviceState))
    status = wanted["A/status"]
    assert (row.status, row.ip_address, row.firmware_version) == (
        *(status["status"], status["ip_address"], status["firmware_version"]),
    )
    assert in_the_table(rows) == {number: relay.state for number, relay in device.relays.items()}
    assert {(row.key, row.recorded_at, row.value) for row in rows if isinstance(row, Reading)} == {
        (key, datetime.fromtimestamp(UNIX + second, UTC), payload[key])
        for topic, second, payload in sequence
        for key in READINGS.get(topic, ())
    }


def in_the_table(rows: Sequence[Row]) -> dict[int, bool]:
    """The states of relays, as the database takes them: never one from before the one that it has."""
    found: dict[int, RelayState] = {}
    for row in rows:
        if isinstance(row, RelayState):
            known_ = found.setdefault(row.relay_index, row)
            if known_.state_since <= row.state_since:
                found[row.relay_index] = row
    return {number: row.current_state for number, row in found.items()}


def known(device: Device) -> dict[str, object]:
    return {
        "status": device.word,
        "ip_address": device.ip_address,
        "firmware_version": device.firmware_version,
        "uptime": device.uptime,
        "memory_free": device.memory_free,
        "wifi_signal": device.wifi_signal,
        **{key: sensor.value for key, sensor in device.sensors.items()},
        **{f"relay {number}": relay.state for number, relay in device.relays.items()},
    }


def said(wanted: Mapping[str, Mapping[str, object]]) -> dict[str, object]:
    """What these messages say, one of each topic."""
    channels = wanted["devices/A/relays/state"]["channels"]
    assert isinstance(channels, dict)
    return {
        **wanted["A/status"],
        **{key: value for topic in READINGS for key, value in wanted[topic].items()},
        "relay 0": wanted["A/relay/0/status"]["state"],
        "relay 1": wanted["A/relay/1/status"]["state"],
        "relay 2": channels["3"],
        "relay 3": channels["4"],
    }
