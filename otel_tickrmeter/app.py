"""The composition root: makes every part from the settings, and runs them in one task group."""

import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import nullcontext
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

import anyio
from anyio.abc import TaskGroup
from loguru import logger
from opentelemetry.metrics import NoOpMeter
from opentelemetry.sdk.resources import Resource

from otel_tickrmeter import __version__
from otel_tickrmeter.capture.writer import CaptureWriter
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.configuration import gives_notices, giving_way_rules, keeps_rows, publishes
from otel_tickrmeter.exporter.build import build_labels
from otel_tickrmeter.exporter.catalogue.sending import exposition_rows
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.exporter.process import ProcessSampler, sample_forever
from otel_tickrmeter.fleets.roster import watched_fleets
from otel_tickrmeter.front import Front
from otel_tickrmeter.http.protect.failure import HandshakeFailure
from otel_tickrmeter.http.server import serve
from otel_tickrmeter.http.sockets import ListenError, adopt
from otel_tickrmeter.jobs.blueprint import Blueprint
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.journal.write import JournalRule
from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.log_writer import report_dropped
from otel_tickrmeter.logs import ProgramLog
from otel_tickrmeter.mqtt.command_switch import CommandSwitch
from otel_tickrmeter.mqtt.commands import CommandPublisher
from otel_tickrmeter.mqtt.configure import receiver_config
from otel_tickrmeter.mqtt.feed import Feed
from otel_tickrmeter.notify.configure import change_dispatcher, make_dispatcher
from otel_tickrmeter.pipeline import Clock, Pipeline, make_pipeline
from otel_tickrmeter.recovery import RecoverableState, Recoverer, discard
from otel_tickrmeter.reload import ReadSettings, Reloader
from otel_tickrmeter.rows import rows_of
from otel_tickrmeter.settings.database import DEFAULT_DATABASE_URL, parse_database_url
from otel_tickrmeter.settings.known_secrets import known_secrets
from otel_tickrmeter.settings.model import (
    MOST_SHARDS,
    CaptureSettings,
    MessagesSettings,
    OtlpSettings,
    Settings,
)
from otel_tickrmeter.statefile.keeper import KeptState, StateKeeper, present_moment
from otel_tickrmeter.store.spool import Spool
from otel_tickrmeter.stream.message import LinkEvent, Message
from otel_tickrmeter.stream.outgoing import SinkRule
from otel_tickrmeter.stream.partition import Partition, Spread
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.systemd.activation import HandedSocket
from otel_tickrmeter.systemd.manager import ServiceManager
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.deltas import Deltas
from otel_tickrmeter.telemetry.exposition import Telemetry
from otel_tickrmeter.telemetry.otlp import DEFAULT_INTERVAL_SECONDS, OtlpPush
from otel_tickrmeter.telemetry.otlp_exporter import (
    make_exporter,
    make_log_exporter,
    make_span_exporter,
    push_seconds,
)
from otel_tickrmeter.telemetry.registration import SCOPE_NAME, Recorded
from otel_tickrmeter.telemetry.series import label_text
from otel_tickrmeter.telemetry.snapshot import SnapshotTelemetry
from otel_tickrmeter.telemetry.target import make_resource
from otel_tickrmeter.threads import ThreadWatch
from otel_tickrmeter.wall_clock import SteadyOffset, unix_offset_ns
from otel_tickrmeter.web.openapi import ApiPart
from otel_tickrmeter.web.reload import reload_route

if TYPE_CHECKING:
    from otel_tickrmeter.http.protect.protection import Protection
    from otel_tickrmeter.jobs.service import JobService
    from otel_tickrmeter.kafka.feed import KafkaFeed
    from otel_tickrmeter.store.keeper import Keeper
    from otel_tickrmeter.telemetry.log_sender import LogSender
    from otel_tickrmeter.telemetry.traces import TraceSender

_T = TypeVar("_T")

_SAMPLE_SECONDS = 5.0
# A scrape that is answered while the next exposition is rendered needs the interpreter lock some forty
# times; at Python's 5 ms each the slowest took 130 to 190 ms (benchmarks/scrape_time.py).
_SWITCH_SECONDS = 0.0005
# With series for each device of a full fleet an exposition takes a third of a second of CPU.
_REFRESH_SECONDS = 1.0
_REFRESH_SECONDS_BY_DEVICE = 5.0
_SHARD_MODULE = "otel_tickrmeter.jobs.shard_process"
_SINK_MODULE = "otel_tickrmeter.kafka.sink"
_WORKER_MODULE = "otel_tickrmeter.blueprints.work"
# Below the spool's directory.
_JOURNAL = "received"
_STATE_FILE = "state"
# How much of the journal there is to take again after a crash, where nobody has said how often to save.
_STATE_SECONDS = 10.0


class App:
    """Every part, made and connected; nothing runs and nothing is held open before `run`.

    Args:
        settings: What to do.
        log: The log that all of it goes to.
        read: Reads the settings again; None when there is nothing to read them from.
        manager: Told how it goes; None when nobody wants to be.
        handed: The sockets that systemd has handed over.
        files: What the settings were read from, for jobs that watch as the program does.
        blueprints: The kinds of jobs that there are, by name.
    """

    def __init__(
        self,
        settings: Settings,
        log: ProgramLog,
        read: ReadSettings | None = None,
        manager: ServiceManager | None = None,
        handed: Sequence[HandedSocket] = (),
        *,
        files: Sequence[Path] = (),
        blueprints: Mapping[str, Blueprint] = MappingProxyType({}),
    ) -> None:
        self._settings = settings
        self._handed = handed
        self._log = log
        self._manager = manager
        self._started_ns = time.monotonic_ns()
        self._offset = SteadyOffset(unix_offset_ns)
        self._threads = ThreadWatch()
        resource = make_resource(socket.gethostname())
        self._taken: KafkaFeed | None = None
        self._telemetry = _make_telemetry(settings, resource, self._mark)
        self._process = ProcessObserver(build_labels(), lambda: log.dropped)
        disabled = os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true"
        otlp = settings.otlp
        traces, logs = settings.otlp_for("traces"), settings.otlp_for("logs")
        self._traces = _make_traces(traces, resource) if otlp.traces and not disabled else None
        self._log_sender = _make_log_sender(logs, resource) if otlp.logs and not disabled else None
        self._letters = _make_letters(settings.messages)
        self._capture = _make_capture(settings.capture, self._started_ns)
        self._keeper = _make_keeper(settings) if keeps_rows(settings) else None
        journal = _journal_rule(settings, self._keeper, self._offset.now())
        settled = None if self._keeper is None or journal is None else self._keeper.settled
        self._state = _make_state(settings, settled, self._saved)
        self._jobs: JobService | None = None
        self._notifier = make_dispatcher(settings.notifications) if gives_notices(settings) else None
        around = nullcontext if manager is None else manager.reloading
        self._reloader = Reloader(settings, read, self.use, around=around)
        wanted = chain.from_iterable(fleet.subscriptions(settings) for fleet in watched_fleets(settings))
        receiver = receiver_config(
            settings.mqtt,
            wanted,
            settings.performance.buffer_size,
            Partition(settings.partition.index, settings.partition.count),
            (fleet.owner_rule(settings) for fleet in watched_fleets(settings)),
            giving_way_rules=giving_way_rules(settings),
            read_pause=min(fleet.read_pause for fleet in watched_fleets(settings)),
            sink=_sink_rule(settings),
            journal=journal,
        )
        self._commands = CommandSwitch(
            partial(CommandPublisher, receiver, logger.info), on=publishes(settings)
        )
        self._pipeline = pipeline = make_pipeline(
            settings,
            NoOpMeter("otel_tickrmeter") if disabled else self._telemetry.meter(),
            self._telemetry.end_series,
            as_callbacks(self._process.callbacks() | ReloadObserver(self._reloader).callbacks())
            | exposition_callbacks(self._telemetry),
            Clock(self._started_ns, self._offset.now, time.perf_counter_ns),
            letters=self._letters,
            keeper=self._keeper,
            notifier=self._notifier,
            publish=self._commands.publish,
            tracer=self._traces,
            lines_sent=self._log_sender,
            saves=None if settings.state.file is None else self._state,
            jobs=lambda: self._jobs,
            taken=lambda: self._taken,
            recovers=journal is not None,
        )
        self._recoverer = None
        if self._keeper is not None and journal is not None:
            self._recoverer = self._make_recoverer(Path(journal.directory), self._keeper)
        self._lasting = self._make_lasting()
        if settings.dagda.enabled:
            self._jobs = _make_jobs(
                settings, pipeline.recorded, self._telemetry.end_series, files, blueprints
            )
        self._protection = _make_protection(
            settings.prometheus.web_config_file, pipeline.recorder.handshake_failure
        )
        self._front = Front(
            settings,
            pipeline,
            self._telemetry,
            started_ns=self._started_ns,
            clock_ns=time.monotonic_ns,
            unix_offset_ns=unix_offset_ns,
            others=() if self._jobs is None else (self._jobs.glance,),
            parts=_job_parts(self._jobs, blueprints, settings.dagda.tokens_file),
        )
        deliver: Callable[[list[Message]], None] = pipeline.handler.deliver
        report: Callable[[LinkEvent], None] = pipeline.handler.report
        if self._capture is not None:
            deliver, report = _both(self._capture.deliver, deliver), _both(self._capture.report, report)
        self._deliver = deliver
        self._feed: Feed | KafkaFeed
        if settings.kafka.role == "handler":
            self._feed = self._taken = _make_kafka_feed(settings, pipeline, deliver, report, self._keeper)
        else:
            self._feed = Feed(
                receiver,
                deliver=deliver,
                report=report,
                silent=pipeline.handler.silent,
                recover=self._recover,
            )

    def _make_recoverer(self, directory: Path, keeper: "Keeper") -> Recoverer:
        (fleet,) = (fleet for fleet in self._pipeline.fleets if fleet.recovery() is not None)
        return Recoverer(directory, fleet, lambda: keeper.state.has_room, self._offset)

    def _make_lasting(self) -> KeptState:
        settings, fleets = self._settings, self._pipeline.fleets
        only = None if settings.state.file is not None else _journaled(settings)
        lasting = Lasting(settings, fleets, self._telemetry, only)
        return lasting if self._recoverer is None else RecoverableState(lasting, self._recoverer)

    def _discard_unkept(self) -> None:
        """Delete what an earlier run with other settings has left beside the spool."""
        spool, file = self._settings.database.spool, self._settings.state.file
        state = spool / _STATE_FILE
        recovers = self._recoverer is not None
        is_kept = recovers if file is None else file.absolute() == state.absolute()
        discard(None if recovers else spool / _JOURNAL, None if is_kept else state)

    def _saved(self) -> None:
        if isinstance(self._lasting, RecoverableState):
            self._lasting.saved()

    def _recover(self) -> None:
        if self._recoverer is not None:
            self._recoverer.take_rest(present_moment(), self._deliver)

    def deliver(self, messages: list[Message]) -> None:
        """Handle messages that did not come by our own connection, in the event loop that `run` runs in."""
        self._pipeline.handler.deliver(messages)

    async def run(self, stop: anyio.Event | None = None) -> None:
        """Run until the event is set; without one, until SIGINT or SIGTERM.

        Raises:
            LetterFileError: The dead-letter file cannot be opened.
            CaptureFileError: The capture cannot be begun.
            SpoolError: The directory that rows are to wait in cannot be used.
            JobDirectoryError: The directory of jobs cannot be used.
            ListenError: The address of the HTTP server cannot be listened on.
            ThreadFailedError: A thread of ours has failed.
        """
        sys.setswitchinterval(_SWITCH_SECONDS)
        if self._keeper is not None:
            self._keeper.open()
            self._discard_unkept()
        if self._state is not None:
            self._state.restore(self._lasting)
        if self._jobs is not None:
            self._jobs.open()
        with (
            self._threads,
            self._letters or nullcontext(),
            self._capture or nullcontext(),
            self._commands,
        ):
            if stop is not None:
                await self._run(stop.wait)
                return
            with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
                await self._run(lambda: self._until_stopped(signals))

    async def _run(self, until_stopped: Callable[[], Awaitable[None]]) -> None:
        started = False
        try:
            # Rows are written to the end: until nothing is left that could make another.
            async with anyio.create_task_group() as last:
                if self._keeper is not None:
                    last.start_soon(self._keeper.run)
                # How the last notices end are rows, too.
                async with anyio.create_task_group() as telling:
                    if self._notifier is not None:
                        telling.start_soon(self._notifier.run)
                    async with anyio.create_task_group() as tasks:
                        await self._start(tasks)
                        started = True
                        # Jobs end first: how they do can be seen.
                        await self._run_jobs(until_stopped)
                        tasks.cancel_scope.cancel()
                    telling.cancel_scope.cancel()
                last.cancel_scope.cancel()
        finally:
            # All that was received has been handled, and rows and notices that it made are counted. One that
            # could not start has heard nothing.
            if self._state is not None and started:
                await self._state.save(self._lasting)

    async def _run_jobs(self, until_stopped: Callable[[], Awaitable[None]]) -> None:
        async with anyio.create_task_group() as work:
            if self._jobs is not None:
                work.start_soon(self._jobs.run)
            await until_stopped()
            if self._manager is not None:
                self._manager.stopping()
            work.cancel_scope.cancel()

    async def _until_stopped(self, signals: AsyncIterator[signal.Signals]) -> None:
        async for received in signals:
            if received is not signal.SIGHUP:
                logger.info("Stopping on {}", received.name)
                return
            # This very line makes it so.
            logger.info("SIGHUP: reading the settings again; a log file that was moved away is begun anew")
            self._reloader.ask()

    def use(self, settings: Settings, read: Settings) -> None:
        """Go by other settings from now on, in the event loop that `run` runs in.

        Args:
            settings: They differ from those of before only in keys with `Key.reload`.
            read: The same with all that takes effect after a restart: secrets of it are masked from now on.
        """
        self._log.use(settings.logging.level, known_secrets(read))
        before, self._settings = self._settings, settings
        for fleet in self._pipeline.fleets:
            fleet.use(settings)
        if self._notifier is not None:
            change_dispatcher(self._notifier, settings.notifications)
        self._commands.switch(on=publishes(settings))
        if settings.prometheus.reader == "stock" and _most_series(settings) > _most_series(before):
            logger.warning("Settings: the SDK's reader shows more series only after a restart")

    async def _start(self, tasks: TaskGroup) -> None:
        settings = self._settings
        # Before any thread runs: it takes variables from the environment for a moment.
        exporter = make_exporter(settings.otlp) if settings.otlp.enabled else None
        if self._traces is not None:
            self._traces.open()
            tasks.start_soon(self._traces.keep_open)
        if self._log_sender is not None:
            self._log_sender.open()
            self._log.forward(self._log_sender.take)
            tasks.start_soon(self._log_sender.keep_open)
        adopted = self._adopt()
        port = await tasks.start(
            partial(
                serve,
                settings.prometheus.host,
                settings.prometheus.port,
                (
                    *self._front.routes(),
                    reload_route(lambda: self._settings.prometheus.enable_reload, self._reloader.reload),
                ),
                self._pipeline.recorder.http_response,
                protection=self._protection,
                adopted=adopted,
            )
        )
        host = adopted[0].getsockname()[0] if adopted else settings.prometheus.host
        in_url = f"[{host}]" if ":" in host else host
        scheme = "https" if self._protection is not None and self._protection.tls else "http"
        logger.info("Serving {}://{}:{}{}", scheme, in_url, port, settings.prometheus.path)
        sampler = ProcessSampler(self._own_pids)
        tasks.start_soon(sample_forever, sampler, _SAMPLE_SECONDS, self._process.publish)
        tasks.start_soon(report_dropped, self._log.writer, _SAMPLE_SECONDS)
        tasks.start_soon(self._threads.watch)
        tasks.start_soon(self._reloader.run)
        tasks.start_soon(self._front.report.keep_rates)
        if self._manager is not None:
            self._manager.ready()
            tasks.start_soon(self._manager.tell_status, self._sentence)
            tasks.start_soon(self._manager.watch)
        tasks.start_soon(self._telemetry.keep_fresh)
        if exporter is not None:
            push = OtlpPush(
                exporter,
                self._telemetry.collect_for_otlp,
                self._pipeline.recorder.otlp_export,
                settings.otlp.interval or DEFAULT_INTERVAL_SECONDS,
                points=self._telemetry.points,
                timeout_seconds=push_seconds(settings.otlp),
            )
            tasks.start_soon(push.push_forever)
        if self._state is not None:
            tasks.start_soon(self._state.keep, self._lasting)
        if self._taken is not None:
            tasks.start_soon(self._taken.settle_forever)
        tasks.start_soon(self._receive)

    async def _receive(self) -> None:
        if self._recoverer is not None:
            await self._recoverer.take_again(present_moment(), self._pipeline.handler.deliver)
        if self._settings.kafka.role == "receiver":
            # The client of Kafka: only this needs it.
            from otel_tickrmeter.kafka.topic import wait_for_topic  # noqa: PLC0415

            link = self._pipeline.link
            await wait_for_topic(self._settings.kafka, self._settings.mqtt.client_id, link.tell_of_log)
        await self._feed.run()

    def _mark(self) -> Callable[[], None]:
        """A snapshot is taken: what it shows of Kafka need not come again."""
        return _nothing if self._taken is None else self._taken.mark()

    def _adopt(self) -> tuple[socket.socket, ...]:
        """The sockets of systemd's that are to be served on; none: we listen ourselves."""
        if not self._settings.prometheus.systemd_socket:
            if self._handed:
                logger.warning(
                    "systemd handed over a socket, and prometheus.systemd_socket is false: not used"
                )
            return ()
        if not self._handed:
            raise ListenError(
                "prometheus.systemd_socket is true, and systemd handed over no socket: "
                "is otel-tickrmeter.socket there and started?"
            )
        return tuple(adopt(each.descriptor, each.name) for each in self._handed)

    def _own_pids(self) -> tuple[int, ...]:
        pid = self._feed.pid
        return () if pid is None else (pid,)

    def _sentence(self) -> str:
        """How it goes, in a sentence."""
        reason = self._front.not_ready_reason()
        works = "Connected to the broker" if self._taken is None else "Handling what comes by way of Kafka"
        status = works if reason is None else f"Not ready: {reason}"
        return (
            status
            if self._reloader.successful
            else f"{status}; the settings that were read last are at fault"
        )


def _both(first: Callable[[_T], None], then: Callable[[_T], None]) -> Callable[[_T], None]:
    def take(item: _T) -> None:
        first(item)
        then(item)

    return take


def _nothing() -> None:
    pass


def _sink_rule(settings: Settings) -> SinkRule | None:
    """Where the receiving process puts its messages, if that is not the main process."""
    kafka = settings.kafka
    if kafka.role != "receiver":
        return None
    # librdkafka's properties: only this needs them.
    from otel_tickrmeter.kafka.client import producer_properties  # noqa: PLC0415

    options = {
        "properties": producer_properties(kafka, settings.mqtt.client_id),
        "topic": kafka.topic,
        "partitions": kafka.partitions,
        "buffer_size": settings.performance.buffer_size,
    }
    return SinkRule(_SINK_MODULE, options)


def _make_kafka_feed(
    settings: Settings,
    pipeline: Pipeline,
    deliver: Callable[[list[Message]], None],
    report: Callable[[LinkEvent], None],
    keeper: "Keeper | None",
) -> "KafkaFeed":
    # The client of Kafka: only this needs it.
    from otel_tickrmeter.kafka.feed import KafkaFeed  # noqa: PLC0415
    from otel_tickrmeter.kafka.topic import wait_for_topic  # noqa: PLC0415

    spread = Spread(settings.kafka.partitions)

    def release(gone: frozenset[int]) -> None:
        for fleet in pipeline.fleets:
            fleet.release(lambda device_id: spread.of_device(device_id) in gone)

    return KafkaFeed(
        settings.kafka,
        settings.mqtt.client_id,
        unix_offset_ns(),
        # Rows are told apart by it: what is handled again makes none twice.
        named=keeps_rows(settings),
        deliver=deliver,
        report=report,
        release=release,
        silent=pipeline.handler.silent,
        tell=pipeline.link.tell_of_log,
        topic_there=partial(
            wait_for_topic, settings.kafka, settings.mqtt.client_id, pipeline.link.tell_of_log
        ),
        clock_ns=time.monotonic_ns,
        settled=None if keeper is None else keeper.settled,
    )


def _make_protection(
    path: Path | None, on_failure: Callable[[HandshakeFailure], None]
) -> "Protection | None":
    if path is None:
        return None
    # OpenSSL and bcrypt: 12 MB that only this needs.
    from otel_tickrmeter.http.protect.protection import Protection  # noqa: PLC0415

    return Protection(path, on_failure)


def _make_letters(messages: MessagesSettings) -> LetterWriter | None:
    path = messages.dead_letter_file
    if path is None:
        return None
    return LetterWriter(path, messages.dead_letter_max_size, messages.dead_letter_files)


def _make_capture(capture: CaptureSettings, started_ns: int) -> CaptureWriter | None:
    if capture.file is None:
        return None
    return CaptureWriter(
        capture.file,
        capture.max_size,
        capture.files,
        run=secrets.token_hex(5),
        started_ns=started_ns,
        unix_offset_ns=unix_offset_ns,
    )


def _make_state(
    settings: Settings, settled: Callable[[], Awaitable[None]] | None, written: Callable[[], None]
) -> StateKeeper | None:
    state, partition = settings.state, settings.partition
    file, interval = state.file, state.interval
    if file is None:
        if settled is None:
            return None
        file, interval = settings.database.spool / _STATE_FILE, _STATE_SECONDS
    return StateKeeper(
        file,
        interval,
        present_moment,
        whose=f"partition {partition.index} of {partition.count}",
        counters_after_crash=state.file is not None and state.counters_after_crash == "saved",
        settled=settled,
        written=written,
    )


def _journaled(settings: Settings) -> frozenset[str]:
    """The fleets of which what arrives is written down."""
    return frozenset(fleet.name for fleet in watched_fleets(settings) if fleet.journaled(settings))


def _journal_rule(settings: Settings, keeper: "Keeper | None", offset_ns: int) -> JournalRule | None:
    # Kafka keeps what comes from there.
    if keeper is None or not settings.database.journal or settings.kafka.role:
        return None
    return JournalRule(
        str((settings.database.spool / _JOURNAL).absolute()),
        keeper.instance,
        tuple(chain.from_iterable(fleet.journaled(settings) for fleet in watched_fleets(settings))),
        settings.database.spool_max_size,
        present_moment().boot,
        offset_ns,
    )


def _make_keeper(settings: Settings) -> "Keeper":
    # SQLAlchemy and Alembic: an optional part, and 20 MB that only this needs.
    from otel_tickrmeter.store.keeper import Keeper  # noqa: PLC0415

    database = settings.database
    url = parse_database_url(database.url or DEFAULT_DATABASE_URL)
    spool = Spool(database.spool, database.spool_max_size)
    # Where there are jobs, one of them does it.
    keeps_house = not settings.dagda.enabled
    # Of two runs the later one's is greater.
    instance = f"{time.time_ns() // SECOND_NS:x}{secrets.token_hex(3)}"
    return Keeper(url, spool, database.spool_max_size, instance, keeps_house=keeps_house)


def _make_jobs(
    settings: Settings,
    recorded: Recorded,
    end_series: Callable[[AttributeSet], None],
    files: Sequence[Path],
    blueprints: Mapping[str, Blueprint],
) -> "JobService":
    # What it takes to run them: only this needs it.
    from otel_tickrmeter.jobs.recorder import JobRecorder  # noqa: PLC0415
    from otel_tickrmeter.jobs.service import JobService  # noqa: PLC0415

    dagda = settings.dagda
    recorder = JobRecorder(recorded, end_series, blueprints)
    surroundings = Surroundings(
        str(dagda.directory),
        database_url=settings.database.url or DEFAULT_DATABASE_URL,
        watched_broker=settings.mqtt.broker,
        allow_watched_broker=dagda.allow_watched_broker,
        settings_files=tuple(map(str, files)),
        memory_bytes=dagda.worker_memory,
    )
    processors = len(os.sched_getaffinity(0))
    return JobService(
        blueprints,
        surroundings,
        # Nothing is imported from where one happens to stand.
        (sys.executable, "-Pm", _SHARD_MODULE, sys.executable, "-Pm", _WORKER_MODULE),
        recorder,
        recorder.handled,
        most_shards=dagda.shards or min(max(processors - 1, 1), MOST_SHARDS),
        seconds=dagda.max_duration,
        again=("retention",) if keeps_rows(settings) else (),
        unix_offset_ns=unix_offset_ns(),
    )


def _job_parts(
    jobs: "JobService | None", blueprints: Mapping[str, Blueprint], tokens: Path | None
) -> tuple[ApiPart, ...]:
    """What the JSON interface has of jobs: nothing, where nobody could ask."""
    if jobs is None or tokens is None:
        return ()
    # Only this needs it.
    from otel_tickrmeter.web.jobs.routes import jobs_part  # noqa: PLC0415

    return (jobs_part(jobs, blueprints, tokens),)


def _make_traces(otlp: OtlpSettings, resource: Resource) -> "TraceSender":
    # The part of the SDK that makes spans: only this needs it.
    from otel_tickrmeter.telemetry.traces import TraceSender  # noqa: PLC0415

    return TraceSender(
        lambda: make_span_exporter(otlp),
        resource,
        round(otlp.traces_slower_than * SECOND_NS),
        otlp.traces_per_second,
        unix_offset_ns,
    )


def _make_log_sender(otlp: OtlpSettings, resource: Resource) -> "LogSender":
    # The part of the SDK that makes records: only this needs it.
    from otel_tickrmeter.telemetry.log_sender import LogSender  # noqa: PLC0415

    return LogSender(lambda: make_log_exporter(otlp), resource)


def _make_telemetry(
    settings: Settings, resource: Resource, mark: Callable[[], Callable[[], None]]
) -> Telemetry:
    rows = rows_of(settings)
    prometheus = settings.prometheus
    temporality = settings.otlp.temporality if settings.otlp.enabled else None
    if prometheus.reader == "stock":
        # 4 MB that only this path needs.
        from otel_tickrmeter.telemetry.stock import StockTelemetry  # noqa: PLC0415

        return StockTelemetry(
            resource,
            rows,
            series_limit=_most_series(settings),
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
        unix_offset_ns=unix_offset_ns,
        scope_labels=label_text(scope) if prometheus.scope_labels else "",
        deltas=None if temporality in (None, "cumulative") else Deltas(observed=temporality == "delta"),
        mark=mark,
    )


def _most_series(settings: Settings) -> int:
    return max(fleet.most_series(settings) for fleet in watched_fleets(settings))
