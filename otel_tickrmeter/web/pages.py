"""The landing page and the health report, from plain values."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import Literal
from urllib.parse import quote

import orjson

from otel_tickrmeter.web.assets import PageAssets
from otel_tickrmeter.web.lists import rfc3339

_PLACE = re.compile(r"\{\{(title|version|ready|state|links)\}\}")


@dataclass(frozen=True, slots=True)
class LandingState:
    """What the landing page shows. `not_ready_reason` is None when all is well."""

    title: str
    version: str
    not_ready_reason: str | None
    metrics_path: str


@dataclass(frozen=True, slots=True)
class HealthReport:
    """What `/health` reports.

    `last_message_time` is Unix seconds, None before the first message. `uptime_seconds` is the exporter's;
    `connection_uptime_share` is the part of it, 0 to 1, with the broker connected. `queue_sizes` is the
    number of waiting items by queue. `mqtt_protocol` is the version that the connection speaks, None without
    a connection.
    """

    status: Literal["healthy", "degraded"]
    broker_connected: bool
    last_message_time: float | None
    messages_processed: int
    errors_count: int
    uptime_seconds: float
    connection_uptime_share: float
    queue_sizes: Mapping[str, int]
    mqtt_protocol: str | None = None


def landing_page(state: LandingState, assets: PageAssets) -> bytes:
    """A self-contained HTML page: state, links to everything served, and the script that shows the figures.

    The links are relative to the page, so that they hold behind a proxy that serves it below another path.
    """
    reason = state.not_ready_reason
    links = (
        (state.metrics_path, "the metrics, for Prometheus"),
        ("/health", "the state in figures, as JSON"),
        ("/-/healthy", "answers while the process works"),
        ("/-/ready", "answers 200 when connected and serving fresh metrics"),
        ("/api/v1/openapi.json", "the JSON interface, described as OpenAPI"),
    )
    values = {
        "title": escape(state.title),
        "version": escape(state.version),
        "ready": "yes" if reason is None else "no",
        "state": "Ready" if reason is None else f"Not ready: {escape(reason)}",
        "links": "\n".join(
            f'<dt><a href="{_relative(path)}">{escape(path)}</a></dt><dd>{meaning}</dd>'
            for path, meaning in links
        ),
    }
    # In one go: nothing that was put in is looked at again.
    page = _PLACE.sub(lambda place: values[place[1]], assets.html)
    return page.encode(errors="replace")


def _relative(path: str) -> str:
    # With the dot, a colon in the first segment makes no scheme of it.
    return escape("." + quote(path, errors="replace"))


def health_json(report: HealthReport) -> bytes:
    """The report as JSON: `uptime` in seconds, `last_message_time` as RFC 3339 in UTC or null."""
    last = report.last_message_time
    return orjson.dumps(
        {
            "status": report.status,
            "broker_connected": report.broker_connected,
            "mqtt_protocol": report.mqtt_protocol,
            "last_message_time": None if last is None else rfc3339(last),
            "messages_processed": report.messages_processed,
            "errors_count": report.errors_count,
            "uptime": round(report.uptime_seconds, 3),
            "connection_uptime_share": round(report.connection_uptime_share, 6),
            "queue_sizes": dict(report.queue_sizes),
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


@dataclass(frozen=True, slots=True)
class MonitorHealth:
    """What a fleet's own health check reports: times as in `HealthReport`, counts of its own messages."""

    broker_connected: bool
    last_message_time: float | None
    messages_processed: int
    errors_count: int


def monitor_json(health: MonitorHealth) -> bytes:
    """The report as JSON, with exactly the keys that its published description has."""
    last = health.last_message_time
    return orjson.dumps(
        {
            "status": "healthy" if health.broker_connected else "unhealthy",
            "broker_connected": health.broker_connected,
            "last_message_time": None if last is None else rfc3339(last),
            "messages_processed": health.messages_processed,
            "errors_count": health.errors_count,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )
