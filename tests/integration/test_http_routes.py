"""The exporter's routes over a real server, asked by a real client."""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx
import pytest

from otel_tickrmeter.http.message import ResponseBody
from otel_tickrmeter.http.negotiate import OPENMETRICS_CONTENT_TYPE, TEXT_CONTENT_TYPE, Format
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.web.pages import HealthReport, LandingState, MonitorHealth
from otel_tickrmeter.web.routes import ExpositionUnavailableError, build_routes
from tests.support.http_peer import RunningServer, running_server
from tests.support.waiting import DEADLINE_SECONDS

OPENMETRICS = "application/openmetrics-text; version=1.0.0"


@dataclass
class Exporter:
    """Stands behind the routes, with what a test wants to see."""

    not_ready: str | None = None
    unavailable: str | None = None
    connected: bool = True
    asked: list[tuple[Format, bool]] = field(default_factory=list)

    async def exposition(self, chosen: Format, compressed: bool) -> ResponseBody:  # noqa: FBT001  the protocol's shape
        self.asked.append((chosen, compressed))
        if self.unavailable is not None:
            raise ExpositionUnavailableError(self.unavailable)
        text = f"# {chosen}\n".encode()
        return [gzip.compress(text)] if compressed else iter([text])

    def health(self) -> HealthReport:
        return HealthReport("healthy", True, None, 1, 2, 3.0, 1.0, {"receive": 0})  # noqa: FBT003  a field

    def monitor(self) -> MonitorHealth:
        return MonitorHealth(self.connected, 1_700_000_000.25, 12, 3)

    def landing(self) -> LandingState:
        return LandingState("Exporter", "1", self.not_ready, "/metrics")

    def routes(self, metrics_path: str) -> tuple[Route, ...]:
        return build_routes(
            metrics_path=metrics_path,
            exposition=self.exposition,
            not_ready_reason=lambda: self.not_ready,
            health=self.health,
            landing=self.landing,
            monitors={"/health/monitor": self.monitor},
        )


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


@pytest.fixture
def server(exporter: Exporter) -> Iterator[RunningServer]:
    with running_server(exporter.routes("/metrics")) as running:
        yield running


@pytest.fixture
def client(server: RunningServer) -> Iterator[httpx.Client]:
    url = f"http://{server.host}:{server.port}"
    with httpx.Client(base_url=url, trust_env=False, timeout=DEADLINE_SECONDS) as asking:
        yield asking


@pytest.mark.parametrize(
    ("accept", "content_type"), [("*/*", TEXT_CONTENT_TYPE), (OPENMETRICS, OPENMETRICS_CONTENT_TYPE)]
)
@pytest.mark.parametrize("coding", ["gzip", "identity"])
def test_metrics_are_negotiated(
    client: httpx.Client, exporter: Exporter, accept: str, content_type: str, coding: str
) -> None:
    reply = client.get("/metrics", headers={"Accept": accept, "Accept-Encoding": coding})
    chosen: Format = "openmetrics" if accept == OPENMETRICS else "text"
    assert exporter.asked == [(chosen, coding == "gzip")]
    assert reply.status_code == 200
    assert reply.text == f"# {chosen}\n"
    assert reply.headers["content-type"] == content_type
    assert reply.headers.get("content-encoding") == ("gzip" if coding == "gzip" else None)
    assert reply.headers["vary"] == "Accept-Encoding, Accept"
    assert reply.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/metrics", "/-/healthy", "/-/ready", "/health", "/"])
def test_head_answers_like_get(client: httpx.Client, path: str) -> None:
    got, headed = client.get(path), client.head(path)
    assert headed.content == b""
    assert (headed.status_code, headed.headers["content-type"]) == (200, got.headers["content-type"])
    assert headed.headers.get("content-length") == got.headers.get("content-length")


def test_no_exposition_is_unavailable_and_says_why(client: httpx.Client, exporter: Exporter) -> None:
    exporter.unavailable = "no exposition yet"
    reply = client.get("/metrics")
    assert (reply.status_code, reply.text) == (503, "no exposition yet\n")
    assert "content-encoding" not in reply.headers


def test_readiness_follows_the_reason(client: httpx.Client, exporter: Exporter) -> None:
    assert client.get("/-/ready").status_code == 200
    exporter.not_ready = "the broker refused the connection"
    reply = client.get("/-/ready")
    assert (reply.status_code, reply.text) == (503, "not ready: the broker refused the connection\n")
    assert client.get("/-/healthy").status_code == 200


def test_health_and_landing_page(client: httpx.Client, exporter: Exporter) -> None:
    health = client.get("/health")
    assert health.headers["content-type"] == "application/json"
    assert json.loads(health.content)["messages_processed"] == 1
    exporter.not_ready = "waiting"
    page = client.get("/")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Not ready: waiting" in page.text


def test_a_fleet_s_own_health_check_has_exactly_its_keys_and_a_status_to_look_at(
    client: httpx.Client, exporter: Exporter
) -> None:
    well = client.get("/health/monitor")
    assert (well.status_code, well.headers["content-type"]) == (200, "application/json")
    assert well.json() == {
        "status": "healthy",
        "broker_connected": True,
        "last_message_time": "2023-11-14T22:13:20.250Z",
        "messages_processed": 12,
        "errors_count": 3,
    }
    exporter.connected = False
    ill = client.get("/health/monitor")
    assert (ill.status_code, ill.json()["status"], ill.json()["broker_connected"]) == (
        503,
        "unhealthy",
        False,
    )


def test_the_exposition_may_take_the_root(exporter: Exporter) -> None:
    with running_server(exporter.routes("/")) as running:
        url = f"http://{running.host}:{running.port}/"
        reply = httpx.get(url, trust_env=False, timeout=DEADLINE_SECONDS)
    assert reply.text == "# text\n"


def test_the_exposition_may_not_hide_another_page(exporter: Exporter) -> None:
    with (
        pytest.raises(ValueError, match="the path '/health' is used twice"),
        running_server(exporter.routes("/health")),
    ):
        pass
