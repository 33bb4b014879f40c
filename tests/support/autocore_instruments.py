"""The AutoCore fleet with its instruments, made by our own meter."""

from collections.abc import Iterable
from enum import StrEnum

from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.fleets.autocore.catalogue import rows
from otel_tickrmeter.fleets.autocore.intake import AutoCoreIntake
from otel_tickrmeter.fleets.autocore.observers import ConnectionObserver, FleetObserver
from otel_tickrmeter.fleets.autocore.recorder import FleetRecorder
from otel_tickrmeter.fleets.autocore.state import Fleet
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
        self.errors: list[tuple[StrEnum, StrEnum]] = []
        self.meter = CompactMeter(rows())
        recorder = FleetRecorder(make_recorded(self.meter, rows()), self, self.meter.end)  # type: ignore[arg-type]  # the same
        self.fleet = Fleet(self.limits, recorder)
        self.intake = AutoCoreIntake(self.decoder, self.fleet, self, lambda: UNIX * NS, {})  # type: ignore[arg-type]  # told of errors only
        self.link = LinkState(0)
        self.now_ns = 0
        observed = (
            FleetObserver(self.fleet).callbacks()
            | ConnectionObserver(self.link, lambda: self.now_ns).callbacks()
        )
        make_observed(self.meter, rows(), as_callbacks(observed))

    def message_error(self, message_type: StrEnum, reason: StrEnum) -> None:
        self.errors.append((message_type, reason))

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
