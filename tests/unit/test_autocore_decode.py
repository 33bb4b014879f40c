"""What the AutoCore fleet reads in a payload, and what it says of one that it cannot read.

Rules 10 and 11 of docs/autocore.md.
"""

import json

import pytest

from otel_tickrmeter.fleets.autocore.bounds import MAX_DEPTH, MAX_KEYS
from otel_tickrmeter.fleets.autocore.sensor import MAX_SENSORS
from tests.support.autocore import Driver, Entry, named

STATUS = "autocore/A/status"
DEVICES = "autocore/devices/A"


def reasons(entries: list[Entry]) -> list[object]:
    return [entry[1] for entry in named(entries, "set_aside")]


def readings(entries: list[Entry]) -> dict[object, object]:
    return {entry[1]: entry[2] for entry in named(entries, "reading")}


def units(driver: Driver, device: str = "A") -> dict[str, str]:
    return {key: sensor.unit for key, sensor in driver.device(device).sensors.items()}


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", "empty"),
        (b"{", "bad_json"),
        (b'{"status": NaN}', "bad_json"),
        (b"\xff", "bad_utf8"),
        (b"[]", "not_object"),
        (b"7", "not_object"),
        (b"{}", "missing_field"),
        (b'{"status": "online", "device_id": "B"}', "id_mismatch"),
        (b'{"status": "online", "device_id": 5}', "id_mismatch"),
        (b'{"status": "online", "uuid": "B"}', "id_mismatch"),
    ],
)
def test_rule_11_what_cannot_be_taken_has_a_reason(payload: bytes, reason: str) -> None:
    driver = Driver()
    assert driver.publish(1, STATUS, payload) == [("set_aside", "status", reason)]
    assert not driver.fleet.devices


def test_rule_11_what_is_too_large_has_a_reason() -> None:
    driver = Driver()
    assert driver.publish(1, STATUS, b"", oversize=True) == [("set_aside", "status", "oversize")]


@pytest.mark.parametrize("fields", [{"device_id": "A"}, {"device_id": None}, {"uuid": "A"}, {}])
def test_the_payload_may_name_its_device(fields: dict[str, object]) -> None:
    driver = Driver()
    assert named(driver.online(1, **fields), "registered") == [("A",)]


def test_a_number_beside_the_uuid_is_no_mismatch_in_the_layout_of_the_field() -> None:
    driver = Driver()
    payload = {"status": "online", "device_id": 17, "uuid": "A"}
    assert named(driver.publish(1, f"{DEVICES}/status", payload), "registered") == [("A",)]
    told = driver.publish(1, f"{DEVICES}/status", {**payload, "uuid": "B"})
    assert told == [("set_aside", "status", "id_mismatch")]
    shared = driver.publish(1, "autocore/telemetry/can/data", {"device_id": 17, "uuid": "C", "x": 1})
    assert readings(shared) == {"x": 1}
    assert {*driver.fleet.devices} == {"A", "C"}


def test_a_shared_topic_needs_a_device_in_its_payload() -> None:
    driver = Driver()
    assert driver.publish(1, "autocore/telemetry/can/data", {"x": 1}) == [
        ("set_aside", "telemetry", "missing_field")
    ]


class TestStatus:
    def test_the_seed(self) -> None:
        driver = Driver(["seed"])
        driver.online(
            1, device_id="A", ip_address="192.168.1.100", firmware_version="1.2.0", uptime=3600, temperature=7
        )
        device = driver.device()
        assert (device.ip_address, device.firmware_version, device.uptime) == ("192.168.1.100", "1.2.0", 3600)
        assert not device.sensors

    def test_boards_of_the_field(self) -> None:
        driver = Driver()
        payload = {
            "protocol_version": "2.2.0",
            "uuid": "A",
            "type": "esp32_relay",
            "board_id": 1,
            "channels": 16,
            "status": "Online",
            "wifi_signal": -61,
            "free_memory": 200_000,
            "capabilities": {"relays": 16},
            "system": {"load": 1},
            "display": {"width": 320},
            "firmware": 2,
            "mac_address": "AA:BB",
            "hardware_version": "r1",
            "name": "Board",
        }
        assert reasons(driver.publish(1, f"{DEVICES}/status", payload)) == []
        device = driver.device()
        assert device.device_type == "esp32_relay"
        assert (device.firmware_version, device.hardware_version) == ("2", "r1")
        assert (device.wifi_signal, device.memory_free) == (-61, 200_000)
        assert device.capabilities == '{"relays":16}'
        assert (device.mac_address, device.name) == ("AA:BB", "Board")
        assert not device.sensors

    def test_a_gateway_without_a_status_is_there_and_has_readings(self) -> None:
        driver = Driver()
        payload = {
            "cpu_temperature": 51.5,
            "battery_level": 80,
            "errors": ["x"],
            "last_restart_reason": "ota",
        }
        told = driver.publish(1, f"{DEVICES}/status", payload)
        assert named(told, "online") == [("A", "activity")]
        assert readings(told) == {"cpu_temperature": 51.5, "battery_level": 80}

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"status": "busy"}, "wrong_type"),
            ({"status": True}, "wrong_type"),
            ({"uptime": -1}, "out_of_range"),
            ({"uptime": "soon"}, "wrong_type"),
            ({"memory_free": True}, "wrong_type"),
            ({"memory_free": 1e16}, "out_of_range"),
            ({"ip_address": 1.5}, "wrong_type"),
            ({"ip_address": "x" * 65}, "out_of_range"),
            ({"firmware_version": "1\n2"}, "out_of_range"),
            ({"capabilities": ["x" * 3000]}, "out_of_range"),
        ],
    )
    def test_a_field_that_cannot_be_read_is_set_aside_and_the_rest_counts(
        self, fields: dict[str, object], reason: str
    ) -> None:
        driver = Driver()
        told = driver.publish(1, STATUS, {"status": "online", "name": "N", **fields})
        assert reasons(told) == [reason]
        assert driver.device().name == "N"
        assert driver.device().online

    @pytest.mark.parametrize("name", ["memory_free", "free_memory", "free_heap"])
    def test_field_names_of_the_settings(self, name: str) -> None:
        driver = Driver()
        driver.online(1, **{name: "4096"})
        assert driver.device().memory_free == 4096

    def test_a_nested_field(self) -> None:
        driver = Driver()
        driver.online(1, system={"free_heap": 77})
        assert driver.device().memory_free == 77
        driver.online(2, system=5)
        assert driver.device().memory_free == 77

    @pytest.mark.parametrize(
        ("version", "counted"), [(None, 0), (1, 0), ("2.9", 0), ("v3.0", 1), (3.1, 1), ("x", 0)]
    )
    def test_rule_11_a_later_protocol_is_counted_and_read(self, version: object, counted: int) -> None:
        driver = Driver()
        told = driver.publish(1, f"{DEVICES}/status", {"status": "online", "protocol_version": version})
        assert reasons(told) == ["protocol_version"] * counted
        assert driver.device().online


class TestTelemetry:
    def test_the_seed(self) -> None:
        driver = Driver(["seed"])
        told = driver.telemetry(
            1, device_id="A", temperature=25.6, humidity=45, voltage=3.28, memory_free=45120
        )
        assert readings(told) == {"temperature": 25.6, "humidity": 45, "voltage": 3.28, "memory_free": 45120}
        assert units(driver) == {"temperature": "°C", "humidity": "%", "voltage": "V", "memory_free": "B"}
        assert driver.device().memory_free == 45120

    def test_any_further_number_is_a_sensor(self) -> None:
        driver = Driver()
        told = driver.telemetry(1, pressure=1013, Fuel_Level=0.5, label="x", door=True, list=[1], none=None)
        assert readings(told) == {"pressure": 1013, "fuel_level": 0.5}

    def test_figures_of_the_device_have_one_name(self) -> None:
        driver = Driver()
        told = driver.telemetry(1, free_heap=9, rssi=-60, uptime_seconds=5)
        assert readings(told) == {"memory_free": 9, "wifi_signal": -60}
        device = driver.device()
        assert (device.memory_free, device.wifi_signal, device.uptime) == (9, -60, 5)

    def test_nested_sensors_have_dotted_names(self) -> None:
        driver = Driver()
        payload = {
            "can_data": {"signals": {"RPM": {"value": 2500, "unit": "rpm", "can_id": "0x5F0"}}, "bus": 1},
            "signals": {"TPS": {"value": "12.5", "unit": "%"}},
            "analog_sensors": {"Oil Temp": {"value": 90.5, "unit": "x" * 17}, "fuel": 33.0},
            "gps": {"lat": -23.5},
            "system_status": {"uptime": 5},
            "metrics": {"fps": {"value": 60, "unit": 7}},
        }
        assert readings(driver.publish(1, f"{DEVICES}/telemetry", payload)) == {
            "can.rpm": 2500,
            "can.bus": 1,
            "can.tps": 12.5,
            "analog_sensors.oil_temp": 90.5,
            "analog_sensors.fuel": 33,
            "gps.lat": -23.5,
            "system_status.uptime": 5,
            "metrics.fps": 60,
        }
        given = {key: unit for key, unit in units(driver).items() if unit}
        assert given == {"can.rpm": "rpm", "can.tps": "%"}

    def test_a_unit_may_be_given_later_and_stays(self) -> None:
        driver = Driver()
        first = driver.telemetry(1, p={"value": 1.0})
        assert readings(first) == {"p": 1}
        attributes = driver.device().sensors["p"].attributes("A")
        driver.telemetry(2, p={"value": 1.0, "unit": "bar"})
        driver.telemetry(3, p=2.0)
        assert units(driver) == {"p": "bar"}
        assert attributes == driver.device().sensors["p"].attributes("A") or attributes["unit"] == ""
        assert dict(driver.device().sensors["p"].attributes("A"))["unit"] == "bar"

    @pytest.mark.parametrize(
        ("fields", "reason"),
        [
            ({"temperature": "warm"}, "wrong_type"),
            ({"pressure": 1e300}, "out_of_range"),
            ({"pressure": 10**17}, "out_of_range"),
            ({"p": {"value": None}}, "wrong_type"),
            ({"p": {"value": [1]}}, "wrong_type"),
            ({"größe": 1}, "bad_name"),
            ({"x" * 65: 1}, "bad_name"),
            ({"x" * 200: 1}, "bad_name"),
            ({"": 1}, "bad_name"),
        ],
    )
    def test_a_reading_that_is_none_is_set_aside_and_the_rest_counts(
        self, fields: dict[str, object], reason: str
    ) -> None:
        driver = Driver()
        told = driver.telemetry(1, **fields, voltage="12.5")
        assert reasons(told) == [reason]
        assert readings(told) == {"voltage": 12.5}

    def test_what_tells_of_the_message_is_no_sensor(self) -> None:
        driver = Driver()
        told = driver.telemetry(1, timestamp=5, board_id=1, protocol_version=1, x={"can_id": 5, "v": 1})
        assert readings(told) == {"x.v": 1}

    def test_sensors_of_a_device_are_bounded(self) -> None:
        driver = Driver()
        many = {f"s{number}": number for number in range(MAX_SENSORS + 3)}
        assert reasons(driver.telemetry(1, **many)) == ["overflow"] * 3
        assert len(driver.device().sensors) == MAX_SENSORS

    def test_names_that_are_remembered_are_bounded(self) -> None:
        driver = Driver()
        for number in range(90):
            driver.telemetry(1, **{f"s{number}_{each}": 1 for each in range(400)})
        names = driver.decoder._parts._sensors._keys  # noqa: SLF001  the bound is what is looked at
        assert len(names) <= 32_768

    def test_another_event_is_readings(self) -> None:
        driver = Driver()
        told = driver.publish(1, f"{DEVICES}/telemetry", {"event": "tick", "temperature": 4})
        assert readings(told) == {"temperature": 4}

    def test_rule_10_in_a_burst_one_reading_of_a_sensor_and_second_is_kept(self) -> None:
        driver = Driver()
        for number in range(100):
            told = driver.telemetry(1 + number / 200, temperature=number)
            assert named(told, "reading") == [("A", "temperature", number)]
        assert driver.telemetry(1.9, temperature=7, voltage=1) == [
            ("reading", "A", "temperature", 7, "not kept"),
            ("reading", "A", "voltage", 1),
            ("set_aside", "telemetry", "burst"),
        ]
        assert driver.device().sensors["temperature"].value == 7
        assert driver.telemetry(2, temperature=8) == [("reading", "A", "temperature", 8)]


class TestBounds:
    def test_keys_of_a_message_are_bounded(self) -> None:
        driver = Driver()
        most = {f"s{number}": None for number in range(MAX_KEYS)}
        assert reasons(driver.telemetry(1, **most)) == []
        assert reasons(driver.telemetry(1, **most, one_more=None)) == ["too_many"]
        items = {"list": [0] * MAX_KEYS}
        assert reasons(driver.telemetry(1, **items)) == ["too_many"]

    def test_depth_is_bounded(self) -> None:
        driver = Driver()

        def nested(depth: int) -> object:
            return {"s": nested(depth - 1)} if depth > 1 else {"v": 1}

        def listed(depth: int) -> object:
            return [listed(depth - 1)] if depth else 1

        assert readings(driver.publish(1, "autocore/A/telemetry", nested(MAX_DEPTH))) == {
            ".".join("s" * (MAX_DEPTH - 1)) + ".v": 1
        }
        for payload in (nested(MAX_DEPTH + 1), {"x": listed(MAX_DEPTH)}, {"x": listed(500)}):
            assert reasons(driver.publish(1, "autocore/A/telemetry", payload)) == ["too_deep"]

    def test_many_flat_objects_are_fine(self) -> None:
        driver = Driver()
        signals = {f"s{number}": {"value": number, "unit": "x", "can_id": 1} for number in range(60)}
        assert len(readings(driver.telemetry(1, signals=signals))) == 60


class TestOthers:
    @pytest.mark.parametrize(
        ("topic", "payload", "action"),
        [
            (
                "autocore/A/display/interaction",
                {"screen": "main", "item_id": "b", "action": "press"},
                "press",
            ),
            ("autocore/A/display/interaction", {"screen_id": 1, "event": "SWIPE", "x": 1, "y": 2}, "swipe"),
            ("autocore/A/display/interaction", {"action": "dance"}, "other"),
            ("autocore/A/display/interaction", {"action": 5}, "other"),
            (f"{DEVICES}/telemetry/touch", {"position": {"x": 1, "y": 2}}, "touch"),
            (f"{DEVICES}/telemetry/button", {"button_id": "b"}, "press"),
            (f"{DEVICES}/telemetry/navigation", {"screen": "main"}, "navigate"),
            (f"{DEVICES}/display/touch", {"x": 1}, "touch"),
        ],
    )
    def test_interactions(self, topic: str, payload: object, action: str) -> None:
        assert named(Driver().publish(1, topic, payload), "interaction") == [("A", action)]

    def test_what_of_an_interaction_cannot_be_read_is_set_aside(self) -> None:
        told = Driver().publish(1, "autocore/A/display/interaction", {"x": "left", "screen": 1.5})
        assert reasons(told) == ["wrong_type", "wrong_type"]
        assert named(told, "interaction") == [("A", "other")]

    @pytest.mark.parametrize("kind", ["boot", "error", "ota", "alert", "ping"])
    def test_system_messages(self, kind: str) -> None:
        assert named(Driver().publish(1, f"autocore/A/system/{kind}", {}), "system") == [("A", kind)]
        assert named(Driver().publish(1, f"autocore/A/system/x{kind}", {}), "system") == [("A", "other")]

    def test_announcements(self) -> None:
        driver = Driver()
        payload = {"device_type": "display", "firmware_version": "3", "capabilities": [], "relay_count": 16}
        told = driver.publish(1, f"{DEVICES}/announce", payload)
        assert [entry[0] for entry in told] == ["registered", "described", "online", "described"]
        assert driver.publish(2, f"{DEVICES}/announce", payload) == []
        assert driver.device().capabilities is None

    @pytest.mark.parametrize(
        ("topic", "device", "message_type", "subtype"),
        [
            ("devices/A/response", "A", "response", "response"),
            ("devices/A/telemetry/errors", "A", "error", "errors"),
            ("errors/A/ERR_003", "A", "error", "ERR_003"),
            ("macros/7/status", None, "macro", "7"),
            ("modes/night", None, "mode", "night"),
        ],
    )
    def test_what_is_stored_only(
        self, topic: str, device: str | None, message_type: str, subtype: str
    ) -> None:
        driver = Driver()
        told = driver.publish(1, f"autocore/{topic}", {"success": True})
        assert named(told, "noted") == [(device, message_type, subtype)]
        assert {*driver.fleet.devices} == ({device} if device else set())

    def test_the_example_messages_of_the_specification_are_read(self) -> None:
        driver = Driver(["seed"])
        examples = {
            "autocore/ESP32_001/status": {
                "device_id": "ESP32_001",
                "status": "online",
                "ip_address": "192.168.1.100",
                "firmware_version": "1.2.0",
                "uptime": 3600,
                "timestamp": "2025-01-28T10:30:00Z",
            },
            "autocore/ESP32_001/telemetry": {
                "device_id": "ESP32_001",
                "temperature": 25.6,
                "humidity": 45.2,
                "voltage": 3.28,
                "memory_free": 45120,
                "timestamp": "2025-01-28T10:30:15Z",
            },
            "autocore/ESP32_001/relay/0/status": {
                "device_id": "ESP32_001",
                "relay_index": 0,
                "state": True,
                "triggered_by": "manual",
                "timestamp": "2025-01-28T10:30:30Z",
            },
        }
        told = [driver.publish(40, topic, json.dumps(each).encode()) for topic, each in examples.items()]
        assert [reasons(entries) for entries in told] == [[], [], []]
        assert driver.device("ESP32_001").clock_trusted is True
