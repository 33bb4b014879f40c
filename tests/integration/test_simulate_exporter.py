"""The whole way: a simulated fleet, Mosquitto, the exporter; and its exposition against the summary."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.integration.mosquitto import Mosquitto, free_port

SECONDS = 30.0
REQUEST_TIMEOUT = "3s"
PROGRAM = (sys.executable, "-m", "otel_tickrmeter")
FLEET = (
    *("--devices", "120", "--rate", "200", "--duration", "6s", "--symbols", "30"),
    *("--request-timeout", REQUEST_TIMEOUT, "--slow-latency", "1.5s"),
    *("--late", "0.03", "--superseded", "0.03", "--boots", "0.03"),
)

Series = dict[tuple[tuple[str, str], ...], float]


def get(port: int, path: str) -> tuple[int, str]:
    connection = HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read().decode()
    except (OSError, HTTPException):
        return 0, ""
    finally:
        connection.close()


def scrape(port: int) -> dict[str, Series]:
    found: dict[str, Series] = {}
    for family in text_string_to_metric_families(get(port, "/metrics")[1]):
        for sample in family.samples:
            found.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    return found


@contextmanager
def exporter(broker: str, port: int, directory: Path, topic_prefix: str) -> Iterator[None]:
    log = directory / "exporter.log"
    environment = os.environ | {
        "TICKRMETER_MQTT__TOPIC_PREFIX": topic_prefix,
        "TICKRMETER_MONITORING__REQUEST_TIMEOUT": REQUEST_TIMEOUT,
        "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.5s",
    }
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*PROGRAM, "run", "--broker", broker, "--listen", f"127.0.0.1:{port}"],
            cwd=directory,
            env=environment,
            stdout=output,
            stderr=output,
        )
    try:
        deadline = time.monotonic() + SECONDS
        while get(port, "/-/ready")[0] != 200:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        yield
    finally:
        process.terminate()
        process.wait(10)


def as_series(samples: list[dict[str, object]]) -> Series:
    found: Series = {}
    for sample in samples:
        labels = sample["labels"]
        assert isinstance(labels, dict)
        found[tuple(sorted(labels.items()))] = float(str(sample["value"]))
    return found


def buckets(samples: list[dict[str, object]]) -> Series:
    found: Series = {}
    for sample in samples:
        labels, counts = sample["labels"], sample["buckets"]
        assert isinstance(labels, dict)
        assert isinstance(counts, dict)
        for bound, count in counts.items():
            found[tuple(sorted((labels | {"le": str(float(bound))}).items()))] = count
    return found


def normalised(series: Series) -> Series:
    return {
        tuple((name, str(float(value)) if name == "le" else value) for name, value in key): number
        for key, number in series.items()
    }


def settled(port: int, sent: int) -> dict[str, Series]:
    deadline = time.monotonic() + SECONDS
    while True:
        exposed = scrape(port)
        read = sum(exposed.get("tickrmeter_messages_total", {}).values())
        if read >= sent and exposed["tickrmeter_stock_updates_pending"][()] == 0:
            return exposed
        assert time.monotonic() < deadline, f"{read} of {sent} messages read"
        time.sleep(0.2)


# A prefix that ends with an empty level, where everybody who reads the setting must agree.
@pytest.mark.parametrize(("qos", "prefix"), [("0", ""), ("1", "fleet//")])
def test_the_exposition_says_what_was_sent(tmp_path: Path, qos: str, prefix: str) -> None:
    port = free_port()
    summary_file = tmp_path / "summary.json"
    with Mosquitto(tmp_path) as broker, exporter(broker.url, port, tmp_path, prefix):
        subprocess.run(
            [
                *(*PROGRAM, "simulate", "--broker", broker.url, "--qos", qos, "--topic-prefix", prefix),
                *(*FLEET, "--summary", summary_file),
            ],
            check=True,
            timeout=60,
        )
        summary = orjson.loads(summary_file.read_bytes())
        exposed = settled(port, summary["pace"]["sent"])

    assert summary["complete"]
    expected = summary["expected"]
    latency = expected.pop("tickrmeter_stock_update_latency_seconds")
    for name, samples in expected.items():
        assert exposed.get(name, {}) == as_series(samples), name
    counted = exposed["tickrmeter_stock_update_latency_seconds_count"]
    assert counted == {tuple(sorted(sample["labels"].items())): sample["count"] for sample in latency}
    found = normalised(exposed["tickrmeter_stock_update_latency_seconds_bucket"])
    sent = buckets(latency)
    assert found.keys() == sent.keys()
    # A machine busy with other things delays some messages by more than the 50 ms that a band keeps.
    assert sum(found[key] != sent[key] for key in sent) < 0.1 * len(sent)
    for name, samples in summary["approximate"].items():
        assert exposed[name] == pytest.approx(as_series(samples), rel=0.2, abs=0.2), name
