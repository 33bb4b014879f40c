"""A simulated AutoCore fleet, Mosquitto and the exporter: its exposition against the summary."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.expected import compare_exposed
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings

FLEET = ("--devices", "60", "--rate", "200", "--duration", "6s", "--late", "0.05", "--duplicates", "0.05")


@pytest.mark.parametrize(("protocol", "qos"), [("5", "1"), ("3.1.1", "0")])
def test_the_exposition_says_what_was_sent(tmp_path: Path, protocol: str, qos: str) -> None:
    both = {"MQTT__PROTOCOL": protocol, "AUTOCORE__ENABLED": "true", "AUTOCORE__TOPIC_PREFIX": "plant/"}
    summary = tmp_path / "summary.json"
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, **both), "exporter") as exporter,
    ):
        exporter.wait_ready()
        command = [sys.executable, "-m", "otel_tickrmeter", "simulate", "--fleet", "autocore"]
        options = ["--broker", broker.url, "--qos", qos, "--topic-prefix", "plant", "--summary", str(summary)]
        subprocess.run([*command, *options, *FLEET], check=True, capture_output=True, timeout=120)
        run = json.loads(summary.read_bytes())
        total = sum(run["messages"].values())
        assert total == run["pace"]["sent"]
        exporter.wait(lambda: exporter.scrape().total("autocore_messages_total") >= total, "to handle all")
        shown = exporter.scrape()
    assert run["complete"]
    compare_exposed(shown, run["expected"])
