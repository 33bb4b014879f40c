"""The exporter without its edges: handler, state and recorder on a compact meter that is read back."""

from collections.abc import Iterable
from itertools import count

from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter import names
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.exporter.observers import LetterObserver, LinkObserver, OutcomeObserver
from otel_tickrmeter.exporter.recorder import ProgramRecorder
from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.intake import TickrMeterIntake
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from otel_tickrmeter.fleets.tickrmeter.outcomes import Outcomes
from otel_tickrmeter.fleets.tickrmeter.recorder import FleetRecorder
from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.views import FleetViews
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import HistogramFamily
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded
from otel_tickrmeter.telemetry.span import Tracer
from tests.support.driver import LIMITS
from tests.support.settings import rows_in
from tests.support.wire import decoder

PROCESSING_NS = 20_000
"""What every message takes by the handler's clock."""


class Exporter:
    """Handles deliveries and shows its figures. `outcomes`, when given, is told instead of the recorder."""

    def __init__(
        self,
        limits: Limits = LIMITS,
        *,
        detail: Detail = "device",
        outcomes: Outcomes | None = None,
        letters: LetterWriter | None = None,
        tracer: Tracer | None = None,
    ) -> None:
        rows = rows_in(detail)
        self.meter = CompactMeter(rows)
        recorded = make_recorded(self.meter, rows)
        self.recorder = ProgramRecorder(recorded)
        self.messages = MessageRecorder(recorded, "tickrmeter", MessageType)
        # In symbol detail too, pairs record with their device here: the view has to drop it.
        self.fleet_recorder = FleetRecorder(recorded, self.messages, self.meter.end, tracer=tracer)
        self.fleet = Fleet(limits, outcomes or self.fleet_recorder)
        self.link = LinkState(0)
        observer = FleetObserver(self.fleet, Ranks(1, 10), lambda: 0)
        self.handler = Handler(
            [
                TickrMeterIntake(
                    decoder(),
                    self.fleet,
                    self.fleet_recorder,
                    self.messages,
                    observer,
                    shown=FleetViews(self.fleet, 1, lambda: 0),
                )
            ],
            self.recorder,
            count(step=PROCESSING_NS).__next__,
            self.link,
            set_aside=SetAside(letters, lambda: 0),
        )
        observed = as_callbacks(
            observer.callbacks()
            | LinkObserver(self.link, lambda: 0).callbacks()
            | LetterObserver(letters).callbacks()
            | OutcomeObserver(names.OTLP_SPANS, tracer).callbacks()
            | OutcomeObserver(names.OTLP_LOG_RECORDS, None).callbacks()
        )
        make_observed(self.meter, [row for row in rows if row.name in observed], observed)

    def deliver(self, *messages: Message) -> None:
        self.handler.deliver(list(messages))

    def figures(self, name: str) -> dict[str, float]:
        """Return the figures of a counter or gauge, those at zero left out, by their label text."""
        return {labels: value for labels, value in self._figures(name) if value}

    def figure(self, name: str, labels: str = "") -> float:
        """Return one figure, which must be there."""
        return dict(self._figures(name))[labels]

    def errors(self) -> dict[str, float]:
        """Return the counted message errors."""
        return self.figures("tickrmeter_message_errors_total")

    def histogram(self, name: str) -> dict[str, tuple[int, float]]:
        """Return the count and the sum of each series of a histogram, by its label text."""
        found = {}
        for family in self.meter.collect():
            if family.instrument.exposed == name and isinstance(family, HistogramFamily):
                width = len(family.instrument.buckets) + 1
                for slot in family.slots():
                    counts = family.counts[slot * width : (slot + 1) * width]
                    found[str(family.labels[slot])] = (sum(counts), family.sums[slot])
        return found

    def series(self) -> set[str]:
        """Return every series, as in a scrape."""
        found = set()
        for family in self.meter.collect():
            name = family.instrument.exposed
            if isinstance(family, HistogramFamily):
                found |= {f"{name}{{{family.labels[slot]}}}" for slot in family.slots()}
            else:
                found |= {f"{name}{{{labels}}}" for labels, _ in family.rows()}
        return found

    def _figures(self, name: str) -> Iterable[tuple[str, float]]:
        for family in self.meter.collect():
            if family.instrument.exposed == name and not isinstance(family, HistogramFamily):
                for labels, value in family.rows():
                    yield str(labels), value
