"""What is exposed of the AutoCore fleet."""

import re
from collections import Counter

import pytest
from opentelemetry.metrics import CallbackOptions, Observation

from otel_tickrmeter.catalogue import Instrument, Kind
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.catalogue import rows
from otel_tickrmeter.fleets.autocore.database import DatabaseObserver
from otel_tickrmeter.fleets.autocore.observers import ConnectionObserver, FleetObserver
from otel_tickrmeter.stream.link_state import LinkState
from tests.support.assembly import expose, stock_telemetry
from tests.support.autocore import NS, UNIX, stamp
from tests.support.autocore_instruments import Instruments
from tests.support.exposition_text import families

WILL = {"status": "offline", "reason": "unexpected_disconnect"}


def one(_: CallbackOptions) -> list[Observation]:
    return [Observation(1)]


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.exposed)
def test_the_stock_reader_derives_the_exposed_name(row: Instrument) -> None:
    telemetry = stock_telemetry("device")
    meter = telemetry.meter()
    if row.kind is Kind.COUNTER:
        meter.create_counter(row.name, row.unit, row.description).add(1)
    elif row.kind is Kind.HISTOGRAM:
        meter.create_histogram(row.name, row.unit, row.description).record(1)
    elif row.kind is Kind.OBSERVABLE_COUNTER:
        meter.create_observable_counter(row.name, [one], row.unit, row.description)
    else:
        meter.create_observable_gauge(row.name, [one], row.unit, row.description)
    _, family = families(expose(telemetry), "text")
    ends = ("_bucket", "_count", "_sum") if row.kind is Kind.HISTOGRAM else ("",)
    assert {sample.name for sample in family.samples} == {row.exposed + end for end in ends}
    assert family.type == row.exposed_type


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.exposed)
def test_a_row_is_well_formed(row: Instrument) -> None:
    assert re.fullmatch(r"autocore(\.[a-z][a-z0-9_]*)+", row.name)
    assert row.description.endswith(".")
    assert not set(row.description + row.absent + row.source) & set('\\"\n|')
    assert all(len(set(values)) == len(values) for values in row.attributes.values())


def test_names_are_unique_and_all_that_code_uses_are_rows() -> None:
    for side in ("name", "exposed"):
        assert max(Counter(getattr(row, side) for row in rows()).values()) == 1
    used = {value for name, value in vars(names).items() if name.isupper()}
    assert used == {row.name for row in rows()}


def test_every_observable_is_observed() -> None:
    fleet = Instruments().fleet
    link = LinkState(0)
    observed = (
        FleetObserver(fleet).callbacks()
        | ConnectionObserver(link, lambda: 0).callbacks()
        | DatabaseObserver(None, link, 1).callbacks()
    )
    observable = {row.name for row in rows() if row.kind not in (Kind.COUNTER, Kind.HISTOGRAM)}
    assert observed.keys() == observable


def test_devices() -> None:
    fleet = Instruments()
    fleet.online(1, uptime=60, memory_free=4096, wifi_signal=-61, firmware_version="1.2", timestamp=stamp(-1))
    fleet.online(2, "B", type="display")
    fleet.publish(3, "autocore/B/status", WILL)
    fleet.publish(3, "autocore/C/status", {"status": "error"})
    by_status = {word: fleet.value("devices", status=word) for word in ("online", "offline", "error")}
    assert by_status == {"online": 1, "offline": 1, "error": 1}
    assert fleet.value("devices", status="maintenance") == 0
    assert [fleet.value("device_online", device_id=device) for device in "ABC"] == [1, 0, 1]
    assert fleet.value("device_last_seen_timestamp_seconds", device_id="A") == UNIX + 1
    assert fleet.value("device_uptime_seconds", device_id="A") == 60
    assert fleet.value("device_memory_free_bytes", device_id="A") == 4096
    assert fleet.value("device_wifi_signal_dbm", device_id="A") == -61
    assert fleet.value("device_clock_offset_seconds", device_id="A") == -2
    info = {"device_type": "unknown", "firmware_version": "1.2"}
    assert fleet.value("device_info", device_id="A", **info) == 1
    info = {"device_type": "display", "firmware_version": "unknown"}
    assert fleet.value("device_info", device_id="B", **info) == 1
    # What was never reported has no series.
    for name in ("uptime_seconds", "memory_free_bytes", "wifi_signal_dbm", "clock_offset_seconds"):
        assert fleet.value(f"device_{name}", device_id="B") is None


def test_a_device_that_tells_another_firmware_has_one_row_of_it() -> None:
    fleet = Instruments()
    fleet.online(1, firmware_version="1")
    fleet.samples()
    fleet.online(2, firmware_version="2")
    found = [dict(labels) for name, labels in fleet.samples() if name == "autocore_device_info"]
    assert found == [{"device_id": "A", "device_type": "unknown", "firmware_version": "2"}]


def test_changes_of_connectivity() -> None:
    fleet = Instruments()
    fleet.telemetry(1, temperature=1)
    fleet.publish(2, "autocore/A/status", WILL)
    fleet.online(3)
    fleet.publish(4, "autocore/A/status", {"status": "offline"})
    fleet.online(5)
    fleet.quiet(400)
    found = {
        (dict(labels)["to"], dict(labels)["cause"]): value
        for (name, labels), value in fleet.samples().items()
        if name == "autocore_connectivity_changes_total"
    }
    assert found == {
        ("online", "activity"): 1,
        ("online", "reported"): 2,
        ("offline", "will"): 1,
        ("offline", "reported"): 1,
        ("offline", "silence"): 1,
    }


def test_relays() -> None:
    fleet = Instruments()
    fleet.relay(1, 0, state=True, triggered_by="manual", timestamp=stamp(0.5))
    fleet.relay(2, 0, state=True, triggered_by="manual")
    fleet.snapshot(3, c2=False)
    fleet.snapshot(4, c2=True)
    fleet.publish(5, "autocore/devices/A/telemetry", {"event": "safety_shutoff", "channel": 1})
    fleet.quiet(9)
    assert fleet.value("relay_state", device_id="A", relay="0") == 0
    assert fleet.value("relay_state", device_id="A", relay="1") == 1
    assert fleet.value("relay_last_change_timestamp_seconds", device_id="A", relay="0") == UNIX + 5
    changes = {
        (dict(labels)["relay"], dict(labels)["triggered_by"]): value
        for (name, labels), value in fleet.samples().items()
        if name == "autocore_relay_changes_total"
    }
    assert changes == {("0", "manual"): 1, ("0", "safety"): 1, ("1", "other"): 1}
    assert fleet.value("relay_repeats_total", device_id="A") == 1
    assert fleet.value("relay_safety_shutoffs_total", device_id="A") == 1


def test_a_relay_whose_state_was_only_kept_has_a_state_and_no_change() -> None:
    fleet = Instruments()
    fleet.online(1)
    fleet.publish(1, "autocore/A/relay/4/status", {"state": True}, retain=True)
    assert fleet.value("relay_state", device_id="A", relay="4") == 1
    assert fleet.value("relay_last_change_timestamp_seconds", device_id="A", relay="4") is None


def test_readings() -> None:
    fleet = Instruments()
    fleet.telemetry(1, temperature=25.5, humidity=45, voltage=12.5, memory_free=9, rssi=-50, fuel=0.5)
    fleet.telemetry(2, "B", signals={"RPM": {"value": 900, "unit": "rpm"}})
    assert fleet.value("telemetry_temperature_celsius", device_id="A") == 25.5
    assert fleet.value("telemetry_humidity_ratio", device_id="A") == 0.45
    assert fleet.value("telemetry_voltage_volts", device_id="A") == 12.5
    others = {
        (dict(labels)["sensor"], dict(labels)["unit"]): value
        for (name, labels), value in fleet.samples().items()
        if name == "autocore_telemetry_value"
    }
    assert others == {("fuel", ""): 0.5, ("can.rpm", "rpm"): 900}
    assert fleet.value("telemetry_temperature_celsius", device_id="B") is None


def test_interactions_and_system_messages() -> None:
    fleet = Instruments()
    for _ in range(2):
        fleet.publish(1, "autocore/A/display/interaction", {"action": "press"})
        fleet.publish(1, "autocore/A/system/boot", {})
    assert fleet.value("interactions_total", device_id="A", action="press") == 2
    assert fleet.value("system_messages_total", kind="boot") == 2
    assert fleet.value("system_messages_total", kind="ota") == 0


def test_a_device_that_is_forgotten_leaves_every_series() -> None:
    fleet = Instruments(max_devices=1)
    fleet.online(1, firmware_version="1", uptime=1, memory_free=1, wifi_signal=1, timestamp=stamp(1))
    for state in (True, False, False):
        fleet.relay(2, 0, state=state, triggered_by="web")
    fleet.publish(2, "autocore/devices/A/telemetry", {"event": "safety_shutoff", "channel": 1})
    fleet.publish(2, "autocore/A/display/interaction", {"action": "press"})
    fleet.telemetry(2, temperature=1, humidity=1, voltage=1, fuel=1)
    fleet.publish(2, "autocore/modes/night", {})
    # Of one more device nothing is known but that it is there.
    fleet.telemetry(3, "B", temperature=1)
    assert fleet.figures.set_aside == ["max_devices"]
    assert {*fleet.fleet.devices} == {"A"}
    fleet.quiet(4000)
    fleet.quiet(4002)
    assert not fleet.fleet.devices
    assert not [labels for _, labels in fleet.samples() if "device_id" in dict(labels)]


def test_series_of_before_a_restart_count_against_the_bound_of_invented_sensors() -> None:
    made = Instruments()
    recall = made.intake.memory().read(Instruments().intake.memory().kept(), 0, NS, counted=True)
    assert all(recall.knows({"sensor": f"s{number}", "kind": "outlier"}) for number in range(256))
    recall.take_over()
    for second in range(40):
        made.telemetry(2 + second, "B", new=20 + second % 2)
    made.telemetry(50, "B", new=90)
    assert made.value("telemetry_anomalies_total", sensor="other", kind="outlier") == 1


def test_what_is_no_fault_of_the_message_is_counted_and_not_set_aside() -> None:
    fleet = Instruments()
    fleet.telemetry(10, temperature=1, timestamp=stamp(10))
    fleet.telemetry(11, temperature=1, timestamp=stamp(1))
    fleet.telemetry(12, temperature=1, timestamp="soon", protocol_version=3)
    for number in range(101):
        fleet.telemetry(13, temperature=number)
    assert (fleet.figures.set_aside, fleet.figures.errors) == ([], 0)
    fleet.telemetry(14, pressure=1e300)
    assert (fleet.figures.set_aside, fleet.figures.errors) == (["out_of_range"], 1)
    for reason in ("late", "clock", "burst", "protocol_version", "out_of_range"):
        assert fleet.value("message_errors_total", message_type="telemetry", reason=reason) == 1


def test_the_connection() -> None:
    fleet = Instruments()
    assert fleet.value("mqtt_connected") == 0
    assert fleet.value("mqtt_connected_seconds_total") == 0
    fleet.link.subscribed_ns = 5 * NS
    fleet.now_ns = 15 * NS
    assert fleet.value("mqtt_connected") == 1
    assert fleet.value("mqtt_connected_seconds_total") == 10
    fleet.link.down(20 * NS, "lost")
    fleet.now_ns = 99 * NS
    assert fleet.value("mqtt_connected") == 0
    assert fleet.value("mqtt_connected_seconds_total") == 15


def test_the_fleet_is_never_what_makes_the_program_not_ready() -> None:
    assert Instruments().intake.not_ready_reason() is None
