"""The fleet as the rest of the program sees it, and the place where its parts are made and connected."""

from dataclasses import dataclass

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.catalogue import rows
from otel_tickrmeter.fleets.autocore.database import DatabaseObserver, DatabaseRecorder
from otel_tickrmeter.fleets.autocore.decode import Decoder
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.intake import AutoCoreIntake
from otel_tickrmeter.fleets.autocore.notices import Announcer, NoticeRecorder
from otel_tickrmeter.fleets.autocore.observers import ConnectionObserver, FleetObserver
from otel_tickrmeter.fleets.autocore.reason import Reason
from otel_tickrmeter.fleets.autocore.recorder import FleetRecorder
from otel_tickrmeter.fleets.autocore.sensor import MAX_SENSORS
from otel_tickrmeter.fleets.autocore.settings import (
    KEYS,
    RULES,
    AutoCoreSettings,
    AutoCoreTable,
    critical_relays,
    limits,
)
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from otel_tickrmeter.fleets.autocore.topics import MAX_RELAYS, QOS, filters
from otel_tickrmeter.fleets.dialect import Workshop
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.store.keeping import Known
from otel_tickrmeter.stream.subscription import Subscription


@dataclass(frozen=True, slots=True)
class AutoCore:
    """Vehicle electronics: boards with relays, displays, sensors; implements `Dialect`."""

    name: str = "autocore"
    keys: tuple[Key, ...] = KEYS
    rules: tuple[Rule, ...] = RULES
    health_path: str = "/health/mqtt-monitor"

    def defaults(self) -> AutoCoreSettings:
        """The built-in defaults."""
        return AutoCoreSettings()

    def enabled(self, settings: Settings) -> bool:
        """Whether it is to be watched."""
        return _own(settings).enabled

    def keeps_rows(self, settings: Settings) -> bool:
        """Whether its rows are to be kept."""
        return _own(settings).database

    def gives_notices(self, settings: Settings) -> bool:
        """It does, where somebody wants to be told."""
        del settings
        return True

    def subscriptions(self, settings: Settings) -> tuple[Subscription, ...]:
        """The filters of the layouts that are on."""
        own = _own(settings)
        return tuple(Subscription(each, QOS) for each in filters(own.layouts, own.topic_prefix))

    def rows(self, settings: Settings) -> tuple[Instrument, ...]:
        """Every row; there is one level of detail."""
        del settings
        return (*rows(), *messages(self.name, tuple(MessageType), tuple(Reason)))

    def most_series(self, settings: Settings) -> int:
        """What a board may have of each kind, for as many boards as there may be."""
        return _own(settings).max_devices * max(MAX_RELAYS, MAX_SENSORS) + 1

    def start(self, settings: Settings, workshop: Workshop) -> AutoCoreIntake:
        """Make its parts."""
        own = _own(settings)
        figures = MessageRecorder(workshop.recorded, self.name, MessageType)
        recorder = FleetRecorder(workshop.recorded, figures, workshop.end_series)
        keeper, notifier = workshop.keeper, workshop.notifier

        def know(known: Known) -> None:
            fleet.welcome(known.devices)
            if announcer is not None:
                announcer.critical_besides(known.critical_relays)

        database = DatabaseRecorder(workshop.recorded, know)
        books = None if keeper is None else Bookkeeper(keeper, database.letter)
        announcer = None if notifier is None else Announcer(notifier.put, critical_relays(own))
        listeners = [each for each in (recorder, books, announcer) if each is not None]
        fleet = Fleet(limits(own), Together(*listeners) if len(listeners) > 1 else recorder)

        if keeper is not None:
            database.start_at_zero()
            keeper.tell(database)
        if notifier is not None:
            notifier.tell(NoticeRecorder(workshop.recorded, keeper))
        decoder = Decoder(own.layouts, own.fields, own.relay_offset, own.topic_prefix)
        state = None if keeper is None else keeper.state
        observed = (
            FleetObserver(fleet).callbacks()
            | ConnectionObserver(workshop.link, lambda: fleet.now_ns).callbacks()
            | DatabaseObserver(state, workshop.link, settings.performance.buffer_size, notifier).callbacks()
        )
        return AutoCoreIntake(
            decoder, fleet, recorder, figures, workshop.unix_offset_ns, observed=observed, books=books
        )


def _own(settings: Settings) -> AutoCoreTable:
    return settings.of(AutoCoreSettings).autocore
