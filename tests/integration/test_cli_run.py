"""`otel-tickrmeter run`, however it is told what to do."""

import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from otel_tickrmeter import __version__
from tests.integration.child_environment import child_environment
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import MESSAGES, RESPONSES, on_the_wire
from tests.support.wire import answer, request
from tools.server_process import ServerProcess

SECRET = "hunter2-and-more"  # noqa: S105  made up
SERVING = re.compile(r"Serving (http://[^\s\"]+)")
HTTP_SECONDS = 30.0
QUICK = {"TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.2s"}
FREE_PORT = QUICK | {"TICKRMETER_PROMETHEUS__HOST": "127.0.0.1", "TICKRMETER_PROMETHEUS__PORT": "0"}


class Program(ServerProcess):
    """A program that serves; measured."""

    def __init__(self, directory: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> None:
        super().__init__(
            "program",
            directory,
            [sys.executable, "-m", "otel_tickrmeter", *arguments],
            {**child_environment(measured=True), **environment},
        )

    @property
    def metrics_url(self) -> str:
        serving = SERVING.search(self.log)
        assert serving is not None
        return serving[1]

    def scrape(self) -> Exposition:
        return Exposition.parse(self._get(self.metrics_url).raise_for_status().text)

    def status_of(self, path: str) -> int:
        return self._get(httpx.URL(self.metrics_url).join(path)).status_code

    def _get(self, url: httpx.URL | str) -> httpx.Response:
        return httpx.get(url, trust_env=False, timeout=HTTP_SECONDS)

    def _up(self) -> bool:
        return SERVING.search(self.log) is not None


@contextmanager
def running(directory: Path, arguments: Sequence[str], environment: Mapping[str, str]) -> Iterator[Program]:
    """Runs it until it is stopped at the end, in good order."""
    with Program(directory, arguments, environment) as program:
        yield program
        assert program.stop() == 0, program.log


def sees_traffic(program: Program, broker: Mosquitto) -> None:
    program.wait(lambda: program.status_of("/-/ready") == 200, "to be ready")
    broker.publish(on_the_wire([request(0), answer(0)]))
    program.wait(lambda: program.scrape().total(MESSAGES) == 2, "to see both messages")
    assert program.scrape().total(RESPONSES) == 1


@pytest.mark.parametrize(
    "arguments", [[], ["run"], ["--log-level", "debug"], ["run", "--log-level", "DEBUG"]]
)
def test_the_bare_command_runs(tmp_path: Path, arguments: list[str]) -> None:
    with Mosquitto(tmp_path) as broker:
        env = FREE_PORT | {"TICKRMETER_MQTT__BROKER": broker.url}
        with running(tmp_path, arguments, env) as program:
            assert f"otel-tickrmeter {__version__} watches {broker.url}" in program.log
            sees_traffic(program, broker)


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]", "localhost"])
def test_listen_says_where(tmp_path: Path, host: str) -> None:
    with running(tmp_path, ["--listen", f"{host}:0", "--broker", "mqtt://127.0.0.1:9"], {}) as program:
        assert program.metrics_url.startswith(f"http://{host}:")
        assert program.status_of("/-/healthy") == 200
        assert program.status_of("/-/ready") == 503


OLD_SPELLING = """\
mqtt:
  broker: tcp://127.0.0.1:{port}
  client_id: old-exporter
  keepalive: 60
monitoring:
  request_timeout: 30s
  device_timeout: 5m
  cleanup_interval: 60s
  max_latency_samples: 1000
prometheus:
  host: 127.0.0.1
  port: 0
  path: /old/metrics
logging:
  level: info
  format: json
performance:
  buffer_size: 5000
  workers: 4
"""


def test_an_older_settings_file_runs_the_program_as_it_is(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        (tmp_path / "config.yaml").write_text(OLD_SPELLING.format(port=broker.port))
        with running(tmp_path, ["--config", "config.yaml"], QUICK) as program:
            assert program.metrics_url.endswith("/old/metrics")
            sees_traffic(program, broker)
            assert program.status_of("/metrics") == 404
            warnings = [
                entry["message"]
                for entry in map(json.loads, program.log.splitlines())
                if entry["level"] == "WARNING"
            ]
            assert warnings == [
                "performance.workers has no effect: one process receives, one records and serves"
            ]
            assert "as old-exporter" in broker.log


def test_plain_variables_run_the_program(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, users={"exporter": SECRET}) as broker:
        env = FREE_PORT | {
            "MQTT_BROKER_HOST": "127.0.0.1",
            "MQTT_BROKER_PORT": str(broker.port),
            "MQTT_USERNAME": "exporter",
            "MQTT_PASSWORD": SECRET,
        }
        with running(tmp_path, [], env) as program:
            sees_traffic(program, broker)
            log = program.log
    assert f"watches mqtt://127.0.0.1:{broker.port}" in log
    assert SECRET not in log
