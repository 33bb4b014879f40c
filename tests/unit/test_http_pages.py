import json
import re
from base64 import b64encode
from hashlib import sha256
from html.parser import HTMLParser
from urllib.parse import urljoin

import pytest

from otel_tickrmeter.web.assets import read_assets
from otel_tickrmeter.web.pages import (
    HealthReport,
    LandingState,
    MonitorHealth,
    health_json,
    landing_page,
    monitor_json,
)

API = "./api/v1/openapi.json"
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


ASSETS = read_assets()


class _Page(HTMLParser):
    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.tags: set[str] = set()
        self.text = ""
        self.scripts = 0
        self.feed(page.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.scripts += tag == "script"
        self.links += [value for name, value in attrs if name in ("href", "src")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_links_to_everything_and_loads_nothing() -> None:
    page = _Page(landing_page(LandingState("TickrMeter exporter", "1.2.3", None, "/metrics"), ASSETS))
    assert page.links == ["data:,", "./metrics", "./health", "./-/healthy", "./-/ready", API]
    assert not page.tags & {"img", "iframe", "object", "base", "form"}
    assert "1.2.3" in page.text
    assert "Ready" in page.text


@pytest.mark.parametrize("page_url", ["http://exporter:9464/", "https://proxy/fleet/exporter/"])
def test_the_links_stay_below_the_page(page_url: str) -> None:
    page = _Page(landing_page(LandingState("Exporter", "1", None, "/a:b/metrics"), ASSETS))
    # A colon in the first segment must not make a scheme of it.
    assert [urljoin(page_url, link or "") for link in page.links[1:]] == [
        f"{page_url}{path}" for path in ("a%3Ab/metrics", "health", "-/healthy", "-/ready", API[2:])
    ]


def test_the_page_escapes_what_it_shows() -> None:
    state = LandingState("<i>", "<b>&", 'refused: "<script>"', '/me"t<r>ics')
    page = _Page(landing_page(state, ASSETS))
    assert not page.tags & {"i", "b", "r"}
    assert page.scripts == 1
    assert 'Not ready: refused: "<script>"' in page.text
    assert page.links[1] == "./me%22t%3Cr%3Eics"


def test_what_is_put_in_is_not_looked_at_again() -> None:
    page = _Page(landing_page(LandingState("{{links}}", "{{state}}", "{{title}}", "/metrics"), ASSETS))
    assert "Not ready: {{title}}" in page.text
    assert page.links.count("./health") == 1


def test_only_our_own_style_and_script_may_run() -> None:
    html = landing_page(LandingState("<script>alert(1)</script>", "1", None, "/metrics"), ASSETS).decode()
    for tag in ("style", "script"):
        (content,) = re.findall(f"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        digest = b64encode(sha256(content.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in ASSETS.policy
    assert ASSETS.policy.startswith("default-src 'none'")
    assert "unsafe" not in ASSETS.policy
    assert not re.search(r"\son[a-z]+=|\sstyle=|innerHTML|insertAdjacentHTML|eval\(", html)
