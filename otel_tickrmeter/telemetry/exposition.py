"""What the rest of the program needs of the OpenTelemetry side, whichever path serves it."""

from collections.abc import Callable, Iterator
from typing import Protocol

from opentelemetry.metrics import Meter
from opentelemetry.sdk.metrics.export import MetricsData

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.telemetry.render import Format


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
