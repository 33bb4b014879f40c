"""A simulated AutoCore fleet, Mosquitto and the exporter: its exposition against the summary."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.integration.expected import HUMID_RANGES, compare_exposed, compare_thoughts, compare_times
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings

FLEET = (
    *("--devices", "60", "--rate", "200", "--duration", "6s", "--topic-prefix", "plant"),
    *("--late", "0.05", "--duplicates", "0.05", "--retained", "0.5", "--bursts", "0.004"),
    *("--leaves", "0.1", "--bad-clocks", "0.2", "--clocks-off", "0.2", "--layouts", "seed,devices"),
)


# Enough readings of each sensor to tell what is unusual, all with usable time.
JUDGED = ("--devices", "20", "--bad-clocks", "0", "--spikes", "0.05", "--impossible", "0.02")
CHANGES = "autocore_relay_changes_total"


def simulate(directory: Path, broker: Mosquitto, *options: str) -> Mapping[str, Any]:
    """Run it to its end; returns its summary."""
    summary = directory / "summary.json"
    command = [sys.executable, "-m", "otel_tickrmeter", "simulate", "--fleet", "autocore"]
    where = ["--broker", broker.url, "--summary", str(summary)]
    subprocess.run([*command, *where, *FLEET, *options], check=True, capture_output=True, timeout=120)
    run: Mapping[str, Any] = json.loads(summary.read_bytes())
    assert run["complete"]
    return run


@pytest.mark.parametrize(("protocol", "qos", "more"), [("5", "1", ()), ("3.1.1", "0", JUDGED)])
def test_the_exposition_says_what_was_sent(
    tmp_path: Path, protocol: str, qos: str, more: tuple[str, ...]
) -> None:
    both = {"MQTT__PROTOCOL": protocol, "AUTOCORE__ENABLED": "true", "AUTOCORE__TOPIC_PREFIX": "plant/"}
    both["AUTOCORE__LAYOUTS"] = '["seed", "devices"]'
    both["AUTOCORE__RANGES"] = HUMID_RANGES
    with Mosquitto(tmp_path) as broker:
        kept = simulate(tmp_path, broker, *more, "--prepare")
        with Exporter(tmp_path, settings(broker.url, **both), "exporter") as exporter:
            exporter.wait_ready()
            run = simulate(tmp_path, broker, *more, "--qos", qos)
            total = sum(run["messages"].values())
            assert total == run["pace"]["sent"] + kept["pace"]["sent"]
            exporter.wait(
                lambda: exporter.scrape().total("autocore_messages_total") >= total, "to handle all"
            )
            # One that nobody has explained counts after two seconds.
            changes = sum(each["value"] for each in run["expected"][CHANGES])
            exporter.wait(lambda: exporter.scrape().total(CHANGES) >= changes, "to count all switchings")
            shown = exporter.scrape()
    compare_exposed(shown, run)
    compare_times(shown, run)
    # The broker has published some of it itself.
    assert shown.value("autocore_connectivity_changes_total", to="offline", cause="will") > 0
    assert shown.total(CHANGES, triggered_by="other") > 0
    assert shown.total("autocore_relay_safety_shutoffs_total") > 0
    assert shown.total("autocore_message_errors_total", reason="retained") == kept["pace"]["sent"] > 10
    wanted = compare_thoughts(shown, run)
    if more:
        assert {dict(labels)["kind"] for labels in wanted.began} >= {"outlier", "out_of_range"}
