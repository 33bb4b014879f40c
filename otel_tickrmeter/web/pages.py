"""The landing page and the health report, from plain values."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from html import escape
from typing import Literal
from urllib.parse import quote

import orjson

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 40rem; margin: 3rem auto; padding: 0 1rem; }}
.version {{ opacity: 0.7; font-weight: normal; font-size: 1rem; }}
.state {{ border-left: 0.4rem solid {colour}; padding-left: 0.8rem; overflow-wrap: anywhere; }}
dt {{ margin-top: 0.6rem; }}
</style>
</head>
<body>
<h1>{title} <span class="version">{version}</span></h1>
<p class="state">{state}</p>
<dl>
{links}
</dl>
</body>
</html>
"""


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


def landing_page(state: LandingState) -> bytes:
    """A self-contained HTML page: state, and links to everything served.

    The links are relative to the page, so that they hold behind a proxy that serves it below another path.
    """
    reason = state.not_ready_reason
    links = (
        (state.metrics_path, "the metrics, for Prometheus"),
        ("/health", "the state in figures, as JSON"),
        ("/-/healthy", "answers while the process works"),
        ("/-/ready", "answers 200 when connected and serving fresh metrics"),
    )
    page = _PAGE.format(
        title=escape(state.title),
        version=escape(state.version),
        colour="seagreen" if reason is None else "firebrick",
        state="Ready" if reason is None else f"Not ready: {escape(reason)}",
        links="\n".join(
            f'<dt><a href="{_relative(path)}">{escape(path)}</a></dt><dd>{meaning}</dd>'
            for path, meaning in links
        ),
    )
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
            "last_message_time": None if last is None else _rfc3339(last),
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
            "last_message_time": None if last is None else _rfc3339(last),
            "messages_processed": health.messages_processed,
            "errors_count": health.errors_count,
        },
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _rfc3339(unix_seconds: float) -> str:
    return datetime.fromtimestamp(unix_seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
