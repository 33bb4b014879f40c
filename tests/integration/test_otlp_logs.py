"""The log arrives at a real collector, without secrets, and what failed to be sent makes no further line."""

import socket
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.rotel_agent import Rotel
from tests.support.otlp_collector import running_collector

# A broker that is absent is no failure.
QUIET = {
    "TICKRMETER_MQTT__BROKER": "mqtt://127.0.0.1:1",
    "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.2s",
    "TICKRMETER_OTLP__ENABLED": "true",
    "TICKRMETER_OTLP__LOGS": "true",
    "TICKRMETER_OTLP__INTERVAL": "1h",
}


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_gets_the_log(tmp_path: Path, protocol: str) -> None:
    with Rotel(tmp_path, "logs") as rotel:
        port = rotel.grpc_port if protocol == "grpc" else rotel.http_port
        environment = QUIET | {
            "TICKRMETER_OTLP__ENDPOINT": f"http://127.0.0.1:{port}",
            "TICKRMETER_OTLP__PROTOCOL": protocol,
            # A secret that the log is sure to tell.
            "TICKRMETER_OTLP__HEADERS": "token=SIGTERM",
        }
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait(lambda: "Cannot connect" in exporter.log, "to miss its broker")
            assert exporter.stop() == 0
        rotel.stop()
    records = rotel.records()
    assert ("otel_tickrmeter.app", "INFO", "Stopping on ********") in records
    (missed,) = [record for record in records if "Cannot connect" in record[2]]
    assert missed[1] == "WARNING"
    # Line by line what the log has, from the first that is sent on.
    bodies = [body for _, _, body in records]
    told = [line for line in exporter.log.splitlines() if any(body in line for body in bodies)]
    assert len(told) == len(bodies)


def test_a_collector_that_refuses_the_log_makes_no_lines_of_it(tmp_path: Path) -> None:
    with running_collector() as collector:
        collector.status = 400
        environment = QUIET | {
            "TICKRMETER_OTLP__ENDPOINT": collector.url,
            "TICKRMETER_OTLP__PROTOCOL": "http/protobuf",
        }

        def count(exporter: Exporter, outcome: str) -> float:
            line = f'tickrmeter_otlp_log_records_total{{outcome="{outcome}"}} '
            return float(exporter.metrics().partition(line)[2].partition("\n")[0] or 0)

        with Exporter(tmp_path, environment) as exporter:
            exporter.wait(lambda: count(exporter, "failed") > 0, "to be refused")
            assert "Failed to export" in exporter.log
            assert count(exporter, "sent") == 0
            assert exporter.stop() == 0
        bodies = b"".join(body for path, _, body in collector.requests if path == "/v1/logs")
        assert b"Serving http" in bodies
        assert b"Failed to export" not in bodies


def test_a_collector_that_never_answers_does_not_hold_up_the_end(tmp_path: Path) -> None:
    # Takes connections, and reads nothing.
    with socket.create_server(("127.0.0.1", 0)) as silent:
        environment = QUIET | {
            "TICKRMETER_OTLP__ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
            "TICKRMETER_OTLP__PROTOCOL": "grpc",
            "TICKRMETER_OTLP__TRACES": "true",
        }
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait(lambda: "Cannot connect" in exporter.log, "to miss its broker")
            assert exporter.stop() == 0
            assert "Traceback" not in exporter.log
