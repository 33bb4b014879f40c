"""Reading the settings again: one time after the other, and a failure leaves everything as it was."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import replace

import anyio
import pytest
from loguru import logger

from otel_tickrmeter.configuration import default_settings
from otel_tickrmeter.fleets.tickrmeter.settings import MonitoringSettings, TickrMeterSettings
from otel_tickrmeter.reload import Reloader
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.model import Settings
from tests.support.settings import settings_of
from tests.support.waiting import until

USUAL = default_settings()
OTHER = settings_of(
    TickrMeterSettings(monitoring=MonitoringSettings(request_timeout=2)), mqtt=replace(USUAL.mqtt, qos=1)
)
FAULTS = (Fault("a.toml:1", "x", "unknown"), Fault("a.toml:2", "y", "unknown"))


@pytest.fixture
def said() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(str(line).strip()), format="{level} {message}")
    yield lines
    logger.remove(sink)


class Used:
    """Notes what the program is to go by; fails as often as it is told."""

    def __init__(self) -> None:
        self.settings: list[tuple[Settings, Settings]] = []
        self.failures = 0

    def __call__(self, settings: Settings, read: Settings) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("a bug")
        self.settings.append((settings, read))


def made(read: Callable[[], Settings] | None, used: Used) -> Reloader:
    times = iter(range(100, 200))
    return Reloader(USUAL, read, used, lambda: float(next(times)))


def test_what_may_change_is_used_and_what_waits_is_named(said: list[str]) -> None:
    used = Used()
    reloader = made(lambda: OTHER, used)
    assert (reloader.successful, reloader.succeeded_at) == (True, 100)
    for _ in range(2):
        assert anyio.run(reloader.reload) == ()
    assert (reloader.successful, reloader.succeeded_at) == (True, 102)
    half = settings_of(OTHER.of(TickrMeterSettings))
    assert used.settings == [(half, OTHER)] * 2
    assert reloader.running == half
    waiting = "WARNING Settings: mqtt.qos has 1 instead of 0: takes effect after a restart"
    assert said == [
        waiting,
        'INFO Settings: monitoring.request_timeout has "2s" instead of "30s" now',
        "INFO Settings read again: 1 change taken over, 1 until a restart",
        waiting,
        "INFO Settings read again: 0 changes taken over, 1 until a restart",
    ]


def test_of_a_secret_only_that_it_is_another(said: list[str]) -> None:
    secret = settings_of(notifications=replace(USUAL.notifications, webhook_url="http://h/hunter2"))
    second = settings_of(notifications=replace(USUAL.notifications, webhook_url="http://h/hunter3"))
    reloader = made(iter((secret, second)).__next__, Used())
    anyio.run(reloader.reload)
    said.clear()
    anyio.run(reloader.reload)
    assert said[0] == "INFO Settings: notifications.webhook_url has another value now"


def faulty() -> Settings:
    raise SettingsError(FAULTS)


def odd() -> Settings:
    raise MemoryError


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (faulty, ("a.toml:1: x: unknown", "a.toml:2: y: unknown")),
        (odd, ("the settings cannot be read: MemoryError",)),
    ],
)
def test_what_is_wrong_is_told_and_changes_nothing(
    read: Callable[[], Settings], expected: tuple[str, ...], said: list[str]
) -> None:
    used = Used()
    reloader = made(read, used)
    assert anyio.run(reloader.reload) == expected
    assert (reloader.successful, reloader.succeeded_at, reloader.running) == (False, 100, USUAL)
    assert used.settings == []
    assert [line for line in said if line.startswith("ERROR Settings: ")] == [
        f"ERROR Settings: {fault}" for fault in expected
    ]
    many = "2 faults" if len(expected) > 1 else "1 fault"
    assert said[-1] == f"ERROR Settings not taken over, those of before stay: {many}"


def test_a_bug_is_no_success_and_the_next_time_tries_all_of_it_again(said: list[str]) -> None:
    used = Used()
    used.failures = 1
    reloader = made(lambda: OTHER, used)
    assert anyio.run(reloader.reload) == ("the settings could not be taken over: see the log",)
    assert (reloader.successful, reloader.running) == (False, USUAL)
    assert any("a bug" in line for line in said)
    assert anyio.run(reloader.reload) == ()
    assert (reloader.successful, reloader.succeeded_at) == (True, 101)


def test_without_sources_there_is_nothing_to_read() -> None:
    reloader = made(None, Used())
    (told,) = anyio.run(reloader.reload)
    assert "nothing to read" in told
    assert reloader.successful


def test_two_at_once_are_one_after_another() -> None:
    reading, most = 0, 0
    lock = threading.Lock()

    def read() -> Settings:
        nonlocal reading, most
        with lock:
            reading += 1
            most = max(most, reading)
        with lock:
            reading -= 1
        return OTHER

    used = Used()

    async def both() -> None:
        reloader = made(read, used)
        async with anyio.create_task_group() as tasks:
            for _ in range(20):
                tasks.start_soon(reloader.reload)

    anyio.run(both)
    assert (most, len(used.settings)) == (1, 20)


def test_who_asks_while_it_is_done_has_it_done_once_more() -> None:
    used = Used()
    begun, go_on = threading.Event(), threading.Event()

    def read() -> Settings:
        begun.set()
        assert go_on.wait(30)
        return OTHER

    async def ask() -> None:
        reloader = made(read, used)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reloader.run)
            reloader.ask()
            await until(begun.is_set)
            for _ in range(3):
                reloader.ask()
            go_on.set()
            await until(lambda: len(used.settings) == 2)
            begun.clear()
            reloader.ask()
            await until(lambda: len(used.settings) == 3)
            tasks.cancel_scope.cancel()

    anyio.run(ask)


def test_a_disk_that_does_not_answer_keeps_nobody_from_stopping() -> None:
    begun, go_on = threading.Event(), threading.Event()
    used = Used()

    def read() -> Settings:
        begun.set()
        go_on.wait(30)
        return OTHER

    async def stop() -> None:
        reloader = made(read, used)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(reloader.reload)
            await until(begun.is_set)
            tasks.cancel_scope.cancel()
        assert not go_on.is_set()
        go_on.set()

    anyio.run(stop)
    assert used.settings == []
