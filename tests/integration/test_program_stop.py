"""Stopping: within 5 s and with exit code 0, whatever is going on; nothing is left behind or cut off."""

import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.fake_broker import SilentServer
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    LATENCY_COUNT,
    MESSAGES,
    RESPONSES,
    device_ids,
    handled,
    on_the_wire,
    receiver_of,
    settings,
)
from tests.support.wire import answer, request
from tools.server_process import free_port

STOP_SECONDS = 5.0
"""The contract."""
SIGNALS = (signal.SIGTERM, signal.SIGINT)


def stop(exporter: Exporter, number: signal.Signals = signal.SIGTERM) -> None:
    """Stops it and looks at what is left."""
    children = psutil.Process(exporter.pid).children(recursive=True)
    exporter.send(number)
    assert exporter.wait_end(STOP_SECONDS) == 0, exporter.log
    for child in children:
        assert not child.is_running()
    assert exporter.log.endswith(" otel_tickrmeter.cli: Stopped\n")
    assert f": Stopping on {number.name}\n" in exporter.log
    assert "Traceback" not in exporter.log
    assert "ERROR    otel_tickrmeter" not in exporter.log


@contextmanager
def simulated(broker: Mosquitto, rate: str) -> Iterator[None]:
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "otel_tickrmeter", "simulate", "--broker", broker.url),
            *("--rate", rate, "--duration", "120s"),
        ],
        cwd=broker.directory,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("rate", ["1000", "100000"])
@pytest.mark.parametrize("number", SIGNALS)
def test_under_load(tmp_path: Path, number: signal.Signals, rate: str) -> None:
    with (
        Mosquitto(tmp_path, settings=["log_dest none"]) as broker,
        Exporter(tmp_path, settings(broker.url)) as exporter,
        simulated(broker, rate),
    ):
        exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 2000, "to be under load")
        stop(exporter, number)


def test_a_scrape_in_flight_gets_its_whole_body(tmp_path: Path) -> None:
    devices = device_ids(1500)
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        sent = 0
        for symbol in ("AAPL", "MSFT"):
            sent += broker.publish(on_the_wire(request(0, device, symbol) for device in devices))
            sent += broker.publish(on_the_wire(answer(0, device, symbol) for device in devices))
        handled(exporter, sent)

        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        slow.settimeout(30)
        slow.connect(("127.0.0.1", exporter.port))
        connection = HTTPConnection("127.0.0.1", exporter.port)
        connection.sock = slow
        with closing(connection):
            connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
            response = connection.getresponse()
            assert response.getheader("Transfer-Encoding") == "chunked"
            body = response.read(100_000)
            exporter.send(signal.SIGTERM)
            exporter.wait(lambda: "Stopping on SIGTERM" in exporter.log, "to stop")
            # Nobody would serve a new connection: it is refused, not left waiting.
            exporter.wait(lambda: _refused(exporter.port), "to listen no more")
            # http.client fails when the last chunk does not come.
            body += response.read()
        assert exporter.wait_end(STOP_SECONDS) == 0
        assert len(body) > 2_500_000
        exposition = Exposition.parse(body.decode())
        assert exposition.total(RESPONSES) == exposition.total(LATENCY_COUNT) == 3000
        assert exposition.lines == exposition.value("tickrmeter_exposition_series")
        assert exporter.log.splitlines()[-1].endswith("Stopped")


def _refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionRefusedError:
        return True
    return False


def test_sighup_does_not_stop_it_and_is_answered_in_the_log(tmp_path: Path) -> None:
    with Exporter(tmp_path, settings(f"mqtt://127.0.0.1:{free_port()}")) as exporter:
        exporter.send(signal.SIGHUP)
        exporter.wait(lambda: "Settings read again" in exporter.log, "to answer")
        stop(exporter)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_the_broker_is_absent(tmp_path: Path, number: signal.Signals) -> None:
    with Exporter(tmp_path, settings(f"mqtt://127.0.0.1:{free_port()}")) as exporter:
        exporter.wait(lambda: "Cannot connect to the broker" in exporter.log, "to try")
        stop(exporter, number)


@pytest.mark.parametrize("number", SIGNALS)
def test_while_it_starts(tmp_path: Path, number: signal.Signals) -> None:
    with subprocess.Popen(
        [
            sys.executable,
            "-m",
            "otel_tickrmeter",
            "--listen",
            "127.0.0.1:0",
            "--broker",
            "mqtt://127.0.0.1:9",
        ],
        cwd=tmp_path,
        env=child_environment(measured=False),
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None
        assert " watches " in process.stderr.readline()  # long before it serves
        process.send_signal(number)
        assert process.wait(STOP_SECONDS) == 0
        assert "Traceback" not in process.stderr.read()


def test_while_the_broker_accepts_and_says_nothing(tmp_path: Path) -> None:
    with (
        SilentServer() as broker,
        Exporter(tmp_path, settings(broker.url)) as exporter,
    ):
        assert broker.accepted.wait(30)
        stop(exporter)


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
@pytest.mark.parametrize("absent", [True, False])
def test_while_the_collector_is_down(tmp_path: Path, protocol: str, *, absent: bool) -> None:
    with SilentServer() as collector, Mosquitto(tmp_path) as broker:
        port = free_port() if absent else collector.port
        environment = settings(
            broker.url,
            OTLP__ENABLED="true",
            OTLP__PROTOCOL=protocol,
            OTLP__ENDPOINT=f"http://127.0.0.1:{port}",
            OTLP__INTERVAL="0.2s",
        )
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            if absent:
                exporter.wait(
                    lambda: "StatusCode.UNAVAILABLE" in exporter.log or "Connection refused" in exporter.log,
                    "to push",
                )
            else:
                assert collector.accepted.wait(30)
            stop(exporter)


def test_while_all_that_can_hang_hangs(tmp_path: Path) -> None:
    """The collector takes a push and does not answer, a scraper reads nothing, the receiver is stopped."""
    with SilentServer() as collector, Mosquitto(tmp_path) as broker:
        environment = settings(
            broker.url,
            OTLP__ENABLED="true",
            OTLP__ENDPOINT=f"http://127.0.0.1:{collector.port}",
            OTLP__INTERVAL="0.2s",
        )
        devices = device_ids(5000)
        with Exporter(tmp_path, environment) as exporter, socket.socket() as scraper:
            exporter.wait_ready()
            sent = broker.publish(on_the_wire(request(0, device) for device in devices))
            handled(exporter, sent)
            scraper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            scraper.connect(("127.0.0.1", exporter.port))
            scraper.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            assert scraper.recv(100)
            assert collector.accepted.wait(30)
            receiver = receiver_of(exporter)
            receiver.suspend()
            stop(exporter)


def test_asked_twice(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        receiver = receiver_of(exporter)
        receiver.suspend()  # so that it takes a while
        exporter.send(signal.SIGTERM)
        exporter.wait(lambda: "Stopping on SIGTERM" in exporter.log, "to stop")
        stop(exporter, signal.SIGTERM)


@pytest.mark.parametrize("form", ["text", "json"])
def test_the_log_file_ends_with_a_whole_line(tmp_path: Path, form: str) -> None:
    # The file in which the fixture looks for the address.
    log_file = tmp_path / "exporter.log"
    environment = {"LOGGING__FILE": str(log_file), "LOGGING__FORMAT": form, "LOGGING__LEVEL": "TRACE"}
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(tmp_path, settings(broker.url, **environment)) as exporter,
        simulated(broker, "1000"),
    ):
        exporter.wait(lambda: exporter.scrape().total(MESSAGES) > 1000, "to be under load")
        exporter.send(signal.SIGTERM)
        assert exporter.wait_end(STOP_SECONDS) == 0
    lines = log_file.read_text().splitlines(keepends=True)
    assert all(line.endswith("\n") for line in lines)
    if form == "json":
        messages = [json.loads(line)["message"] for line in lines]
        assert messages[-2:] == ["Stopping on SIGTERM", "Stopped"]
    else:
        assert lines[-2].endswith(": Stopping on SIGTERM\n")
        assert lines[-1].endswith(": Stopped\n")


def test_a_main_process_that_is_killed_leaves_no_receiver(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        receiver = receiver_of(exporter)
        exporter.send(signal.SIGKILL)
        receiver.wait(10)
        assert exporter.wait_end() == -signal.SIGKILL
