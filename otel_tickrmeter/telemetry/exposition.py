"""What the rest of the program needs of the OpenTelemetry side, whichever path serves it."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.export import MetricsData

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.saved.form import Tables
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.saved import SavedRecording


class Telemetry(Protocol):
    """A meter to record on, and the exposition of what was recorded."""

    def meter(self) -> Meter:
        """The meter to make the instruments on."""

    def end_series(self, attributes: AttributeSet) -> None:
        """Forget the series that the attribute set identifies, where the path can."""

    async def collect_for_otlp(self) -> Callable[[], Iterator[MetricsData]]:
        """Collect; what it returns makes the data for OTLP, in any thread.

        Whoever takes the next from the iterator says that the one before it has arrived.
        """

    def points(self) -> int | None:
        """Number of data points that were collected last for OTLP, where it is known."""

    def kept(self, names: Sequence[str]) -> Callable[[], Tables]:
        """Copy what was recorded by these; what it returns makes tables of it, in any thread."""

    def recall(self, recording: SavedRecording) -> None:
        """Go on with what was saved, before anything is recorded or served."""

    def age_seconds(self) -> float:
        """Age of what a scrape would show."""

    def series(self) -> int:
        """Number of samples that a scrape would show."""

    def stale(self) -> str | None:
        """Say why what it shows cannot be relied on; None when it can."""

    async def scrape(self, form: Format, *, gzip: bool) -> list[bytes] | Iterator[bytes] | None:
        """The body: the parts of a gzip stream, or plain text piece by piece. None: not made yet."""

    async def keep_fresh(self) -> None:
        """Do what there is to do in the background, until cancelled."""
