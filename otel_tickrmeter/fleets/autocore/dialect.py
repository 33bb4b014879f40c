"""The fleet as the rest of the program sees it, and the place where its parts are made and connected."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from otel_tickrmeter.catalogue import Instrument
from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.fleets.autocore import giving_way, owner
from otel_tickrmeter.fleets.autocore.automation.engine import Automation
from otel_tickrmeter.fleets.autocore.automation.permission import Permission
from otel_tickrmeter.fleets.autocore.bookkeeper import Bookkeeper
from otel_tickrmeter.fleets.autocore.catalogue import rows
from otel_tickrmeter.fleets.autocore.database import DatabaseObserver, DatabaseRecorder, look_at
from otel_tickrmeter.fleets.autocore.decode import Decoder
from otel_tickrmeter.fleets.autocore.diary import Diary
from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.intake import AutoCoreIntake
from otel_tickrmeter.fleets.autocore.memory import FleetMemory
from otel_tickrmeter.fleets.autocore.notices import Announcer, NoticeRecorder
from otel_tickrmeter.fleets.autocore.observers import ConnectionObserver, FleetObserver
from otel_tickrmeter.fleets.autocore.outcomes import Outcomes
from otel_tickrmeter.fleets.autocore.reason import Reason, SystemKind
from otel_tickrmeter.fleets.autocore.recorder import FleetRecorder
from otel_tickrmeter.fleets.autocore.recovery import FleetRecovery
from otel_tickrmeter.fleets.autocore.runs import RuleBook, RuleHands, RunRecorder
from otel_tickrmeter.fleets.autocore.sensor import MAX_SENSORS
from otel_tickrmeter.fleets.autocore.settings import (
    KEYS,
    RULES,
    AutoCoreSettings,
    AutoCoreTable,
    critical_relays,
    first_relays,
    limits,
)
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from otel_tickrmeter.fleets.autocore.topics import (
    EMERGENCY_STOP,
    LAYOUTS,
    MAX_RELAYS,
    QOS,
    RESERVED,
    ROOT,
    filters,
)
from otel_tickrmeter.fleets.dialect import Workshop
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.store.keeping import Known
from otel_tickrmeter.stream.giving_way import GivingWayRule
from otel_tickrmeter.stream.partition import OwnerRule
from otel_tickrmeter.stream.subscription import Subscription


@dataclass(frozen=True, slots=True)
class AutoCore:
    """Vehicle electronics: boards with relays, displays, sensors; implements `Dialect`."""

    name: str = "autocore"
    keys: tuple[Key, ...] = KEYS
    rules: tuple[Rule, ...] = RULES
    health_path: str = "/health/mqtt-monitor"
    # Nothing of it is timed. 100 looks a second instead of 500 take half of the receiver's CPU off.
    read_pause: float = 0.01

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

    def publishes(self, settings: Settings) -> bool:
        """Whether rules may, and there is a table to have any."""
        return _may_publish(settings) and _own(settings).database

    def words(self, settings: Settings) -> frozenset[str]:
        """The levels of its topics, and the kinds of messages about the system."""
        topics = "/".join(filters(LAYOUTS, _own(settings).topic_prefix))
        return frozenset({*topics.split("/"), *RESERVED, *SystemKind})

    def subscriptions(self, settings: Settings) -> tuple[Subscription, ...]:
        """The filters of the layouts that are on."""
        own = _own(settings)
        return tuple(Subscription(each, QOS) for each in filters(own.layouts, own.topic_prefix))

    def journaled(self, settings: Settings) -> tuple[str, ...]:
        """Where rows are kept, all that comes: the table of each thing must be right after a crash."""
        return (f"{_own(settings).topic_prefix}{ROOT}",) if _own(settings).database else ()

    def owner_rule(self, settings: Settings) -> OwnerRule:
        """Those of a device."""
        return OwnerRule(
            owner.__name__, _decoder_options(_own(settings)), settings.performance.remembered_devices
        )

    def giving_way_rule(self, settings: Settings) -> GivingWayRule:
        """Telemetry is: there is more of it soon."""
        own = _own(settings)
        return GivingWayRule(giving_way.__name__, {"layouts": own.layouts, "topic_prefix": own.topic_prefix})

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
        root = f"{own.topic_prefix}{ROOT}"
        decoder = Decoder(**_decoder_options(own))

        def know(known: Known) -> None:
            fleet.welcome(known.devices)
            if announcer is not None:
                announcer.critical_besides(known.critical_relays)
            if rules is not None:
                rules.known(known)

        database = DatabaseRecorder(workshop.recorded, know)
        books = None if keeper is None else Bookkeeper(keeper, database.letter)
        announcer = None if notifier is None else Announcer(notifier.put, critical_relays(own))
        automation, rules, permission = None, None, None
        if keeper is not None:
            permission = Permission(
                own.automation.topics,
                root,
                first_relays(own),
                decoder.classify,
                publish=_may_publish(settings),
            )
            runs = RunRecorder(workshop, keeper)
            hands = RuleHands(workshop, lambda: fleet.now_ns + workshop.unix_offset_ns())
            automation = Automation(hands, runs, permission, lambda name: fleet.devices.get(name))  # noqa: PLW0108  made below
            rules = RuleBook(automation, permission, runs, workshop.say, frozenset(critical_relays(own)))

        def use(changed: Settings) -> None:
            now = _own(changed)
            fleet.use(limits(now))
            critical = frozenset(critical_relays(now))
            if announcer is not None:
                announcer.use(critical)
            if rules is not None and permission is not None:
                permission.use(now.automation.topics, publish=_may_publish(changed))
                rules.use(critical)

        diary = Diary(lambda line: workshop.say("INFO", line))
        besides = [each for each in (books, announcer, automation) if each is not None]
        listeners = (recorder, diary, *besides)
        told = Together(*listeners)
        fleet = Fleet(limits(own), told)
        recovery = _recovery(fleet, books if workshop.recovers else None, recorder, told, listeners)

        if keeper is not None:
            database.start_at_zero()
            keeper.tell(database)
        if notifier is not None:
            notifier.tell(NoticeRecorder(workshop.recorded, keeper))
        state = None if keeper is None else keeper.state
        observed = (
            FleetObserver(fleet).callbacks()
            | ConnectionObserver(workshop.link, lambda: fleet.now_ns).callbacks()
            | DatabaseObserver(state, workshop.link, settings.performance.buffer_size, notifier).callbacks()
        )
        return AutoCoreIntake(
            decoder,
            fleet,
            recorder,
            figures,
            workshop.unix_offset_ns,
            observed=observed,
            use=use,
            memory=_memory(fleet, recorder, rules, recovery),
            books=books,
            recovery=recovery,
            automation=automation,
            stop_topic=f"{root}{'/'.join(EMERGENCY_STOP)}".encode(),
            storage=lambda: look_at(state, database, figures, books, notifier),
        )


def _own(settings: Settings) -> AutoCoreTable:
    return settings.of(AutoCoreSettings).autocore


def _recovery(
    fleet: Fleet,
    books: Bookkeeper | None,
    recorder: FleetRecorder,
    told: Together,
    listeners: Sequence[Outcomes],
) -> FleetRecovery | None:
    if books is None:
        return None
    return FleetRecovery(fleet, books, told, always=(recorder, books), otherwise=listeners)


def _memory(
    fleet: Fleet, recorder: FleetRecorder, rules: RuleBook | None, recovery: FleetRecovery | None
) -> FleetMemory:
    if recovery is None:
        return FleetMemory(fleet, recorder.own, rules)
    return FleetMemory(
        fleet, recorder.own, rules, position=recovery.position, own_position=recovery.go_on_from
    )


def _may_publish(settings: Settings) -> bool:
    # A rule may look at several devices, and several exporters would each run those of a time of day.
    shared = settings.partition.count > 1 or settings.kafka.role
    return _own(settings).automation.publish and not shared


def _decoder_options(own: AutoCoreTable) -> dict[str, Any]:
    return {
        "layouts": own.layouts,
        "fields": dict(own.fields),
        "relay_offset": own.relay_offset,
        "topic_prefix": own.topic_prefix,
    }
