"""What a scraper gets over HTTP, with curl for a scraper."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from otel_tickrmeter.http.negotiate import Format
from otel_tickrmeter.web.pages import HealthReport, LandingState
from otel_tickrmeter.web.routes import build_routes
from tests.integration.exporter import Exporter
from tests.support.assembly import assemble, compact_telemetry
from tests.support.exposition_text import exposition, labels_of
from tests.support.http_peer import RunningServer, running_server
from tests.support.traffic import scripted

ACCEPT = {"text": "text/plain", "openmetrics": "application/openmetrics-text; version=1.0.0"}


@pytest.fixture
def server() -> Iterator[RunningServer]:
    """Serves a snapshot whose clock stands still: every scrape shows the same age."""
    telemetry = compact_telemetry("device")
    assemble(telemetry, "device").play(scripted())
    anyio.run(telemetry.refresh)

    async def scrape(form: Format, gzip: bool) -> object:  # noqa: FBT001  the routes' callable
        return await telemetry.scrape(form, gzip=gzip)

    routes = build_routes(
        metrics_path="/metrics",
        exposition=scrape,  # type: ignore[arg-type]
        not_ready_reason=lambda: None,
        health=_unused_health,
        landing=_unused_landing,
    )
    with running_server(routes) as running:
        yield running


def _unused_health() -> HealthReport:
    raise NotImplementedError


def _unused_landing() -> LandingState:
    raise NotImplementedError


def curl(server: RunningServer, *options: str) -> bytes:
    url = f"http://{server.host}:{server.port}/metrics"
    return subprocess.run(["curl", "-sS", *options, url], capture_output=True, check=True).stdout


@pytest.mark.parametrize("form", ["text", "openmetrics"])
def test_compressed_and_plain_are_the_same(server: RunningServer, form: Format) -> None:
    accept = ("-H", f"Accept: {ACCEPT[form]}")
    plain = curl(server, *accept)
    assert curl(server, *accept, "--compressed") == plain
    raw = curl(server, *accept, "-H", "Accept-Encoding: gzip")
    assert len(raw) < len(plain)
    assert subprocess.run(["zcat"], input=raw, capture_output=True, check=True).stdout == plain
    assert exposition(plain, form).samples["tickrmeter_exposition_age_seconds", frozenset()] == 0


def test_head_has_headers_and_no_body(server: RunningServer) -> None:
    head = curl(server, "-I", "--compressed").decode().lower().split("\r\n")
    assert head[0] == "http/1.1 200 ok"
    assert head[-2:] == ["", ""]
    assert "content-encoding: gzip" in head
    # And the connection, and the body, are as good as before.
    assert exposition(curl(server), "text").samples


def test_both_readers_show_the_same_scope_labels(tmp_path: Path) -> None:
    found = {}
    for reader in ("compact", "stock"):
        environment = {
            "TICKRMETER_MQTT__BROKER": "mqtt://127.0.0.1:1",
            "TICKRMETER_PROMETHEUS__SCOPE_LABELS": "true",
            "TICKRMETER_PROMETHEUS__READER": reader,
        }
        with Exporter(tmp_path, environment, reader) as exporter:
            samples = exposition(exporter.get("/metrics", accept="text/plain").content, "text").samples
        found[reader] = {name: labels_of(samples, name) for name in ("tickrmeter_build_info", "target_info")}
        assert {name for name, labels in samples if "otel_scope_name" not in dict(labels)} == {"target_info"}
    assert found["compact"] == found["stock"]
    assert found["compact"]["tickrmeter_build_info"][0]["otel_scope_name"] == "otel_tickrmeter"
