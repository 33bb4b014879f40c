"""The program and an AutoCore fleet on a real broker, beside the other fleet and alone."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import on_the_wire, settings
from tests.support.wire import answer, request

BOTH = {"AUTOCORE__ENABLED": "true", "AUTOCORE__LAYOUTS": '["seed", "devices"]'}
MESSAGES = "autocore_messages_total"
CHANGES = "autocore_connectivity_changes_total"


def of_autocore(topic: str, **fields: object) -> tuple[str, bytes]:
    return f"autocore/{topic}", json.dumps(fields).encode()


def wait_handled(exporter: Exporter, count: int) -> None:
    exporter.wait(lambda: exporter.scrape().total(MESSAGES) >= count, f"to handle {count} messages")


def complaints(text: str) -> list[str]:
    """What Prometheus' own linter says of the fleet's metrics."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=text.encode(), capture_output=True, check=False
    )
    assert checked.returncode in (0, 3)  # it can parse all of it
    lines = (checked.stdout + checked.stderr).decode().splitlines()
    return [line for line in lines if line.startswith("autocore")]


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_both_fleets_on_one_connection(tmp_path: Path, protocol: str) -> None:
    with Mosquitto(tmp_path) as broker:
        # A retained "online" makes nobody online.
        broker.publish([of_autocore("KEPT/status", status="online")], retain=True)
        with Exporter(tmp_path, settings(broker.url, MQTT__PROTOCOL=protocol, **BOTH), "both") as exporter:
            exporter.wait_ready()
            broker.publish(
                [
                    of_autocore("E1/status", status="online", firmware_version="1.2", uptime=12),
                    *on_the_wire([request(0), answer(0)]),
                    of_autocore("E1/telemetry", temperature=21.5, humidity=40),
                    of_autocore("E1/relay/3/status", relay_index=3, state=False, triggered_by="manual"),
                    of_autocore("E1/relay/3/status", relay_index=3, state=True, triggered_by="web"),
                    of_autocore("devices/board-1/relays/state", channels={"1": True, "2": False}),
                    ("autocore/E1/telemetry", b"{"),
                    ("autocore/nothing/known/here", b"{}"),
                ]
            )
            # The retained one, and seven of eight: no filter matches the last.
            wait_handled(exporter, 7)
            text = exporter.metrics()
            shown = exporter.scrape()
    assert complaints(text) == []
    assert shown.total(MESSAGES) == 7
    assert shown.total("tickrmeter_messages_total") == 2
    assert shown.total("tickrmeter_stock_update_responses_total") == 1
    assert shown.value("autocore_devices", status="online") == 2
    assert shown.total("autocore_device_online") == 2
    assert (
        shown.value("autocore_device_info", device_id="E1", device_type="unknown", firmware_version="1.2")
        == 1
    )
    assert shown.value("autocore_telemetry_humidity_ratio", device_id="E1") == 0.4
    assert (
        shown.value("autocore_telemetry_average", device_id="E1", sensor="temperature", window="1h") == 21.5
    )
    assert shown.value("autocore_relay_state", device_id="E1", relay="3") == 1
    assert shown.value("autocore_relay_changes_total", device_id="E1", relay="3", triggered_by="web") == 1
    assert shown.value("autocore_relay_state", device_id="board-1", relay="0") == 1
    assert shown.value("autocore_message_errors_total", message_type="telemetry", reason="bad_json") == 1
    assert shown.value(CHANGES, to="online", cause="reported") == 1
    assert shown.value(CHANGES, to="online", cause="activity") == 1
    assert shown.value("autocore_mqtt_connected") == 1


DEVICE = """
import sys, time
from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion
client = Client(CallbackAPIVersion.VERSION2)
client.will_set("autocore/E1/status", '{"status": "offline", "reason": "unexpected_disconnect"}', 1)
client.connect("localhost", int(sys.argv[1]))
client.loop_start()
client.publish("autocore/E1/status", '{"status": "online"}', 1).wait_for_publish(30)
print("online", flush=True)
time.sleep(600)
"""


def test_a_last_will_turns_a_device_offline(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url, **BOTH), "both") as exporter:
        exporter.wait_ready()
        command = [sys.executable, "-c", DEVICE, str(broker.port)]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as device:
            assert device.stdout is not None
            assert device.stdout.readline() == b"online\n"
            exporter.wait(lambda: exporter.scrape().total("autocore_device_online") == 1, "to see it")
            os.kill(device.pid, signal.SIGKILL)
            exporter.wait(lambda: exporter.scrape().total("autocore_device_online") == 0, "to see it gone")
        shown = exporter.scrape()
    assert shown.value(CHANGES, to="offline", cause="will") == 1


def test_autocore_alone(tmp_path: Path) -> None:
    alone = {"AUTOCORE__ENABLED": "true", "TICKRMETER__ENABLED": "false"}
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, **alone), "alone") as exporter,
    ):
        exporter.wait_ready()
        broker.publish([*on_the_wire([request(0)]), of_autocore("E1/telemetry", voltage=12)])
        wait_handled(exporter, 1)
        text = exporter.metrics()
    assert "autocore_telemetry_voltage_volts" in text
    assert "tickrmeter_messages_total" not in text
    assert "tickrmeter_stock_update" not in text
    assert "tickrmeter_mqtt_connected 1" in text
