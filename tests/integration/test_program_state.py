"""Restart without amnesia: what a stop or a kill leaves in the file, and what the next start shows of it."""

import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from otel_tickrmeter.fleets.tickrmeter.saved import FORMS
from otel_tickrmeter.statefile.read import read_state
from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ABANDONED,
    LATENCY_BUCKET,
    LATENCY_COUNT,
    MESSAGES,
    PENDING,
    REQUESTS,
    RESPONSES,
    Pairs,
    device_ids,
    handled,
    on_the_wire,
    settings,
    unaccounted,
)
from tests.support.wire import answer, request, status

EVENTS = "tickrmeter_stock_update_events_total"
ONLINE = "tickrmeter_devices_online_total"
BATTERY = "tickrmeter_device_battery_level"
SAVED_AT = "tickrmeter_state_saved_timestamp_seconds"
FAILURES = "tickrmeter_state_save_failures_total"
MEAN = "tickrmeter_stock_update_avg_latency_seconds"
KEPT = (REQUESTS, RESPONSES, LATENCY_COUNT, LATENCY_BUCKET, MESSAGES, ONLINE, BATTERY, MEAN)
ROUNDS = 4


def events(exposition: Exposition) -> dict[str, float]:
    """Requests and how they ended, those of devices that left included."""
    return {dict(labels)["event"]: value for labels, value in exposition.named(EVENTS).items()}


@pytest.mark.parametrize("reader", ["compact", "stock"])
def test_a_stop_and_a_start_lose_nothing(tmp_path: Path, reader: str) -> None:
    ids = device_ids(3)
    with Mosquitto(tmp_path) as broker:
        of_state = {"STATE__FILE": "state.db", "PROMETHEUS__READER": reader}
        with Exporter(tmp_path, settings(broker.url, **of_state)) as exporter:
            exporter.wait_ready()
            asked = on_the_wire(
                message for device in ids for message in (status(0, device, battery=50), request(0, device))
            )
            answered = on_the_wire(answer(0, device) for device in ids[:2])
            sent = broker.publish(asked) + broker.publish(answered)
            before = handled(exporter, sent)
            assert before.total(PENDING) == 1
            assert exporter.stop() == 0

            exporter.start()
            after = exporter.scrape()
            for name in KEPT:
                assert after.named(name) == before.named(name), name
            assert after.total(ABANDONED) == 1
            assert after.total(PENDING) == 0
            assert unaccounted(after) == 0
            assert events(after) == {**events(before), "abandoned": 1}
            assert 0 <= time.time() - after.total(SAVED_AT) < 60
            assert after.total(FAILURES) == 0
            # And it goes on from there.
            exporter.wait_ready()
            broker.publish(on_the_wire([request(0, ids[0]), answer(0, ids[0])]))
            assert handled(exporter, sent + 2).total(RESPONSES) == 3


def saved_events(path: Path) -> dict[str, int]:
    """The same, as it is in the file."""
    found = read_state(path, FORMS)
    assert found is not None
    columns = found.tables["tickrmeter_fleet"]
    return {
        name: next(iter(columns[name]))
        for name in ("requested", "answered", "timeout", "superseded", "abandoned")
    }


def test_killed_at_any_moment(tmp_path: Path) -> None:
    chance = random.Random(13)  # noqa: S311  no secret
    state = tmp_path / "state.db"
    with Mosquitto(tmp_path, settings=["log_dest none"]) as broker:
        of_state = {"FILE": "state.db", "INTERVAL": "0.1s", "COUNTERS_AFTER_CRASH": "saved"}
        environment = settings(broker.url, **{f"STATE__{key}": value for key, value in of_state.items()})
        with (
            Exporter(tmp_path, environment) as exporter,
            Pairs(broker, device_ids(20)) as pairs,
        ):
            exporter.wait(state.exists, "to save")
            for _ in range(ROUNDS):
                # As long as nothing is lost between two starts, this is more than was saved before.
                counted = saved_events(state)["requested"]
                exporter.wait(lambda: events(exporter.scrape())["requested"] > counted + 100, "to count on")  # noqa: B023
                time.sleep(chance.uniform(0, 0.2))
                exporter.send(signal.SIGKILL)
                exporter.kill()

                saved = saved_events(state)
                assert saved["requested"] > 0
                exporter.start()
                after = exporter.scrape()
                # What it has not heard of yet and what it never will, it does not make up.
                sent = pairs.sent + 20
                assert unaccounted(after) == 0
                shown = events(after)
                assert saved["requested"] <= shown["requested"] <= sent
                assert saved["answered"] <= shown["answered"] <= sent
                assert shown["requested"] == sum(
                    shown[end] for end in ("answered", "timeout", "superseded", "abandoned")
                ) + after.total(PENDING)
                assert after.total(ONLINE) == 20
    assert not state.with_name("state.db.unreadable").exists()
    assert "ERROR " not in exporter.log


def test_one_that_cannot_start_leaves_the_state_alone(tmp_path: Path) -> None:
    environment = settings("mqtt://127.0.0.1:1", STATE__FILE="state.db", STATE__INTERVAL="1h")
    with Exporter(tmp_path, environment) as exporter:
        assert exporter.stop() == 0
    before = (tmp_path / "state.db").read_bytes()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        second = subprocess.run(
            [
                *(sys.executable, "-m", "otel_tickrmeter", "run"),
                *("--listen", f"127.0.0.1:{taken.getsockname()[1]}"),
            ],
            env={**child_environment(measured=False), **environment},
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
    assert second.returncode == 1
    assert b"State: taken back" in second.stderr
    assert (tmp_path / "state.db").read_bytes() == before


def test_after_a_crash_counters_begin_at_zero(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        environment = settings(broker.url, STATE__FILE="state.db", STATE__INTERVAL="0.1s")
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            broker.publish(on_the_wire([status(0, battery=50), request(0)]))
            counted = handled(exporter, 2).total(SAVED_AT)
            exporter.wait(lambda: exporter.scrape().total(SAVED_AT) > counted + 0.2, "to save")
            exporter.kill()
            exporter.start()
            after = exporter.scrape()
            assert after.total(BATTERY) == 50
            assert (after.total(REQUESTS), after.total(ABANDONED), after.total(MESSAGES)) == (0, 0, 0)
            assert events(after)["requested"] == 0
