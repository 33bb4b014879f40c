"""The monitor as a class, in a program that runs it itself."""

import subprocess
import sys
from pathlib import Path

from tests.integration.child_environment import child_environment
from tests.integration.databases import opened
from tests.integration.mosquitto import Mosquitto
from tests.integration.stored_tables import stored_tables
from tests.support.row_tables import labels

# A program of its own: logging, and the thread that writes it, are the whole process'.
PROGRAM = """
import os, sys
from pathlib import Path
import anyio
from loguru import logger
from paho.mqtt.client import MQTTMessage
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.logs import end_logging
from otel_tickrmeter.monitor import MQTTMonitor

async def main():
    monitor = MQTTMonitor(load_settings([], {}, os.environ, Path.cwd()))
    await monitor.stop_monitoring()  # it does not run yet: nothing to stop
    async with anyio.create_task_group() as tasks:
        said = []
        logger.add(said.append, format="{message}")
        tasks.start_soon(monitor.start_monitoring)
        while not any("Connected to broker at " in line for line in said):
            await anyio.sleep(0.05)
        await monitor.process_device_status({"device_id": "E1", "status": "online"})
        await monitor.process_telemetry({"device_id": "E1", "temperature": 21.5})
        await monitor.process_relay_status(
            {"device_id": "E1", "relay_index": 3, "state": True, "triggered_by": "manual"}
        )
        message = MQTTMessage(topic=b"plant/autocore/E2/status")
        message.payload = b'{"status": "online"}'
        monitor.on_message(None, None, message)
        await monitor.stop_monitoring()
    end_logging()

anyio.run(main)
"""


def test_what_it_is_given_is_in_the_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'autocore.db'}"
    with Mosquitto(tmp_path) as broker:
        environment = child_environment(measured=True) | {
            "MQTT_BROKER_HOST": "localhost",
            "MQTT_BROKER_PORT": str(broker.port),
            "MQTT_MONITOR_ENABLED": "true",
            "MQTT_MONITOR_LOG_LEVEL": "debug",
            "MQTT_MONITOR_RECONNECT_DELAY": "5",
            "DATABASE_URL": url,
            "TICKRMETER_AUTOCORE__TOPIC_PREFIX": "plant",
            "TICKRMETER_PROMETHEUS__PORT": "0",
        }
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    assert done.returncode == 0, done.stderr
    assert "MQTT Monitor service starting" in done.stderr
    assert f"Connected to broker at localhost:{broker.port} and subscribed, with MQTT 5" in done.stderr
    assert "Processing message on topic: plant/autocore/E2/status" in done.stderr
    with opened(url) as database:
        found = stored_tables(database)
    assert found["devices_online"] == {
        labels(device_id="E1", firmware_version=""): 1,
        labels(device_id="E2", firmware_version=""): 1,
    }
    assert found["telemetry_sum"] == {labels(device_id="E1", sensor="temperature"): 21.5}
    assert found["relay_events"] == {labels(device_id="E1", relay="3", triggered_by="manual"): 1}
