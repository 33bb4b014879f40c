"""Every key that may change while the program runs takes effect then, exactly as it would from the start."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count

import pytest
from loguru import logger

from otel_tickrmeter.app import App
from otel_tickrmeter.catalogue.observe import as_callbacks
from otel_tickrmeter.configuration import SCHEMA
from otel_tickrmeter.exporter.observers import ProcessObserver, ReloadObserver, exposition_callbacks
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutomationTable
from otel_tickrmeter.fleets.tickrmeter.settings import MonitoringSettings, TickrMeterSettings
from otel_tickrmeter.logs import configure_logging
from otel_tickrmeter.notify.configure import change_dispatcher, make_dispatcher
from otel_tickrmeter.notify.dispatcher import Dispatcher
from otel_tickrmeter.notify.notice import Notice, NoticeOutcomes
from otel_tickrmeter.pipeline import Clock, make_pipeline
from otel_tickrmeter.settings.model import (
    LoggingSettings,
    NotificationsSettings,
    PrometheusSettings,
    Settings,
)
from otel_tickrmeter.settings.records import flatten
from otel_tickrmeter.store.keeping import Known, RuleRow
from otel_tickrmeter.stream.message import Connected, LinkEvent, Message, Subscribed, Watermark
from otel_tickrmeter.stream.ticket import Ticket
from tests.support import autocore_assembly as boards
from tests.support.assembly import (
    BUILD,
    PROCESSING_NS,
    RELOADS,
    START_NS,
    UNIX_OFFSET_NS,
    Step,
    assemble,
    compact_telemetry,
    expose,
)
from tests.support.settings import settings_of
from tests.support.traffic import FIRST, SECOND, THIRD, answer, at, request

Shown = Callable[[Settings, Settings], object]
"""What is seen of a program that was started with the first settings, and soon goes by the second."""

TICKERS = MonitoringSettings(
    request_timeout=5,
    device_timeout=60,
    cleanup_interval=10,
    latency_window=120,
    symbol_retention=100,
    min_ranked_requests=1,
    ranking_size=3,
    max_latency_samples=4,
    max_devices=4,
    max_symbols=5,
    max_pairs=9,
    max_device_symbols=3,
)
NOTICES = NotificationsSettings(
    log=True,
    webhook_url="http://h.example",
    webhook_token="t",  # noqa: S106  planted
    telegram_chat_id="1",
    telegram_token="t",  # noqa: S106
)
RULE = RuleRow(
    "r",
    True,  # noqa: FBT003  a row
    '{"type": "relay", "device": "A"}',
    "[]",
    '[{"type": "publish", "topic": "autocore/devices/B/relays/set", "payload": {"channel": 3}}]',
    0,
)
# For each key two values, which are to be told apart.
VALUES: dict[str, tuple[object, object]] = {
    "monitoring.request_timeout": (5, 2),
    "monitoring.device_timeout": (60, 30),
    "monitoring.cleanup_interval": (10, 70),
    "monitoring.max_latency_samples": (4, 2),
    "monitoring.latency_window": (120, 20),
    "monitoring.symbol_retention": (100, 10),
    "monitoring.min_ranked_requests": (1, 5),
    "monitoring.ranking_size": (3, 1),
    "monitoring.max_devices": (4, 2),
    "monitoring.max_symbols": (5, 2),
    "monitoring.max_pairs": (9, 3),
    "monitoring.max_device_symbols": (3, 1),
    "autocore.registration": ("auto", "closed"),
    "autocore.device_timeout": (60, 1000),
    "autocore.device_retention": (100, 400),
    "autocore.max_devices": (9, 1),
    "autocore.max_sensors": (9, 1),
    "autocore.critical_relays": ((), ("A/3",)),
    "autocore.automation.publish": (True, False),
    "autocore.automation.topics": (("#",), ("autocore/devices/C/#",)),
    "notifications.log": (True, False),
    "notifications.webhook_url": ("http://a", "http://b"),
    "notifications.webhook_token": ("a", None),
    "notifications.webhook_token_file": (None, None),
    "notifications.telegram_chat_id": ("1", "2"),
    "notifications.telegram_token": ("a", "b"),
    "notifications.telegram_token_file": (None, None),
    "notifications.telegram_url": ("http://a", "http://b"),
    "notifications.min_interval": (1, 2),
    "notifications.max_per_minute": (1, 2),
    "logging.level": ("INFO", "WARNING"),
    "prometheus.enable_reload": (False, True),
}
FILES = {key for key in VALUES if key.endswith("_file")}
"""What these hold is the value of another key: the program looks at that one."""


def traffic(seed: int = 1) -> Iterator[Step]:
    """Three minutes of some devices that ask, sometimes get answers, and are sometimes silent."""
    chance = random.Random(seed)  # noqa: S311  no secret
    yield Connected(at(1), session_present=False, protocol="5")
    yield Subscribed(at(1))
    seconds = 1.0
    while seconds < 181:
        seconds += chance.uniform(0.2, 3)
        device = chance.choice((FIRST, FIRST, SECOND, THIRD, "AAAAAAAAAAAA", "BBBBBBBBBBBB"))
        symbol = chance.choice("VVVVWWXYZ")
        if seconds > 100 and device in {SECOND, THIRD}:
            continue
        yield request(device, symbol, at(seconds))
        if chance.random() < 0.7:
            seconds += chance.uniform(0.1, 4)
            yield answer(device, symbol, at(seconds))
        yield Watermark(at(seconds), 0, at(seconds))


def tickers(started: Settings, used: Settings) -> object:
    telemetry = compact_telemetry("device")
    assembly = assemble(telemetry, "device", started.of(TickrMeterSettings).monitoring)
    assembly.use(used)
    assembly.play(traffic())
    return expose(telemetry).decode()


class Noted:
    """Only notes what is to be told to people, and published; implements `Notifier`."""

    waiting = 0
    capacity = 1

    def __init__(self) -> None:
        self.dropped = 0
        self.seen: list[object] = []

    def put(self, notice: Notice) -> None:
        self.seen.append(notice.text)

    def tell(self, outcomes: NoticeOutcomes) -> None:
        pass

    def publish(self, topic: str, payload: bytes) -> Ticket:
        self.seen.append((topic, payload))
        ticket = Ticket()
        ticket.end()
        return ticket


def of_boards() -> Iterator[Message | LinkEvent]:
    yield from boards.begun()
    yield boards.passing(0.5)
    yield boards.message(1, "A/status", {"status": "online"})
    yield boards.message(2, "B/telemetry", {"temperature": 1, "voltage": 12})
    for second, state in ((3, False), (4, True)):
        yield boards.message(second, "A/relay/3/status", {"state": state, "triggered_by": "web"})
    # Time for a run.
    for moment in (4.2, 4.4, 4.6):
        yield boards.passing(moment)
    for second in range(5, 180, 5):
        yield boards.passing(second)
        yield boards.message(second, "B/telemetry", {"temperature": 1})


def autocore(started: Settings, used: Settings) -> object:
    noted, keeper = Noted(), boards.Told()
    telemetry = compact_telemetry("device", rows=boards.rows())
    process = ProcessObserver(BUILD).callbacks() | ReloadObserver(RELOADS).callbacks()
    pipeline = make_pipeline(
        started,
        telemetry.meter(),
        telemetry.end_series,
        as_callbacks(process) | exposition_callbacks(telemetry),
        Clock(START_NS, lambda: UNIX_OFFSET_NS, count(0, PROCESSING_NS).__next__),
        keeper=keeper,
        notifier=noted,
        publish=noted.publish,
    )
    # What the tables say comes at any time.
    keeper.outcomes.known(Known(rules=(RULE,), critical_relays=frozenset({("B", 1)})))
    (fleet,) = pipeline.fleets
    fleet.use(used)
    for step in of_boards():
        if isinstance(step, Message):
            pipeline.handler.deliver([step])
        else:
            pipeline.handler.report(step)
    return noted.seen, expose(telemetry).decode()


def dispatcher(started: Settings, used: Settings) -> object:
    made = make_dispatcher(started.notifications)
    change_dispatcher(made, used.notifications)
    return insides(made)


def insides(made: Dispatcher) -> object:
    policy = vars(made)["_policy"]
    ways = [(line.channel.name, vars(line.channel)) for line in vars(made)["_lines"]]
    return ways, vars(policy)["_min_interval_ns"], vars(policy)["_sent"].maxlen


def program(started: Settings, used: Settings) -> object:
    app = App(started, configure_logging(started.logging))
    app.use(used, used)
    levels = {handler.levelno for handler in vars(logger)["_core"].handlers.values()}
    return levels, vars(app)["_settings"].prometheus.enable_reload


SHOWN: dict[str, Shown] = {
    "monitoring": tickers,
    "autocore": autocore,
    "notifications": dispatcher,
    "logging": program,
    "prometheus": program,
}


def with_value(key: str, value: object) -> Settings:
    """The settings of these trials, with another value of one key."""
    table, _, name = key.partition(".")
    own = {name: value}
    match table:
        case "monitoring":
            return settings_of(TickrMeterSettings(monitoring=replace(TICKERS, **own)))  # type: ignore[arg-type]
        case "autocore":
            publish = AutomationTable(publish=True, topics=("#",))
            if name.startswith("automation."):
                own = {"automation": replace(publish, **{name.removeprefix("automation."): value})}  # type: ignore[arg-type]
            base = replace(boards.TABLE, device_retention=100, automation=publish)
            changed = AutoCoreSettings(replace(base, **own))  # type: ignore[arg-type]
            return settings_of(changed, boards.TICKERS_OFF)
        case "notifications":
            return settings_of(notifications=replace(NOTICES, **own))  # type: ignore[arg-type]
        case "logging":
            return settings_of(logging=replace(LoggingSettings(), **own))  # type: ignore[arg-type]
        case _:
            return settings_of(prometheus=replace(PrometheusSettings(), **own))  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def _no_log() -> Iterator[None]:
    yield
    logger.remove()


def test_each_of_them_is_tried() -> None:
    assert VALUES.keys() == {key for key, spec in SCHEMA.keys.items() if spec.reload}


@pytest.mark.parametrize("key", sorted(VALUES.keys() - FILES))
@pytest.mark.parametrize("back", [False, True])
def test_a_change_takes_effect_as_from_the_start(key: str, *, back: bool) -> None:
    before, now = (with_value(key, value) for value in VALUES[key])
    if back:
        before, now = now, before
    assert flatten(before, SCHEMA)[key] != flatten(now, SCHEMA)[key]
    shown = SHOWN[key.partition(".")[0]]
    from_the_start = shown(now, now)
    assert shown(before, before) != from_the_start, "these values cannot be told apart"
    assert shown(before, now) == from_the_start


def test_what_a_file_of_a_secret_holds_is_the_value_of_its_key() -> None:
    assert {key.removesuffix("_file") for key in FILES} <= VALUES.keys()


def test_the_same_settings_again_in_the_middle_change_nothing() -> None:
    steps = list(traffic())
    bodies = []
    for every in (len(steps) + 1, 5):
        telemetry = compact_telemetry("device")
        assembly = assemble(telemetry, "device", TICKERS)
        for number, step in enumerate(steps):
            assembly.play([step])
            if number % every == every - 1:
                assembly.use(with_value("monitoring.ranking_size", TICKERS.ranking_size))
        bodies.append(expose(telemetry))
    assert bodies[0] == bodies[1]


def test_no_rule_is_about_what_changes_at_once_and_what_waits() -> None:
    """Else the settings that are gone by could be such as nobody could start it with."""
    for rule in SCHEMA.rules:
        assert len({SCHEMA.keys[key].reload for key in rule.keys}) == 1, rule.keys


@pytest.mark.parametrize(("most", "warned"), [(20_000, False), (200_000, True)])
def test_the_stock_reader_shows_more_series_only_after_a_restart(
    most: int, *, warned: bool, capfd: pytest.CaptureFixture[str]
) -> None:
    stock = PrometheusSettings(reader="stock")
    started = settings_of(prometheus=stock)
    wider = settings_of(TickrMeterSettings(monitoring=MonitoringSettings(max_devices=most)), prometheus=stock)
    app = App(started, configure_logging(started.logging))
    app.use(wider, wider)
    logger.remove()
    assert ("more series only after a restart" in capfd.readouterr().err) == warned
