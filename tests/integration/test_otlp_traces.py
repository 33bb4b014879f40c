"""A slow and an unanswered request are traces to a real collector, and Prometheus leads to the first."""

import re
import time
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.prometheus_server import Prometheus
from tests.integration.rotel_agent import Rotel
from tests.support.traffic import FIRST, SECOND, answer, request

LATENCY = "tickrmeter_stock_update_latency_seconds"
COMMON = {
    "TICKRMETER_MONITORING__REQUEST_TIMEOUT": "1s",
    "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.2s",
    "TICKRMETER_OTLP__ENABLED": "true",
    "TICKRMETER_OTLP__INTERVAL": "1h",
}


def seen(exporter: Exporter, line: str) -> bool:
    return f"\n{line}\n" in exporter.metrics()


def ask_and_answer(broker: Mosquitto, exporter: Exporter) -> None:
    """One request is answered once it is known to be open, one never."""
    for device, symbol in ((FIRST, "AAPL"), (SECOND, "MSFT")):
        told = request(device, symbol, 0)
        broker.publish([(told.topic.decode(), told.payload)])
        if device == FIRST:
            exporter.wait(
                lambda: seen(exporter, "tickrmeter_stock_updates_pending 1"), "to have an open request"
            )
            told = answer(device, symbol, 0)
            broker.publish([(told.topic.decode(), told.payload)])
    exporter.wait(
        lambda: seen(exporter, 'tickrmeter_stock_update_timeout_total{symbol="MSFT"} 1.0'), "to time out"
    )


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_gets_traces_and_prometheus_their_ids(tmp_path: Path, protocol: str) -> None:
    with Rotel(tmp_path, "traces") as rotel, Mosquitto(tmp_path) as broker:
        port = rotel.grpc_port if protocol == "grpc" else rotel.http_port
        environment = COMMON | {
            "TICKRMETER_MQTT__BROKER": broker.url,
            "TICKRMETER_OTLP__ENDPOINT": f"http://127.0.0.1:{port}",
            "TICKRMETER_OTLP__PROTOCOL": protocol,
            "TICKRMETER_OTLP__TRACES": "true",
            "TICKRMETER_OTLP__TRACES_SLOWER_THAN": "1ms",
            "TICKRMETER_OTLP__TRACES_PER_SECOND": "10",
        }
        before_ns = time.time_ns()
        with (
            Exporter(tmp_path, environment) as exporter,
            Prometheus(
                tmp_path,
                [f"127.0.0.1:{exporter.port}"],
                options=["--enable-feature=exemplar-storage"],
            ) as prometheus,
        ):
            exporter.wait_ready()
            ask_and_answer(broker, exporter)
            body = exporter.get("/metrics", accept="application/openmetrics-text").text
            latency_seconds = float(re.findall(rf"^{LATENCY}_sum{{.*}} (.*)$", body, re.MULTILINE)[0])

            def exemplars() -> list[dict[str, object]]:
                now = time.time()
                found = prometheus.get(
                    "query_exemplars", query=f"{LATENCY}_bucket", start=str(now - 600), end=str(now + 60)
                )
                return [exemplar for series in found for exemplar in series["exemplars"]]

            prometheus.wait(lambda: bool(exemplars()), "to keep an exemplar")
            (exemplar,) = exemplars()
            assert exporter.stop() == 0
        after_ns = time.time_ns()
        rotel.stop()
    spans = {attributes["outcome"]: (fields, attributes) for fields, attributes in rotel.spans()}
    assert spans.keys() == {"answered", "timeout"}
    assert len(rotel.spans()) == 2
    answered, attributes = spans["answered"]
    assert attributes == {
        "device_id": FIRST,
        "symbol": "AAPL",
        "firmware_version": "unknown",
        "outcome": "answered",
    }
    assert exemplar["labels"] == {"trace_id": answered["Trace ID"], "span_id": answered["ID"]}
    assert float(str(exemplar["value"])) == latency_seconds
    started_ns, ended_ns = int(answered["Start time"]), int(answered["End time"])
    assert before_ns < started_ns < ended_ns < after_ns
    assert ended_ns - started_ns == round(latency_seconds * 1e9)
    late, _ = spans["timeout"]
    assert int(late["End time"]) - int(late["Start time"]) == 10**9
    assert (answered["Status code"], late["Status code"]) == ("STATUS_CODE_UNSET", "STATUS_CODE_ERROR")
