"""Capture and replay: what a run showed, shown again from its file; the whole program."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import MESSAGES, settings

# What is of the machine, of when a scrape came, or of the clock at a moment that no message tells.
OWN = re.compile("http_|process_|system_|target_info|.*_processing_duration_")
AUTOCORE = {"AUTOCORE__ENABLED": "true", "AUTOCORE__DATABASE": "false"}


def program(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "otel_tickrmeter", *arguments]
    given = {**child_environment(measured=True), **environment}
    return subprocess.run(
        command, cwd=directory, env=given, capture_output=True, text=True, timeout=120, check=False
    )


def replayed(directory: Path, *arguments: str, **environment: str) -> str:
    done = program(directory, "replay", *arguments, **environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def simulate(directory: Path, broker: Mosquitto, *arguments: str) -> int:
    """How many messages were sent."""
    pace = ["--devices", "40", "--rate", "200", "--duration", "4s", "--summary", "-"]
    done = program(directory, "simulate", "--broker", broker.url, *pace, *arguments)
    assert done.returncode == 0, done.stderr
    sent: int = json.loads(done.stdout)["pace"]["sent"]
    assert sent > 700
    return sent


def told(exposition: Exposition) -> Mapping[str, object]:
    """What messages alone bring about: counters and histograms of fleets."""
    totals = {name for name, kind in exposition.types.items() if kind in {"counter", "histogram"}}
    return {
        name: series
        for name, series in exposition.series.items()
        if not OWN.match(name)
        and {name, name.removesuffix("_bucket"), name.removesuffix("_count")} & totals
        and "seconds_total" not in name
    }


@pytest.mark.parametrize("fleet", ["tickrmeter", "autocore"])
def test_a_replay_shows_what_the_run_showed(tmp_path: Path, fleet: str) -> None:
    more = AUTOCORE if fleet == "autocore" else {}
    extra = ["--fleet", "autocore"] if fleet == "autocore" else ["--no-settle"]
    with Mosquitto(tmp_path) as broker:
        given = settings(broker.url, **more)
        with Exporter(tmp_path, given, arguments=["--capture", "c.gz"], measured=True) as exporter:
            exporter.wait_ready()
            sent = simulate(tmp_path, broker, *extra)
            messages = f"{fleet}_messages_total"
            exporter.wait(lambda: exporter.scrape().total(messages) >= sent, "to hear of them")
            shown = exporter.scrape()
            assert exporter.stop() == 0
    keys = {name: value for name, value in given.items() if "AUTOCORE" in name}
    first = replayed(tmp_path, "c.gz", PYTHONHASHSEED="1", **keys)
    assert first == replayed(tmp_path, "c.gz", PYTHONHASHSEED="2", **keys)
    again = Exposition.parse(first)
    assert again.total(messages) == sent
    assert told(again) == told(shown)
    # How long after the start the traffic began is not known; it went on for some seconds.
    early = (
        Exposition.parse(replayed(tmp_path, "c.gz", "--until", f"{seconds}s", **keys)).total(messages)
        for seconds in range(1, 60)
    )
    assert any(0 < part < sent for part in early)


def test_the_capture_of_a_killed_exporter_can_be_played_and_its_names_replaced(tmp_path: Path) -> None:
    arguments = ["--capture", "c.gz"]
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url), arguments=arguments) as exporter,
    ):
        exporter.wait_ready()
        sent = simulate(tmp_path, broker, "--no-settle")
        exporter.wait(lambda: exporter.scrape().total(MESSAGES) >= sent, "to hear of them")
        heard = exporter.scrape().total(MESSAGES)
        exporter.wait(lambda: played(tmp_path)[1].total(MESSAGES) == heard, "to have it in the file")
        os.kill(exporter.pid, signal.SIGKILL)
        exporter.wait_end()
    said, shown = played(tmp_path)
    assert "c.gz was not ended: the exporter was killed, or still runs" in said
    assert program(tmp_path, "replay", "--anonymise", "a.gz", "c.gz").returncode == 0
    hidden = Exposition.parse(replayed(tmp_path, "a.gz"))
    for name in ("tickrmeter_stock_update_requests_total", "tickrmeter_stock_update_latency_seconds_count"):
        assert hidden.total(name) == shown.total(name) > 0
        assert sorted(hidden.named(name).values()) == sorted(shown.named(name).values())
    seen = "tickrmeter_device_last_seen_timestamp"
    devices, others = ({*each.named(seen)} for each in (shown, hidden))
    assert len(devices) == len(others) > 10
    assert not devices & others
    assert "File exists" in program(tmp_path, "replay", "--anonymise", "a.gz", "c.gz").stderr


def played(directory: Path) -> tuple[str, Exposition]:
    done = program(directory, "replay", "c.gz")
    assert done.returncode == 0, done.stderr
    return done.stderr, Exposition.parse(done.stdout)


def test_what_mosquitto_sub_heard_is_played(tmp_path: Path) -> None:
    request, answer = {"device": "08A6F792DD5C", "symbol": "AAPL"}, {"symbol": "AAPL", "price": "1"}
    with Mosquitto(tmp_path) as broker, (tmp_path / "heard").open("wb") as output:
        command = ["mosquitto_sub", "-p", str(broker.port), "-t", "+", "-F", "%j", "-C", "2", "-W", "20"]
        with subprocess.Popen(command, stdout=output) as listener:
            broker.wait(lambda: "Sending SUBACK" in broker.log, "to subscribe")
            broker.publish([("STOCKPRICEUPDATE", json.dumps(request).encode())])
            broker.publish([("08A6F792DD5C", json.dumps(answer).encode())])
            assert listener.wait() == 0
    shown = Exposition.parse(replayed(tmp_path, "heard"))
    assert shown.total("tickrmeter_stock_update_latency_seconds_count") == 1
    openmetrics = replayed(tmp_path, "--format", "openmetrics", "heard")
    assert openmetrics.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.gz"], 1, "none.gz: No such file or directory"),
        (["--until", "soon", "x"], 2, "must be like 90s, or a time and its zone like 2026-01-31T12:00:00Z"),
        (["--until", "2026-01-31T12:00:00", "x"], 2, "must be like 90s, or a time and its zone"),
        (["--config", "none.toml", "x"], 2, "none.toml"),
    ],
)
def test_what_cannot_be_played_is_told(tmp_path: Path, arguments: list[str], code: int, message: str) -> None:
    done = program(tmp_path, "replay", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr


def test_until_a_time(tmp_path: Path) -> None:
    line = {"topic": "TICKRMETERBOOT", "qos": 0, "retain": 0, "payload": '{"device": "08A6F792DD5C"}'}
    times = ("2026-01-31T10:00:00.0Z+0000", "2026-01-31T10:00:05.0Z+0000")
    (tmp_path / "t").write_text("\n".join(json.dumps({**line, "tst": at}) for at in times))
    shown = Exposition.parse(replayed(tmp_path, "--until", "2026-01-31T11:00:03+01:00", "t"))
    assert shown.total(MESSAGES) == 1


def test_its_own_log_is_of_warnings_and_not_in_the_file_of_the_settings(tmp_path: Path) -> None:
    lines = [
        {"topic": "TICKRMETERBOOT", "qos": 0, "retain": 0, "payload": '{"device": "08A6F792DD5C"}'},
        {"topic": "TICKRMETERBOOT", "qos": 0, "retain": 0, "payload": "no JSON"},
    ]
    (tmp_path / "t").write_text(
        "\n".join(json.dumps({**line, "tst": "2026-01-31T10:00:00.0Z+0000"}) for line in lines)
    )
    given = {"TICKRMETER_LOGGING__FILE": str(tmp_path / "log"), "TICKRMETER_LOGGING__LEVEL": "DEBUG"}
    done = program(tmp_path, "replay", "t", **given)
    assert done.returncode == 0
    assert "WARNING  otel_tickrmeter.set_aside: Failed to parse message: " in done.stderr
    assert not re.search("INFO|DEBUG", done.stderr)
    assert not (tmp_path / "log").exists()


def test_a_moment_can_be_looked_at(tmp_path: Path) -> None:
    line = {"topic": "TICKRMETERBOOT", "qos": 0, "retain": 0, "payload": '{"device": "08A6F792DD5C"}'}
    (tmp_path / "t").write_text(json.dumps({**line, "tst": "2026-01-31T10:00:00.0Z+0000"}))
    command = [sys.executable, "-m", "otel_tickrmeter", "replay", "--serve", "--listen", "127.0.0.1:0", "t"]
    environment = child_environment(measured=True)
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True
    ) as served:
        assert served.stderr is not None
        for said in served.stderr:
            if found := re.search(r"Serving (http://127.0.0.1:\d+)/; Ctrl-C ends it", said):
                break
        assert found
        for _ in range(2):  # who looks changes nothing
            shown = httpx.get(f"{found[1]}/metrics", headers={"accept": "text/plain"}).text
            assert shown == replayed(tmp_path, "t")
        assert "08A6F792DD5C" in httpx.get(f"{found[1]}/api/v1/devices").text
        assert httpx.get(f"{found[1]}/").status_code == httpx.codes.OK
        served.send_signal(signal.SIGTERM)
        assert served.wait(20) == 0
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        done = program(tmp_path, "replay", "--serve", "--listen", address, "t")
    assert done.returncode == 1
    assert address in done.stderr


def test_a_capture_that_cannot_be_begun_is_told_at_once(tmp_path: Path) -> None:
    done = program(tmp_path, "run", "--capture", "no/c.gz")
    assert done.returncode == 2
    assert "capture.file" in done.stderr
