"""The running exporter pushes to a real collector."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_tickrmeter.rows import all_rows
from otel_tickrmeter.telemetry.render import FORMATS
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.rotel_agent import Rotel
from tests.support.exposition_text import exposition, labels_of
from tests.support.otlp_collector import Collector, running_collector
from tests.support.traffic import FIRST, answer, bare, request
from tests.support.waiting import wait_until

READERS = ("compact", "stock")
OWN = {"tickrmeter_exposition_age_seconds", "tickrmeter_exposition_series"}
# A broker that is absent is no failure.
QUIET = {"TICKRMETER_MQTT__BROKER": "mqtt://127.0.0.1:1", "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.2s"}
DEVICE, SYMBOL = ("device_id", FIRST), ("symbol", "AAPL")


@pytest.fixture
def rotel(tmp_path: Path) -> Iterator[Rotel]:
    with Rotel(tmp_path) as running:
        yield running


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_gets_names_values_and_resource(
    rotel: Rotel, tmp_path: Path, reader: str, protocol: str
) -> None:
    with Mosquitto(tmp_path) as broker:
        port = rotel.grpc_port if protocol == "grpc" else rotel.http_port
        environment = {
            "TICKRMETER_MQTT__BROKER": broker.url,
            "TICKRMETER_PROMETHEUS__READER": reader,
            "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.2s",
            "TICKRMETER_OTLP__ENABLED": "true",
            "TICKRMETER_OTLP__ENDPOINT": f"http://127.0.0.1:{port}",
            "TICKRMETER_OTLP__PROTOCOL": protocol,
            "TICKRMETER_OTLP__INTERVAL": "1h",
            "OTEL_RESOURCE_ATTRIBUTES": "team=desk,service.instance.id=one",
            "OTEL_SERVICE_NAME": "ticker-watch",
        }
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            told = [request(FIRST, "AAPL", 0), answer(FIRST, "AAPL", 0), bare(b"TICKRMETERBOOT", FIRST, 0)]
            broker.publish((message.topic.decode(), message.payload) for message in told)
            exporter.wait(
                lambda: 'tickrmeter_messages_total{message_type="device_boot"} 1.0' in exporter.metrics(),
                "to show the messages",
            )
            scraped = exposition(exporter.get("/metrics", accept="text/plain").content, "text")
            # What it pushes at the end is all it ever pushes: the interval is an hour.
            assert exporter.stop() == 0
    # It takes a push before it prints it, and ends when all is printed.
    rotel.stop()
    points = rotel.points()
    pair = frozenset({DEVICE, SYMBOL})
    assert points["tickrmeter.stock_update.requests", pair][-1] in ("Value: 1", "Value: 1.0")
    assert points["tickrmeter.stock_update.responses", pair][-1] in ("Value: 1", "Value: 1.0")
    latency = points["tickrmeter.stock_update.latency", pair]
    assert "Count: 1" in latency
    bounds = [line.rpartition(" ")[2] for line in latency if line.startswith("ExplicitBounds")]
    assert bounds == ["0.1", "0.5", "1", "2", "5", "10", "30", "60"]
    assert sum(line.startswith("Buckets #") for line in latency) == len(bounds) + 1
    resource = rotel.resource()
    assert (resource["team"], resource["service.name"], resource["service.instance.id"]) == (
        "desk",
        "ticker-watch",
        "one",
    )
    # Counted from 0, so that rate() sees the first.
    for outcome in (("outcome", "succeeded"), ("outcome", "failed")):
        assert scraped.samples["tickrmeter_otlp_exports_total", frozenset({outcome})] == 0
        assert ("tickrmeter.otlp.exports", frozenset({outcome})) in points
    (target,) = labels_of(scraped.samples, "target_info")
    assert {key.replace(".", "_"): value for key, value in resource.items()} == target
    shown = {name for name, _ in scraped.samples}
    exposed = {row.name for row in all_rows() if {row.exposed, f"{row.exposed}_count"} & shown}
    # The CPU figures may join after the scrape, with the second sample.
    assert {name for name, _ in points} - {"system.cpu.usage"} == exposed - {"system.cpu.usage"}


def test_opentelemetrys_variables_are_honoured(collector: Collector, tmp_path: Path) -> None:
    environment = {
        **QUIET,
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "api-key=secret%20word",
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
    }
    with Exporter(tmp_path, environment) as exporter:
        wait_until(lambda: len(collector.requests) >= 3, "three pushes")
        assert exporter.stop() == 0
    path, headers, _ = collector.requests[0]
    assert (path, headers["api-key"]) == ("/v1/metrics", "secret word")
    assert "tickrmeter.build.info" in {metric.name for metric in collector.metrics()}


@pytest.mark.parametrize("reader", READERS)
def test_differences_add_up_at_a_collector(rotel: Rotel, tmp_path: Path, reader: str) -> None:
    with Mosquitto(tmp_path) as broker:
        environment = {
            "TICKRMETER_MQTT__BROKER": broker.url,
            "TICKRMETER_PROMETHEUS__READER": reader,
            "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.2s",
            "OTEL_METRICS_EXPORTER": "otlp",
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{rotel.grpc_port}",
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE": "DELTA",
            "OTEL_METRIC_EXPORT_INTERVAL": "300",
        }
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            for number in ("1.0", "2.0", "3.0"):
                told = [request(FIRST, "AAPL", 0), answer(FIRST, "AAPL", 0)]
                broker.publish((message.topic.decode(), message.payload) for message in told)
                wait_for_responses(exporter, number)
                # Each in a push of its own, and a push with nothing new after it.
                wait_for_pushes(exporter, 3)
            assert exporter.stop() == 0
    rotel.stop()
    history = rotel.history()
    for name in ("requests", "responses"):
        pushed = history[f"tickrmeter.stock_update.{name}", frozenset({DEVICE, SYMBOL})]
        assert [lines[-1].removesuffix(".0") for lines in pushed] == ["Value: 1"] * 3
        # Times of the second begin where or after those of the first end.
        times = [int(line.rpartition(" ")[2]) for lines in pushed for line in lines if "imestamp:" in line]
        assert len(times) == 6
        assert times == sorted(times)


def wait_for_responses(exporter: Exporter, number: str) -> None:
    line = f'tickrmeter_stock_update_responses_total{{device_id="{FIRST}",symbol="AAPL"}} {number}\n'
    exporter.wait(lambda: line in exporter.metrics(), "to count the answer")


def wait_for_pushes(exporter: Exporter, number: int) -> None:
    before = exports(exporter)["succeeded"]
    exporter.wait(lambda: exports(exporter)["succeeded"] >= before + number, "to push")


def test_a_collector_that_never_answers_is_counted(collector: Collector, tmp_path: Path) -> None:
    collector.silent.set()
    environment = {
        **QUIET,
        "OTEL_METRICS_EXPORTER": "otlp",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        # Half a second: taken for seconds, as the SDK has it, this test would not see the end of the first.
        "OTEL_EXPORTER_OTLP_TIMEOUT": "500",
        "OTEL_METRIC_EXPORT_INTERVAL": "100",
    }
    with Exporter(tmp_path, environment) as exporter:
        exporter.wait(lambda: exports(exporter)["failed"] >= 2, "to count what got no answer")
        assert exports(exporter)["succeeded"] == 0
        assert not collector.released.is_set()
        collector.silent.clear()
        collector.released.set()
        exporter.wait(lambda: exports(exporter)["succeeded"] >= 1, "to push again")
        assert exporter.stop() == 0


def test_what_has_no_effect_is_said_at_start(tmp_path: Path) -> None:
    environment = {
        **QUIET,
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_PROPAGATORS": "b3",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
        "OTEL_EXPORTER_PROMETHEUS_PORT": "many",
    }
    with Exporter(tmp_path, environment) as exporter:
        exporter.wait_logged("no effect here: OTEL_PROPAGATORS, OTEL_TRACES_EXPORTER")
        exporter.wait_logged("(OTEL_EXPORTER_OTLP_TIMEOUT) have no effect: otlp.enabled is false")
        exporter.wait_logged("OTEL_EXPORTER_PROMETHEUS_PORT is ignored")
        assert exporter.stop() == 0


@pytest.mark.parametrize("reader", READERS)
def test_a_collector_that_fails_and_recovers(collector: Collector, tmp_path: Path, reader: str) -> None:
    collector.status = 400
    environment = {
        **QUIET,
        "TICKRMETER_PROMETHEUS__READER": reader,
        "TICKRMETER_OTLP__ENABLED": "true",
        "TICKRMETER_OTLP__ENDPOINT": collector.url,
        "TICKRMETER_OTLP__PROTOCOL": "http/protobuf",
        "TICKRMETER_OTLP__INTERVAL": "0.1s",
    }
    with Exporter(tmp_path, environment) as exporter:
        exporter.wait(lambda: "OTLP push fails" in exporter.log, "to fail")
        exporter.wait(lambda: exports(exporter)["failed"] >= 2, "to count failures")
        assert exports(exporter)["succeeded"] == 0
        collector.status = 200
        exporter.wait(lambda: "OTLP push works again" in exporter.log, "to recover")
        exporter.wait(lambda: exports(exporter)["succeeded"] >= 2, "to count successes")
        assert exporter.stop() == 0


def exports(exporter: Exporter) -> dict[str, float]:
    """What it shows of its pushes, by outcome."""
    samples = exposition(exporter.get("/metrics", accept="text/plain").content, "text").samples
    return {
        outcome: samples["tickrmeter_otlp_exports_total", frozenset({("outcome", outcome)})]
        for outcome in ("succeeded", "failed")
    }


@pytest.mark.parametrize("reader", READERS)
def test_a_disabled_sdk_leaves_a_scrape_without_figures(
    collector: Collector, tmp_path: Path, reader: str
) -> None:
    environment = {
        **QUIET,
        "OTEL_SDK_DISABLED": "true",
        "TICKRMETER_OTLP__TRACES": "true",
        "TICKRMETER_OTLP__LOGS": "true",
        "TICKRMETER_PROMETHEUS__READER": reader,
        "TICKRMETER_OTLP__ENABLED": "true",
        "TICKRMETER_OTLP__ENDPOINT": collector.url,
        "TICKRMETER_OTLP__PROTOCOL": "http/protobuf",
        "TICKRMETER_OTLP__INTERVAL": "0.1s",
    }
    with Exporter(tmp_path, environment) as exporter:
        for form in FORMATS:
            accept = "text/plain" if form == "text" else "application/openmetrics-text"
            found = exposition(exporter.get("/metrics", accept=accept).content, form)
            shown = {name for name, _ in found.samples}
            # The SDK's own reader says nothing at all then, not even of the target.
            assert shown == ({"target_info", *OWN} if reader == "compact" else set())
        assert exporter.get("/health").status_code == 200
        assert exporter.stop() == 0
        assert "Traceback" not in exporter.log
    assert {path for path, _, _ in collector.requests} <= {"/v1/metrics"}
    assert collector.metrics() == []
