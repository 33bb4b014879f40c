import json
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest

from otel_tickrmeter.web.pages import (
    HealthReport,
    LandingState,
    MonitorHealth,
    health_json,
    landing_page,
    monitor_json,
)

REPORT = HealthReport(
    status="healthy",
    broker_connected=True,
    last_message_time=1_700_000_000.25,
    messages_processed=12,
    errors_count=3,
    uptime_seconds=90.12345,
    connection_uptime_share=0.5,
    queue_sizes={"receive": 7},
    mqtt_protocol="5",
)


def test_health_has_every_key() -> None:
    assert json.loads(health_json(REPORT)) == {
        "status": "healthy",
        "broker_connected": True,
        "mqtt_protocol": "5",
        "last_message_time": "2023-11-14T22:13:20.250Z",
        "messages_processed": 12,
        "errors_count": 3,
        "uptime": 90.123,
        "connection_uptime_share": 0.5,
        "queue_sizes": {"receive": 7},
    }


def test_before_the_first_message_its_time_is_null() -> None:
    report = HealthReport("degraded", False, None, 0, 0, 0.0, 0.0, {})  # noqa: FBT003  a record's field
    assert json.loads(health_json(report))["last_message_time"] is None
    monitor = MonitorHealth(
        broker_connected=False, last_message_time=None, messages_processed=0, errors_count=0
    )
    assert json.loads(monitor_json(monitor))["last_message_time"] is None


class _Page(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_links_to_everything_and_loads_nothing() -> None:
    page = _Page(landing_page(LandingState("TickrMeter exporter", "1.2.3", None, "/metrics")))
    assert page.links == ["./metrics", "./health", "./-/healthy", "./-/ready"]
    assert not page.tags & {"script", "img", "link", "iframe"}
    assert "1.2.3" in page.text
    assert "Ready" in page.text


@pytest.mark.parametrize("page_url", ["http://exporter:9464/", "https://proxy/fleet/exporter/"])
def test_the_links_stay_below_the_page(page_url: str) -> None:
    page = _Page(landing_page(LandingState("Exporter", "1", None, "/a:b/metrics")))
    # A colon in the first segment must not make a scheme of it.
    assert [urljoin(page_url, link or "") for link in page.links] == [
        f"{page_url}{path}" for path in ("a%3Ab/metrics", "health", "-/healthy", "-/ready")
    ]


def test_the_page_escapes_what_it_shows() -> None:
    state = LandingState("<i>", "<b>&", 'refused: "<script>"', '/me"t<r>ics')
    page = _Page(landing_page(state))
    assert not page.tags & {"i", "b", "script", "r"}
    assert 'Not ready: refused: "<script>"' in page.text
    assert page.links[0] == "./me%22t%3Cr%3Eics"
