"""How the exporter is, for programs that look at it: what `/health` has, and what people ask next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.views.glance import Trouble
from otel_tickrmeter.web.lists import rfc3339
from otel_tickrmeter.web.pages import HealthReport


@dataclass(frozen=True, slots=True)
class SetAsideNote:
    """A message that was set aside, told in printable ASCII.

    `at` is Unix seconds, `count` how many of its kind there were since the last that was told.
    """

    at: float
    message_type: str
    reason: str
    device: str
    topic: str
    sample: str
    count: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    """What `/api/v1/status` reports.

    Attributes:
        health: What `/health` has.
        title: What the program is called.
        version: Its version.
        broker: Where the broker is, without any secret.
        not_ready_reason: Why its figures cannot be relied on; None when they can.
        connected_since: Unix seconds; None without a connection.
        disconnected_since: Unix seconds, since the start if there never was one; None with a connection.
        messages_per_second: Of about the last minute; None just after the start.
        errors_per_second: The same of what was set aside.
        fleets: The names of those that are watched.
        partition: Which part of them is kept, from 0.
        partitions: How many there are.
        troubles: What is wrong now.
        set_aside: What was set aside lately, the newest first.
    """

    health: HealthReport
    title: str
    version: str
    broker: str
    not_ready_reason: str | None
    connected_since: float | None
    disconnected_since: float | None
    messages_per_second: float | None
    errors_per_second: float | None
    fleets: Sequence[str]
    partition: int
    partitions: int
    troubles: Sequence[Trouble]
    set_aside: Sequence[SetAsideNote]


def status_object(report: StatusReport) -> Mapping[str, Any]:
    """The report as JSON has it."""
    health = report.health
    return {
        "title": report.title,
        "version": report.version,
        "status": health.status,
        "not_ready_reason": report.not_ready_reason,
        "broker": report.broker,
        "broker_connected": health.broker_connected,
        "connected_since": _moment(report.connected_since),
        "disconnected_since": _moment(report.disconnected_since),
        "mqtt_protocol": health.mqtt_protocol,
        "last_message_time": _moment(health.last_message_time),
        "messages_processed": health.messages_processed,
        "messages_per_second": _rate(report.messages_per_second),
        "errors_count": health.errors_count,
        "errors_per_second": _rate(report.errors_per_second),
        "uptime": round(health.uptime_seconds, 3),
        "connection_uptime_share": round(health.connection_uptime_share, 6),
        "queue_sizes": dict(health.queue_sizes),
        "fleets": list(report.fleets),
        "partition": report.partition,
        "partitions": report.partitions,
        "troubles": [{"text": each.text, "runbook": each.runbook} for each in report.troubles],
        "set_aside": [
            {
                "at": rfc3339(note.at),
                "message_type": note.message_type,
                "reason": note.reason,
                "device": note.device,
                "topic": note.topic,
                "sample": note.sample,
                "count": note.count,
            }
            for note in report.set_aside
        ],
    }


def _moment(unix_seconds: float | None) -> str | None:
    return None if unix_seconds is None else rfc3339(unix_seconds)


def _rate(per_second: float | None) -> float | None:
    return None if per_second is None else round(per_second, 3)
