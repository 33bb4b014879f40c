"""The fleet as the rest of the program sees it, and the place where its parts are made and connected."""

from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.dialect import Workshop
from otel_tickrmeter.fleets.tickrmeter import owner
from otel_tickrmeter.fleets.tickrmeter.catalogue import boots, devices, identities, repairs, stock_updates
from otel_tickrmeter.fleets.tickrmeter.decode import NAMED_TOPICS, Decoder
from otel_tickrmeter.fleets.tickrmeter.detail import rows_for
from otel_tickrmeter.fleets.tickrmeter.event import MessageType
from otel_tickrmeter.fleets.tickrmeter.intake import TickrMeterIntake
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from otel_tickrmeter.fleets.tickrmeter.recorder import FleetRecorder
from otel_tickrmeter.fleets.tickrmeter.settings import KEYS, RULES, TickrMeterSettings, limits
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.views import FleetViews
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.stream.partition import OwnerRule
from otel_tickrmeter.stream.subscription import Subscription


@dataclass(frozen=True, slots=True)
class TickrMeter:
    """Desk stock tickers, which ask for prices; implements `Dialect`."""

    name: str = "tickrmeter"
    keys: tuple[Key, ...] = KEYS
    rules: tuple[Rule, ...] = RULES
    health_path: str = ""
    # Waking for each of 1,000 messages a second cost the exporter a quarter more CPU (docs/DESIGN.md); the
    # first latency bucket ends at 0.1 s.
    read_pause: float = 0.002

    def defaults(self) -> TickrMeterSettings:
        """The built-in defaults."""
        return TickrMeterSettings()

    def enabled(self, settings: Settings) -> bool:
        """Whether it is to be watched."""
        return settings.of(TickrMeterSettings).tickrmeter.enabled

    def keeps_rows(self, settings: Settings) -> bool:
        """It keeps none."""
        del settings
        return False

    def gives_notices(self, settings: Settings) -> bool:
        """It gives none: alerts are Prometheus' matter."""
        del settings
        return False

    def publishes(self, settings: Settings) -> bool:
        """It only listens."""
        del settings
        return False

    def words(self, settings: Settings) -> frozenset[str]:
        """The topics that have a name, and the prefix."""
        return frozenset({*NAMED_TOPICS, *settings.of(TickrMeterSettings).mqtt.topic_prefix.split("/")})

    def subscriptions(self, settings: Settings) -> tuple[Subscription, ...]:
        """The one filter that covers every topic: all are one level below the prefix."""
        return (Subscription(f"{settings.of(TickrMeterSettings).mqtt.topic_prefix}+", settings.mqtt.qos),)

    def journaled(self, settings: Settings) -> tuple[str, ...]:
        """Nothing: it is measured, and nothing of it stored."""
        del settings
        return ()

    def owner_rule(self, settings: Settings) -> OwnerRule:
        """Those of a device."""
        return OwnerRule(
            owner.__name__,
            _decoder_options(settings.of(TickrMeterSettings)),
            settings.performance.remembered_devices,
        )

    def giving_way_rule(self, settings: Settings) -> None:
        """None are: each is one half of a pair, or says what no other says."""
        del settings

    def rows(self, settings: Settings) -> tuple[Instrument, ...]:
        """The rows of the level of detail."""
        return rows_for(
            (
                *devices.devices(),
                *stock_updates.stock_updates(),
                *boots.boots(),
                *messages(self.name, tuple(MessageType)),
                *repairs.repairs(),
                *identities.rejected(),
                *identities.departed(),
            ),
            settings.of(TickrMeterSettings).metrics.detail,
        )

    def most_series(self, settings: Settings) -> int:
        """The largest bound of the state, and one for the rest."""
        monitoring = settings.of(TickrMeterSettings).monitoring
        return max(monitoring.max_devices, monitoring.max_symbols, monitoring.max_pairs) + 1

    def start(self, settings: Settings, workshop: Workshop) -> TickrMeterIntake:
        """Make its parts."""
        own = settings.of(TickrMeterSettings)
        figures = MessageRecorder(workshop.recorded, self.name, MessageType)
        recorder = FleetRecorder(
            workshop.recorded,
            figures,
            workshop.end_series,
            by_device=own.metrics.detail == "device",
            tracer=workshop.tracer,
        )
        fleet = Fleet(limits(own.monitoring), recorder)
        ranks = Ranks(own.monitoring.min_ranked_requests, own.monitoring.ranking_size)
        return TickrMeterIntake(
            Decoder(**_decoder_options(own)),
            fleet,
            recorder,
            figures,
            FleetObserver(fleet, ranks, workshop.unix_offset_ns),
            shown=FleetViews(fleet, ranks.min_outcomes, workshop.unix_offset_ns),
        )


def _decoder_options(own: TickrMeterSettings) -> dict[str, Any]:
    return {
        "topic_prefix": own.mqtt.topic_prefix,
        "device_id_form": own.mqtt.device_id_form,
        "device_id_pattern": own.mqtt.device_id_pattern,
        "fields": dict(own.messages.fields),
    }
