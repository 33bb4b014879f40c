"""The stock path: OpenTelemetry's own meter provider and PrometheusMetricReader.

For those who want nothing else between their instruments and their scrapes (`prometheus.reader = "stock"`),
and the oracle that the tests hold the compact meter to. Each scrape collects anew, in the handler's thread:
nothing else is done meanwhile. Series of devices that left stay in it until the exporter restarts, because
the SDK gives no slot back. docs/DESIGN.md has what it costs.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from typing import Any

import anyio
from loguru import logger
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics import (
    AlwaysOffExemplarFilter,
    Counter,
    Histogram,
    MeterProvider,
    ObservableCounter,
    ObservableGauge,
)
from opentelemetry.sdk.metrics.export import (
    AggregationTemporality,
    CardinalityLimits,
    InMemoryMetricReader,
    MetricReader,
    MetricsData,
)
from opentelemetry.sdk.metrics.view import View
from opentelemetry.sdk.resources import Resource
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics

from otel_tickrmeter import __version__
from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.saved.form import Tables
from otel_tickrmeter.settings.model import Temporality
from otel_tickrmeter.telemetry.body import BodyWriter
from otel_tickrmeter.telemetry.carried import Carried, tables_of_data
from otel_tickrmeter.telemetry.registration import SCOPE_NAME
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.saved import SavedRecording
from otel_tickrmeter.telemetry.target import labels_collide, target_info

# Pushes whose differences are kept until they arrive: ten minutes of them, in memory.
_UNSENT = 10


class StockTelemetry:
    """A meter provider with a Prometheus reader; serves what it reads.

    Args:
        resource: Describes the target.
        rows: The instruments that will be made.
        series_limit: Attribute sets a stream may have before the SDK folds the rest into one; its own
            limit of 2000 is far below a fleet.
        scope_labels: Whether series carry the instrumentation scope.
        temporality: Of what `collect_for_otlp` collects; None where it will not be asked for.
    """

    def __init__(
        self,
        resource: Resource,
        rows: Iterable[Instrument],
        series_limit: int,
        *,
        scope_labels: bool,
        temporality: Temporality | None,
    ) -> None:
        self._registry = CollectorRegistry()
        limits: CardinalityLimits = {
            Counter: series_limit,
            Histogram: series_limit,
            ObservableGauge: series_limit,
        }
        # The one thing that the reader would lose: see target_info.
        self._target = resource if labels_collide(resource) else None
        self._carried = Carried(rows)
        self._reader = _CarryingReader(
            self._carried,
            disable_target_info=self._target is not None,
            scope_info_enabled=scope_labels,
            registry=self._registry,
            cardinality_limits=limits,
        )
        readers: list[MetricReader] = [self._reader]
        self._otlp = None
        self._cumulative = temporality == "cumulative"
        if temporality is not None:
            self._otlp = InMemoryMetricReader(_preference(temporality), cardinality_limits=limits)
            readers.append(self._otlp)
        # The SDK forgets a difference once it has told it; what is cumulative is worth nothing once old.
        self._unsent: deque[MetricsData] = deque(maxlen=1 if temporality == "cumulative" else _UNSENT)
        views = [
            View(instrument_name=row.name, attribute_keys=set(row.attributes)) for row in rows if row.dropped
        ]
        self._provider = MeterProvider(
            readers,
            resource,
            # The reader shows none: not even what is traced need be kept as an example.
            exemplar_filter=AlwaysOffExemplarFilter(),
            shutdown_on_exit=False,
            views=views,
        )
        self._series = 0

    def meter(self) -> Meter:
        """The meter to make the instruments on."""
        return self._provider.get_meter(SCOPE_NAME, __version__)

    async def collect_for_otlp(self) -> Callable[[], Iterator[MetricsData]]:
        """Collect; the SDK makes the data while it does. What did not arrive before comes first."""
        data = self._otlp.get_metrics_data() if self._otlp is not None else None
        if data is not None:
            if self._cumulative:
                data = self._carried.added(data)
            if len(self._unsent) == self._unsent.maxlen and self._unsent.maxlen > 1:
                logger.warning("OTLP: the differences of one push are lost, {} did not arrive", _UNSENT)
            self._unsent.append(data)
        return self._batches

    def _batches(self) -> Iterator[MetricsData]:
        while self._unsent:
            yield self._unsent[0]
            self._unsent.popleft()

    def points(self) -> int | None:
        """None: the SDK does not say."""
        return None

    def kept(self, names: Sequence[str]) -> Callable[[], Tables]:
        """Collect, as for a scrape; what it returns makes tables of it, in any thread."""
        return partial(tables_of_data, self._reader.read(), names)

    def recall(self, recording: SavedRecording) -> None:
        """Go on with what was saved; whoever is pushed differences has been told of it already."""
        self._carried.take(recording)

    def age_seconds(self) -> float:
        """0: a scrape shows what it collected itself."""
        return 0.0

    def series(self) -> int:
        """Number of samples in the last scrape."""
        return self._series

    def stale(self) -> str | None:
        """None: it cannot be."""
        return None

    def end_series(self, attributes: AttributeSet) -> None:
        """Do nothing: the SDK cannot forget an attribute set."""

    async def keep_fresh(self) -> None:
        """Wait: there is nothing to do in the background."""
        try:
            await anyio.sleep_forever()
        finally:
            self._provider.shutdown()

    async def scrape(self, form: Format, *, gzip: bool) -> list[bytes] | Iterator[bytes]:
        """Collect and render."""
        generate = generate_openmetrics if form == "openmetrics" else generate_latest
        text: bytes = generate(self._registry)
        if self._target is not None and b"\n" in text.removesuffix(b"# EOF\n"):
            text = target_info(self._target, form).encode() + text
        self._series = sum(not line.startswith(b"#") for line in text.splitlines())
        # Compressed for plain text too: a slow reader then holds a seventeenth of it.
        writer = BodyWriter((form,))
        writer.write(form, text.decode())
        body = writer.finish()[form]
        return body.gzip("") if gzip else body.plain("")


class _CarryingReader(PrometheusMetricReader):
    """The reader, with what is carried added to what it reads."""

    def __init__(self, carried: Carried, **options: Any) -> None:  # noqa: ANN401  the reader's own
        super().__init__(**options)
        self._carried = carried
        self._held: list[MetricsData] | None = None

    def read(self) -> MetricsData:
        """Collect, for nobody's scrape."""
        held: list[MetricsData] = []
        self._held = held
        try:
            self.collect()
        finally:
            self._held = None
        return held[0]

    def _receive_metrics(
        self,
        metrics_data: MetricsData,
        timeout_millis: float = 10_000,
        **options: Any,  # noqa: ANN401  as above
    ) -> None:
        data = self._carried.added(metrics_data)
        if self._held is None:
            super()._receive_metrics(data, timeout_millis, **options)
        else:
            self._held.append(data)


def _preference(temporality: Temporality) -> dict[type, AggregationTemporality]:
    delta = AggregationTemporality.DELTA
    preferences: dict[Temporality, dict[type, AggregationTemporality]] = {
        "cumulative": {},
        "lowmemory": {Counter: delta, Histogram: delta},
        "delta": {Counter: delta, Histogram: delta, ObservableCounter: delta},
    }
    return preferences[temporality]
