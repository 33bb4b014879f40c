"""Two exporters with one client id: each connection ends that of the other."""

import time
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import changes, settings
from tests.support.waiting import wait_until

QUIET_SECONDS = 2.0
"""Ten times the longest first wait."""


def taken_over(exporter: Exporter) -> float:
    return changes(exporter.scrape(), "lost").get("session_taken_over", 0)


def wait_quiet(broker: Mosquitto) -> None:
    """Until nobody has connected for a while."""
    seen = (-1, time.monotonic())

    def quiet() -> bool:
        nonlocal seen
        count = broker.log.count(" as same ")
        if count != seen[0]:
            seen = (count, time.monotonic())
        return time.monotonic() - seen[1] > QUIET_SECONDS

    wait_until(quiet, "the attempts to become rare")


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_they_become_rare_and_say_why(tmp_path: Path, protocol: str) -> None:
    """Mosquitto 2.0.11 closes the connection without a word, by both versions."""
    same = {"MQTT__CLIENT_ID": "same", "MQTT__PROTOCOL": protocol, "MQTT__RECONNECT__MAX_DELAY": "60s"}
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url, **same), "a") as first:
        first.wait_ready()
        with Exporter(tmp_path, settings(broker.url, **same), "b") as second:
            both = (first, second)
            first.wait(lambda: all(map(taken_over, both)), "and b to name the reason")
            for exporter in both:
                ready = exporter.get("/-/ready")
                assert ready.status_code == 503
                assert "another client" in ready.text
                assert "'same': set mqtt.client_id" in ready.text
                exporter.wait_logged("session_taken_over")
            wait_quiet(broker)


def test_the_one_that_remains_recovers(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        environment = settings(broker.url, MQTT__CLIENT_ID="same")
        with Exporter(tmp_path, environment, "a") as first:
            with Exporter(tmp_path, environment, "b"):
                first.wait(lambda: taken_over(first) > 0, "to name the reason")
            first.wait_ready()


def test_exporters_of_one_host_do_not_share_a_client_id(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url), "a") as first:
        with Exporter(tmp_path, settings(broker.url), "b") as second:
            first.wait_ready()
            second.wait_ready()
        assert "already connected" not in broker.log
