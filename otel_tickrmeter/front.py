"""What is served of a pipeline: its exposition, health, lists and the page, put together as routes."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from otel_tickrmeter import __version__
from otel_tickrmeter.fleets.dialect import Intake
from otel_tickrmeter.fleets.roster import watched_fleets
from otel_tickrmeter.http.message import ResponseBody
from otel_tickrmeter.http.negotiate import Format
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.pipeline import Pipeline
from otel_tickrmeter.report import Report
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.views.glance import Glance
from otel_tickrmeter.web.api import api_routes
from otel_tickrmeter.web.openapi import ApiPart
from otel_tickrmeter.web.pages import HealthReport, LandingState, MonitorHealth
from otel_tickrmeter.web.routes import ExpositionUnavailableError, build_routes


class Front:
    """Looks at the state when it is asked, in the event loop that handles messages.

    Args:
        settings: What is watched, and the path of the exposition.
        pipeline: What is looked at.
        telemetry: What was recorded.
        started_ns: Monotonic time of the start.
        clock_ns: The monotonic time.
        unix_offset_ns: Unix time less monotonic time.
        others: What is seen at a glance besides fleets.
        parts: What the JSON interface has besides.

    Attributes:
        report: What people and programs are told of the whole.
    """

    def __init__(
        self,
        settings: Settings,
        pipeline: Pipeline,
        telemetry: Telemetry,
        *,
        started_ns: int,
        clock_ns: Callable[[], int],
        unix_offset_ns: Callable[[], int],
        others: Sequence[Callable[[], Glance]] = (),
        parts: Sequence[ApiPart] = (),
    ) -> None:
        self._parts = parts
        fleets = watched_fleets(settings)
        self._metrics_path = settings.prometheus.path
        self._pipeline = pipeline
        self._telemetry = telemetry
        self._started_ns = started_ns
        self._clock_ns = clock_ns
        self._unix_offset_ns = unix_offset_ns
        self.report = Report(
            settings.mqtt.broker,
            settings.prometheus.runbooks_url,
            tuple(fleet.name for fleet in fleets),
            pipeline,
            health=self._health,
            stale=telemetry.stale,
            clock_ns=clock_ns,
            unix_offset_ns=unix_offset_ns,
            partition=settings.partition,
            others=others,
            topic=settings.kafka.topic if settings.kafka.role == "handler" else "",
        )
        self._monitors = {
            fleet.health_path: partial(self._monitor_health, intake)
            for fleet, intake in zip(fleets, pipeline.fleets, strict=True)
            if fleet.health_path
        }

    def routes(self) -> tuple[Route, ...]:
        """All paths that are there to look at."""
        return (
            *build_routes(
                metrics_path=self._metrics_path,
                exposition=self._scrape,
                not_ready_reason=self.not_ready_reason,
                health=self._health,
                landing=self._landing,
                monitors=self._monitors,
            ),
            *api_routes(
                self.report.views(), self.report.status, self.report.glances, __version__, self._parts
            ),
        )

    def not_ready_reason(self) -> str | None:
        """Why what is shown cannot be relied on, in words; None when it can."""
        return self._pipeline.not_ready_reason() or self._telemetry.stale()

    async def _scrape(self, form: Format, gzip: bool) -> ResponseBody:  # noqa: FBT001  the routes' callable
        body = await self._telemetry.scrape(form, gzip=gzip)
        if body is None:
            raise ExpositionUnavailableError("no exposition made yet")
        return body

    def _health(self) -> HealthReport:
        link = self._pipeline.link
        now_ns = self._clock_ns()
        return HealthReport(
            status="healthy" if self.not_ready_reason() is None else "degraded",
            broker_connected=link.usable,
            last_message_time=self._last_message_time(),
            messages_processed=self._pipeline.messages_processed,
            errors_count=self._pipeline.errors,
            uptime_seconds=(now_ns - self._started_ns) / SECOND_NS,
            connection_uptime_share=link.up_share(now_ns),
            queue_sizes={"receive": link.queue_size},
            mqtt_protocol=link.protocol or None,
        )

    def _last_message_time(self) -> float | None:
        last_ns = self._pipeline.link.last_message_ns
        return None if last_ns is None else (last_ns + self._unix_offset_ns()) / SECOND_NS

    def _monitor_health(self, fleet: Intake[Any]) -> MonitorHealth:
        return MonitorHealth(
            broker_connected=self._pipeline.link.usable,
            last_message_time=self._last_message_time(),
            messages_processed=fleet.figures.processed,
            errors_count=fleet.figures.errors,
        )

    def _landing(self) -> LandingState:
        return LandingState(
            title="otel-tickrmeter",
            version=__version__,
            not_ready_reason=self.not_ready_reason(),
            metrics_path=self._metrics_path,
        )
