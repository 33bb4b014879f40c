"""Pushes the same figures to an OpenTelemetry collector."""

from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from threading import Thread
from time import monotonic

import anyio
from anyio import RunFinishedError, from_thread
from anyio.lowlevel import current_token
from loguru import logger
from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData

from otel_tickrmeter.telemetry.outcome import ExportOutcome

DEFAULT_INTERVAL_SECONDS = 60.0
"""OpenTelemetry's default of OTEL_METRIC_EXPORT_INTERVAL."""

_END_IN_TROUBLE_SECONDS = 1.5

Batches = Callable[[], Iterable[MetricsData]]
"""Makes the data to push, in any thread; whoever goes on to the next says that this one has arrived."""


class OtlpPush:
    """Collects and exports at an interval, and once more at the end.

    Args:
        exporter: Where to.
        collect: Collects, in the handler's thread. What it returns makes the data, in the exporting thread:
            that takes half a second for a full fleet.
        exported: Told how each push ended, in the handler's thread; not of one that the end cut off.
        interval_seconds: Time from one push to the next.
        points: How many data points were collected last, when that is known.
        timeout_seconds: Time a push may take; one that takes longer has failed.
        end_seconds: How long the end may wait for the last push; a full fleet takes 2.5 s of CPU, and the
            program has 5 s to end in.
    """

    def __init__(
        self,
        exporter: MetricExporter,
        collect: Callable[[], Awaitable[Batches]],
        exported: Callable[[ExportOutcome], None],
        interval_seconds: float,
        *,
        points: Callable[[], int | None] = lambda: None,
        timeout_seconds: float = 30.0,
        end_seconds: float = 3.5,
    ) -> None:
        self._exporter = exporter
        self._collect = collect
        self._exported = exported
        self._interval_seconds = interval_seconds
        self._points = points
        self._timeout_seconds = timeout_seconds
        self._end_seconds = end_seconds
        self._failing = False
        # An exporter is not made for two exports at once (OpenTelemetry's specification).
        self._idle = anyio.Event()
        self._idle.set()
        self._ending = False
        self._ended = False
        self._arrived = 0  # data points of the push that goes on, or of the last

    async def push_forever(self) -> None:
        """Push until cancelled; then push what was recorded last, within a bound."""
        try:
            while True:
                await anyio.sleep(self._interval_seconds)
                await self._push()
        finally:
            await self._end()

    async def _end(self) -> None:
        # One that goes on stops after its next request: the last one tells it all once more, and newer.
        self._ending = True
        # A collector that is in trouble gets less: most likely all of it would be waited for in vain.
        seconds = min(self._end_seconds, _END_IN_TROUBLE_SECONDS) if self._failing else self._end_seconds
        whole = False
        with anyio.move_on_after(seconds, shield=True):
            with anyio.move_on_after(_END_IN_TROUBLE_SECONDS):
                await self._idle.wait()
            if self._idle.is_set():
                whole = await self._push()
        self._ended = True
        if not whole:
            ended = "failed" if self._idle.is_set() else "was cut off"
            points = self._points()
            of = "" if points is None else f" of {points}"
            logger.warning("The last OTLP push {}: {} data points{} arrived", ended, self._arrived, of)
        self._exporter.shutdown()

    async def _push(self) -> bool:
        """Whether all arrived that there was."""
        outcome: ExportOutcome | None = ExportOutcome.FAILED
        try:
            # One that hangs has failed; so has the next while the thread of the first cannot be ended.
            with anyio.move_on_after(self._timeout_seconds):
                if self._idle.is_set():
                    self._arrived = 0
                    outcome = await self._export(await self._collect())
        except Exception as error:  # noqa: BLE001  a figure that cannot be observed must not end the program
            logger.debug("OTLP push raised {!r}", error)
        if outcome is not None:
            self._exported(outcome)
        failed = outcome is ExportOutcome.FAILED
        if failed is not self._failing:
            self._failing = failed
            if failed:
                logger.warning("OTLP push fails; trying on every {} s", self._interval_seconds)
            else:
                logger.info("OTLP push works again")
        return not failed

    async def _export(self, make_batches: Batches) -> ExportOutcome | None:
        # A thread of its own, which ends with the program: an export cannot be interrupted, and one to a
        # collector that does not answer held up the exit for its timeout of 10 s (measured).
        idle, token = anyio.Event(), current_token()
        self._idle = idle
        outcome: ExportOutcome | None = ExportOutcome.FAILED

        def export() -> None:
            nonlocal outcome
            try:
                outcome = self._export_now(make_batches, monotonic() + self._timeout_seconds)
            except Exception as error:  # noqa: BLE001  an exporter's bug must not end the program
                logger.debug("OTLP export raised {!r}", error)
            with suppress(RunFinishedError):
                from_thread.run_sync(idle.set, token=token)

        Thread(target=export, name="OTLP push", daemon=True).start()
        await idle.wait()
        return outcome

    def _export_now(self, make_batches: Batches, deadline: float) -> ExportOutcome | None:
        # The data lives and ends in here: to free the points of a full fleet takes 15 ms (measured).
        outcome = None
        last = self._ending
        for data in make_batches():
            if self._ended or (self._ending and not last) or monotonic() > deadline:
                return ExportOutcome.FAILED
            # What comes after one that failed is not tried: it would fail too, after as long a wait.
            if self._exporter.export(data) is not MetricExportResult.SUCCESS:
                return ExportOutcome.FAILED
            outcome = ExportOutcome.SUCCEEDED
            self._arrived += _points(data)
            del data  # before the next one is made
        return outcome


def _points(data: MetricsData) -> int:
    scopes = [scope for resource in data.resource_metrics for scope in resource.scope_metrics]
    return sum(len(metric.data.data_points) for scope in scopes for metric in scope.metrics)
