"""The composition root: makes every part from the settings, and runs them in one task group."""

import os
import platform
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import nullcontext
from functools import partial
from importlib import metadata, resources
from itertools import chain
from typing import TYPE_CHECKING, Any

import anyio
from anyio.abc import TaskGroup
from loguru import logger
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.configuration import gives_notices, keeps_rows
from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.exporter.observers import ProcessObserver, exposition_callbacks
from otel_tickrmeter.exporter.process import ProcessSampler, sample_forever
from otel_tickrmeter.fleets.dialect import Intake
from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.http.message import ResponseBody
from otel_tickrmeter.http.negotiate import Format
from otel_tickrmeter.http.server import serve
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.log_writer import LogWriter, report_dropped
from otel_tickrmeter.mqtt.configure import receiver_config
from otel_tickrmeter.mqtt.feed import Feed
from otel_tickrmeter.notify.channels import Channel, LogChannel, TelegramChannel, WebhookChannel
from otel_tickrmeter.notify.dispatcher import Dispatcher
from otel_tickrmeter.notify.policy import Policy
from otel_tickrmeter.pipeline import Clock, make_pipeline
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.settings.database import DEFAULT_DATABASE_URL, parse_database_url
from otel_tickrmeter.settings.model import DatabaseSettings, MessagesSettings, NotificationsSettings, Settings
from otel_tickrmeter.store.spool import Spool
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.otlp import DEFAULT_INTERVAL_SECONDS, OtlpPush
from otel_tickrmeter.telemetry.otlp_exporter import make_exporter, push_seconds
from otel_tickrmeter.telemetry.registration import SCOPE_NAME
from otel_tickrmeter.telemetry.series import label_text
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.target import make_resource
from otel_tickrmeter.web.pages import HealthReport, LandingState, MonitorHealth
from otel_tickrmeter.web.routes import ExpositionUnavailableError, build_routes

if TYPE_CHECKING:
    from otel_tickrmeter.store.keeper import Keeper

_SAMPLE_SECONDS = 5.0
# A scrape that is answered while the next exposition is rendered needs the interpreter lock some forty
# times; at Python's 5 ms each the slowest took 130 to 190 ms (benchmarks/scrape_time.py).
_SWITCH_SECONDS = 0.0005
# With series for each device of a full fleet an exposition takes a third of a second of CPU.
_REFRESH_SECONDS = 1.0
_REFRESH_SECONDS_BY_DEVICE = 5.0


class App:
    """Every part, made and connected; nothing runs and nothing is held open before `run`."""

    def __init__(self, settings: Settings, log: LogWriter) -> None:
        self._settings = settings
        self._log = log
        self._started_ns = time.monotonic_ns()
        self._telemetry = _make_telemetry(settings, make_resource(socket.gethostname()))
        self._process = ProcessObserver(_build_labels(), lambda: log.dropped)
        disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        self._letters = _make_letters(settings.messages)
        self._keeper = _make_keeper(settings.database) if keeps_rows(settings) else None
        self._notifier = _make_notifier(settings.notifications) if gives_notices(settings) else None
        self._pipeline = pipeline = make_pipeline(
            settings,
            NoOpMeter("otel_tickrmeter") if disabled else self._telemetry.meter(),
            self._telemetry.end_series,
            as_callbacks(self._process.callbacks()) | exposition_callbacks(self._telemetry),
            Clock(self._started_ns, _unix_offset_ns, time.perf_counter_ns),
            letters=self._letters,
            keeper=self._keeper,
            notifier=self._notifier,
        )
        fleets = [fleet for fleet in FLEETS if fleet.enabled(settings)]
        watched = (fleet.subscriptions(settings) for fleet in fleets)
        self._monitors = {
            fleet.health_path: partial(self._monitor_health, intake)
            for fleet, intake in zip(fleets, pipeline.fleets, strict=True)
            if fleet.health_path
        }
        self._feed = Feed(
            receiver_config(settings.mqtt, chain.from_iterable(watched), settings.performance.buffer_size),
            deliver=pipeline.handler.deliver,
            report=pipeline.handler.report,
            silent=pipeline.handler.silent,
        )

    def deliver(self, messages: list[Message]) -> None:
        """Handle messages that did not come by our own connection, in the event loop that `run` runs in."""
        self._pipeline.handler.deliver(messages)

    async def run(self, stop: anyio.Event | None = None) -> None:
        """Run until the event is set; without one, until SIGINT or SIGTERM.

        Raises:
            LetterFileError: The dead-letter file cannot be opened.
            SpoolError: The directory that rows are to wait in cannot be used.
            ListenError: The address of the HTTP server cannot be listened on.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        if self._keeper is not None:
            self._keeper.open()
        with self._letters or nullcontext():
            if stop is not None:
                await self._run(stop.wait)
                return
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
                await self._run(lambda: self._until_stopped(signals))

    async def _run(self, until_stopped: Callable[[], Awaitable[None]]) -> None:
        # Rows are written to the end: until nothing is left that could make another.
        async with anyio.create_task_group() as last:
            if self._keeper is not None:
                last.start_soon(self._keeper.run)
            if self._notifier is not None:
                last.start_soon(self._notifier.run)
            async with anyio.create_task_group() as tasks:
                await self._start(tasks)
                await until_stopped()
                tasks.cancel_scope.cancel()
            last.cancel_scope.cancel()

    async def _until_stopped(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for received in signals:
            if received is not signal.SIGHUP:
                logger.info("Stopping on {}", received.name)
                return
            # This very line makes it so.
            logger.warning(
                "Settings cannot be reloaded by this version: restart instead;"
                " a log file that was moved away is begun anew"
            )

    async def _start(self, tasks: TaskGroup) -> None:
        settings = self._settings
        # Before any thread runs: it takes variables from the environment for a moment.
        exporter = make_exporter(settings.otlp) if settings.otlp.enabled else None
        port = await tasks.start(
            partial(
                serve,
                settings.prometheus.host,
                settings.prometheus.port,
                build_routes(
                    metrics_path=settings.prometheus.path,
                    exposition=self._scrape,
                    not_ready_reason=self._not_ready_reason,
                    health=self._health,
                    landing=self._landing,
                    monitors=self._monitors,
                ),
                self._pipeline.recorder.http_response,
            )
        )
        host = settings.prometheus.host
        in_url = f"[{host}]" if ":" in host else host
        logger.info("Serving http://{}:{}{}", in_url, port, settings.prometheus.path)
        sampler = ProcessSampler(self._own_pids)
        tasks.start_soon(sample_forever, sampler, _SAMPLE_SECONDS, self._process.publish)
        tasks.start_soon(report_dropped, self._log, _SAMPLE_SECONDS)
        tasks.start_soon(self._telemetry.keep_fresh)
        if exporter is not None:
            push = OtlpPush(
                exporter,
                self._telemetry.collect_for_otlp,
                self._pipeline.recorder.otlp_export,
                settings.otlp.interval or DEFAULT_INTERVAL_SECONDS,
                timeout_seconds=push_seconds(settings.otlp),
            )
            tasks.start_soon(push.push_forever)
        tasks.start_soon(self._feed.run)

    def _own_pids(self) -> tuple[int, ...]:
        pid = self._feed.pid
        return () if pid is None else (pid,)

    async def _scrape(self, form: Format, gzip: bool) -> ResponseBody:  # noqa: FBT001  the routes' callable
        body = await self._telemetry.scrape(form, gzip=gzip)
        if body is None:
            raise ExpositionUnavailableError("no exposition made yet")
        return body

    def _not_ready_reason(self) -> str | None:
        return self._pipeline.not_ready_reason() or self._telemetry.stale()

    def _health(self) -> HealthReport:
        link = self._pipeline.link
        now_ns = time.monotonic_ns()
        return HealthReport(
            status="healthy" if self._not_ready_reason() is None else "degraded",
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
        return None if last_ns is None else (last_ns + _unix_offset_ns()) / SECOND_NS

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
            not_ready_reason=self._not_ready_reason(),
            metrics_path=self._settings.prometheus.path,
        )


def _make_letters(messages: MessagesSettings) -> LetterWriter | None:
    path = messages.dead_letter_file
    if path is None:
        return None
    return LetterWriter(path, messages.dead_letter_max_size, messages.dead_letter_files)


def _make_keeper(database: DatabaseSettings) -> "Keeper":
    # SQLAlchemy and Alembic: an optional part, and 20 MB that only this needs.
    from otel_tickrmeter.store.keeper import Keeper  # noqa: PLC0415

    url = parse_database_url(database.url or DEFAULT_DATABASE_URL)
    spool = Spool(database.spool, database.spool_max_size)
    return Keeper(url, spool, database.spool_max_size, secrets.token_hex(5))


def _make_notifier(wanted: NotificationsSettings) -> Dispatcher | None:
    channels: list[Channel] = []
    if wanted.log:
        channels.append(LogChannel())
    if wanted.webhook_url is not None:
        channels.append(WebhookChannel(wanted.webhook_url, wanted.webhook_token))
    if wanted.telegram_chat_id is not None and wanted.telegram_token is not None:
        telegram = TelegramChannel(wanted.telegram_url, wanted.telegram_token, wanted.telegram_chat_id)
        channels.append(telegram)
    if not channels:
        return None
    return Dispatcher(channels, Policy(round(wanted.min_interval * SECOND_NS), wanted.max_per_minute))


def _make_telemetry(settings: Settings, resource: Resource) -> Telemetry:
    rows = rows_of(settings)
    prometheus = settings.prometheus
    temporality = settings.otlp.temporality if settings.otlp.enabled else None
    if prometheus.reader == "stock":
        # 4 MB that only this path needs.
        from otel_tickrmeter.telemetry.stock import StockTelemetry  # noqa: PLC0415

        return StockTelemetry(
            resource,
            rows,
            series_limit=max(fleet.most_series(settings) for fleet in FLEETS if fleet.enabled(settings)),
            scope_labels=prometheus.scope_labels,
            temporality=temporality,
        )
    scope = {
        "otel_scope_name": SCOPE_NAME,
        "otel_scope_version": __version__,
        "otel_scope_schema_url": "",
    }
    by_device = any(row.per_device for row in rows)
    return SnapshotTelemetry(
        CompactMeter(rows),
        resource,
        prometheus.refresh_interval or (_REFRESH_SECONDS_BY_DEVICE if by_device else _REFRESH_SECONDS),
        exposition_rows(),
        clock_ns=time.monotonic_ns,
        unix_offset_ns=_unix_offset_ns,
        scope_labels=label_text(scope) if prometheus.scope_labels else "",
        deltas=None if temporality in (None, "cumulative") else Deltas(observed=temporality == "delta"),
    )


def _build_labels() -> dict[str, str]:
    # The container build writes the revision into the package; elsewhere there is none to know.
    revision = resources.files("otel_tickrmeter") / "REVISION"
    return {
        "version": __version__,
        "revision": revision.read_text().strip() if revision.is_file() else "unknown",
        "python_version": platform.python_version(),
        "otel_sdk_version": metadata.version("opentelemetry-sdk"),
    }


def _unix_offset_ns() -> int:
    return time.time_ns() - time.monotonic_ns()
