"""The AutoCore fleet with its instruments, made by our own meter."""

from collections.abc import Iterable

from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore.catalogue import rows
from otel_tickrmeter.fleets.autocore.database import DatabaseObserver
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.intake import AutoCoreIntake
from otel_tickrmeter.fleets.autocore.memory import FleetMemory
from otel_tickrmeter.fleets.autocore.observers import ConnectionObserver, FleetObserver
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.fleets.autocore.recorder import FleetRecorder
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.store.keeping import KeeperState
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import HistogramFamily
from otel_tickrmeter.telemetry.registration import make_observed, make_recorded
from tests.support.autocore import NS, UNIX, Driver

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Instruments(Driver):
    """A driver whose fleet tells instruments; what it tells is not noted."""

    def __init__(self, layouts: Iterable[str] = ("seed", "devices"), **changes: object) -> None:
        super().__init__(tuple(layouts), **changes)  # type: ignore[arg-type]
        catalogue = (*rows(), *messages("autocore", tuple(MessageType), tuple(Reason)))
        self.meter = CompactMeter(catalogue)
        recorded = make_recorded(self.meter, catalogue)
        self.figures = MessageRecorder(recorded, "autocore", MessageType)
        recorder = FleetRecorder(recorded, self.figures, self.meter.end)
        self.fleet = Fleet(self.limits, recorder)
        self.intake = AutoCoreIntake(
            self.decoder,
            self.fleet,
            recorder,
            self.figures,
            lambda: UNIX * NS,
            observed={},
            use=lambda _: None,
            memory=FleetMemory(self.fleet, recorder.own),
        )
        self.link = LinkState(0)
        self.now_ns = 0
        self.keeper = KeeperState(capacity=10, spool_capacity=1000)
        observed = (
            FleetObserver(self.fleet).callbacks()
            | ConnectionObserver(self.link, lambda: self.now_ns).callbacks()
            | DatabaseObserver(self.keeper, self.link, 100).callbacks()
        )
        make_observed(self.meter, rows(), as_callbacks(observed))

    def samples(self) -> Samples:
        """Collect, and return every figure that is no histogram's, by exposed name and labels."""
        found: Samples = {}
        for family in self.meter.collect():
            if isinstance(family, HistogramFamily):
                continue
            for attributes, present, value in zip(
                family.attributes, family.present, family.values, strict=False
            ):
                if present:
                    labels = frozenset((name, str(given)) for name, given in (attributes or {}).items())
                    key = (family.instrument.exposed, labels)
                    assert key not in found, key
                    found[key] = value
        return found

    def value(self, name: str, **labels: str) -> float | None:
        return self.samples().get((f"autocore_{name}", frozenset(labels.items())))
