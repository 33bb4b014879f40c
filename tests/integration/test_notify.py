"""Notices on their way: every channel against a real server, again when it fails, and what is said of it."""

import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest
from loguru import logger

from otel_tickrmeter.notify import channels
from otel_tickrmeter.notify.channels import (
    Channel,
    DeliveryError,
    LogChannel,
    TelegramChannel,
    WebhookChannel,
)
from otel_tickrmeter.notify.dispatcher import ATTEMPTS, CAPACITY, Dispatcher
from otel_tickrmeter.notify.notice import Delivery, Fate, Notice, NoticeKind, NoticeOutcomes, NoticeSeverity
from otel_tickrmeter.notify.policy import Policy
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.notice_server import Answer, notice_server
from tests.integration.program_traffic import settings
from tests.support.waiting import until
from tools.server_process import free_port

AT = datetime(2026, 1, 28, 10, 30, tzinfo=UTC)


def notice(device: str = "E1", relay: int | None = 3) -> Notice:
    return Notice(NoticeKind.RELAY, NoticeSeverity.CRITICAL, f"{device}: relay switched.", AT, device, relay)


class Ended(NoticeOutcomes):
    """Notes how notices ended."""

    def __init__(self) -> None:
        self.fates: Counter[tuple[str, Fate]] = Counter()
        self.attempts: list[int] = []
        self.devices: list[str] = []
        # How many attempts have failed of those that wait.
        self.waiting: dict[Delivery, int] = {}

    def waits(self, delivery: Delivery, attempts: int) -> None:
        self.waiting[delivery] = attempts

    def ended(self, delivery: Delivery, fate: Fate, attempts: int, at: datetime) -> None:
        assert delivery.notice.at <= at
        # What goes to nobody waits for nothing.
        tried = self.waiting.pop(delivery, 0)
        assert tried <= attempts
        assert (attempts == 0) or tried == attempts - 1
        self.fates[delivery.channel, fate] += 1
        self.attempts.append(attempts)
        self.devices.append(delivery.notice.device)


def dispatch(
    *ways: Channel,
    notices: list[Notice],
    done: Callable[[Ended], bool],
    most: int = 10_000,
) -> tuple[Ended, Dispatcher]:
    """Let a dispatcher work until something is so."""
    ended = Ended()
    made: list[Dispatcher] = []

    async def work() -> None:
        dispatcher = Dispatcher(ways, Policy(300 * 10**9, most), first_wait_seconds=0.01)
        made.append(dispatcher)
        dispatcher.tell(ended)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(dispatcher.run)
            for each in notices:
                dispatcher.put(each)
            await until(lambda: done(ended))
            tasks.cancel_scope.cancel()

    anyio.run(work)
    return ended, made[0]


def test_a_webhook_gets_json_and_the_token() -> None:
    with notice_server() as (server, url):
        channel = WebhookChannel(f"{url}/hook?room=1", "hunter2")
        ended, _ = dispatch(channel, notices=[notice()], done=lambda ended: bool(ended.fates))
    ((path, headers, body),) = server.requests
    assert (path, headers["Authorization"]) == ("/hook?room=1", "Bearer hunter2")
    assert body == {
        "kind": "relay",
        "severity": "critical",
        "device": "E1",
        "relay": 3,
        "text": "E1: relay switched.",
        "at": "2026-01-28T10:30:00+00:00",
        "dedupe_key": "relay/E1/3",
    }
    assert ended.fates == {("webhook", Fate.SENT): 1}


def test_a_telegram_bot_gets_plain_text() -> None:
    with notice_server() as (server, url):
        channel = TelegramChannel(f"{url}/", "12:token", "-100")
        dispatch(channel, notices=[notice()], done=lambda ended: bool(ended.fates))
    ((path, _, body),) = server.requests
    assert path == "/bot12:token/sendMessage"
    assert (body["chat_id"], body["text"]) == ("-100", "CRITICAL: E1: relay switched.")
    assert "parse_mode" not in body


def test_the_log_gets_a_line() -> None:
    lines: list[str] = []
    sink = logger.add(lambda message: lines.append(str(message)), format="{level} {message}")
    try:
        LogChannel().send(notice())
    finally:
        logger.remove(sink)
    assert lines == ["WARNING Notice (relay): E1: relay switched.\n"]


def test_what_fails_is_tried_again() -> None:
    with notice_server(Answer(500), Answer(503), Answer()) as (server, url):
        ended, _ = dispatch(WebhookChannel(url), notices=[notice()], done=lambda ended: bool(ended.fates))
    assert len(server.requests) == 3
    assert (ended.fates, ended.attempts) == ({("webhook", Fate.SENT): 1}, [3])


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, (("Retry-After", "0.2"),)),
        Answer(429, (), b'{"ok": false, "parameters": {"retry_after": 0.2}}'),
    ],
)
def test_who_wants_to_be_left_alone_is(answer: Answer) -> None:
    with notice_server(answer) as (_, url), pytest.raises(DeliveryError) as caught:
        WebhookChannel(url).send(notice())
    assert (caught.value.final, caught.value.wait_seconds) == (False, 0.2)


@pytest.mark.parametrize("wait", ["soon", "-5", "1e999", "nan", ""])
def test_a_wait_that_makes_no_sense_is_none_or_bounded(wait: str) -> None:
    with (
        notice_server(Answer(429, (("Retry-After", wait),))) as (_, url),
        pytest.raises(DeliveryError) as caught,
    ):
        WebhookChannel(url).send(notice())
    assert caught.value.wait_seconds is None or 0 <= caught.value.wait_seconds <= 300


@pytest.mark.parametrize("status", [400, 401, 404, 302])
def test_what_will_never_be_taken_is_given_up_at_once_and_no_redirect_followed(status: int) -> None:
    with notice_server(Answer(status, (("Location", "http://127.0.0.1:1/"),))) as (server, url):
        channel = WebhookChannel(url, "hunter2")
        ended, _ = dispatch(channel, notices=[notice()], done=lambda ended: bool(ended.fates))
    assert len(server.requests) == 1
    assert (ended.fates, ended.attempts) == ({("webhook", Fate.FAILED): 1}, [1])


def test_what_is_never_taken_is_given_up() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    ended, _ = dispatch(WebhookChannel(url), notices=[notice()], done=lambda ended: bool(ended.fates))
    assert (ended.fates, ended.attempts) == ({("webhook", Fate.FAILED): 1}, [ATTEMPTS])


def test_nothing_secret_is_told_of_a_failure() -> None:
    with pytest.raises(DeliveryError) as caught:
        TelegramChannel(f"http://127.0.0.1:{free_port()}", "12:token", "c").send(notice())
    assert "token" not in str(caught.value)


def test_a_slow_channel_holds_up_no_other() -> None:
    with notice_server(Answer(after_seconds=30)) as (slow, slow_url), notice_server() as (quick, url):
        quick_channel, slow_channel = WebhookChannel(url), TelegramChannel(slow_url, "t", "c")

        def done(ended: Ended) -> bool:
            if ended.fates["webhook", Fate.SENT] == 3:
                slow.release.set()
            return ended.fates["telegram", Fate.SENT] == 3

        dispatch(slow_channel, quick_channel, notices=[notice(f"E{n}") for n in range(3)], done=done)
    assert len(quick.requests) == 3


def test_repeats_are_suppressed_and_a_flood_is_counted() -> None:
    ended, _ = dispatch(
        LogChannel(),
        notices=[notice("A"), notice("A"), *(notice(f"E{n}") for n in range(4))],
        done=lambda ended: ended.fates.total() == 6,
        most=2,
    )
    # At the end there is the digest.
    assert ended.fates == {("log", Fate.SENT): 3, ("", Fate.SUPPRESSED): 1, ("", Fate.DIGESTED): 3}


def test_what_waits_is_bounded_and_the_oldest_gives_way() -> None:
    with notice_server(Answer(after_seconds=30)) as (server, url):

        def done(_: Ended) -> bool:
            server.release.set()
            return True

        notices = [notice(f"E{number}") for number in range(CAPACITY + 5)]
        ended, dispatcher = dispatch(WebhookChannel(url), notices=notices, done=done)
    # The first is on its way, or was among those that gave way.
    assert dispatcher.dropped in {4, 5}
    assert dispatcher.capacity == CAPACITY
    assert dispatcher.channels == ("webhook",)
    assert ended.fates["webhook", Fate.FAILED] >= dispatcher.dropped
    assert ended.fates.total() == len(set(ended.devices)) == len(notices)


def test_channels_come_change_and_go_while_notices_are_sent() -> None:
    """What waits for a channel goes by the new one of its name; one that is gone still sends what waits."""
    with notice_server(Answer(500)) as (old, old_url), notice_server() as (new, new_url):
        ended = Ended()

        async def work() -> None:
            dispatcher = Dispatcher([], Policy(0, 10_000), first_wait_seconds=0.01)
            dispatcher.tell(ended)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(dispatcher.run)
                await anyio.lowlevel.checkpoint()
                dispatcher.put(notice("nobody"))
                assert dispatcher.capacity == 0
                dispatcher.use([WebhookChannel(old_url)], 0, 10_000)
                dispatcher.put(notice("first"))
                await until(lambda: bool(old.requests))
                dispatcher.use([WebhookChannel(new_url), LogChannel()], 0, 10_000)
                dispatcher.put(notice("second"))
                await until(lambda: ended.fates.total() == 3)
                dispatcher.put(notice("third"))
                dispatcher.use([], 0, 10_000)
                assert dispatcher.channels == ()
                dispatcher.put(notice("nobody"))
                await until(lambda: ended.fates.total() == 5)
                tasks.cancel_scope.cancel()

        anyio.run(work)
    assert [body["text"].split(":")[0] for _, _, body in new.requests] == ["first", "second", "third"]
    assert ended.fates == {("webhook", Fate.SENT): 3, ("log", Fate.SENT): 2}
    assert "nobody" not in ended.devices


def test_a_channel_that_is_gone_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("otel_tickrmeter.notify.dispatcher._STOP_SECONDS", 0.1)
    with notice_server(Answer(after_seconds=30)) as (server, url):
        ended = Ended()

        async def work() -> None:
            dispatcher = Dispatcher([WebhookChannel(url)], Policy(0, 10_000))
            dispatcher.tell(ended)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(dispatcher.run)
                dispatcher.put(notice("first"))
                dispatcher.put(notice("second"))
                await until(lambda: bool(server.requests))
                dispatcher.use([], 0, 10_000)
                tasks.cancel_scope.cancel()
            server.release.set()

        anyio.run(work)
    assert ended.fates == {("webhook", Fate.FAILED): 2}


def test_what_is_on_its_way_when_too_many_come_ends_once() -> None:
    with notice_server(Answer(after_seconds=30), Answer()) as (server, url):
        ended = Ended()

        async def work() -> None:
            dispatcher = Dispatcher([WebhookChannel(url)], Policy(300 * 10**9, 10_000))
            dispatcher.tell(ended)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(dispatcher.run)
                dispatcher.put(notice("first"))
                await until(lambda: bool(server.requests))
                for number in range(CAPACITY + 1):
                    dispatcher.put(notice(f"E{number}"))
                assert ended.fates == {("webhook", Fate.FAILED): 1}
                server.release.set()
                await until(lambda: ended.fates.total() == CAPACITY + 2)
                tasks.cancel_scope.cancel()

        anyio.run(work)
    assert Counter(ended.devices).most_common(1)[0][1] == 1
    assert len(server.requests) == CAPACITY + 1


def test_at_the_end_what_is_on_its_way_arrives_once_and_what_waits_is_sent() -> None:
    with notice_server(Answer(after_seconds=30), Answer()) as (server, url):

        def done(_: Ended) -> bool:
            if server.requests:
                threading.Timer(0.2, server.release.set).start()
            return bool(server.requests)

        notices = [notice(f"E{number}") for number in range(6)]
        ended, _ = dispatch(WebhookChannel(url), notices=notices, done=done, most=4)
    assert [body["kind"] for body in server.bodies] == ["relay"] * 4 + ["digest"]
    assert ended.fates == {("webhook", Fate.SENT): 5, ("", Fate.DIGESTED): 2}


def test_at_the_end_what_there_is_no_time_for_has_failed() -> None:
    with notice_server(Answer(after_seconds=30)) as (server, url):
        notices = [notice(f"E{number}") for number in range(3)]
        ended, _ = dispatch(WebhookChannel(url), notices=notices, done=lambda _: bool(server.requests))
        assert len(server.requests) == 1
    assert ended.fates == {("webhook", Fate.FAILED): 3}


class Broken:
    """A channel with a fault of its own."""

    name = "broken"

    def send(self, told: Notice) -> None:
        raise UnicodeEncodeError("ascii", told.text, 0, 1, "no")


def test_a_channel_with_a_fault_ends_no_other() -> None:
    ended, _ = dispatch(
        Broken(), LogChannel(), notices=[notice(), notice("E2")], done=lambda ended: ended.fates.total() == 4
    )
    assert ended.fates == {("broken", Fate.FAILED): 2, ("log", Fate.SENT): 2}


def test_an_answer_nested_without_end_is_an_answer() -> None:
    with notice_server(Answer(429, (), b"[" * 60_000)) as (_, url), pytest.raises(DeliveryError) as caught:
        WebhookChannel(url).send(notice())
    assert caught.value.wait_seconds is None


def test_an_answer_that_drips_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(channels, "LONGEST_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server, dripping(server):
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        # On a busy machine the status comes later than the end; what drips on is answered with a reset.
        ends = "answers 503|RemoteDisconnected|Connection reset by peer"
        with pytest.raises(DeliveryError, match=ends) as caught:
            WebhookChannel(url).send(notice())
        assert not caught.value.final


@contextmanager
def dripping(server: socket.socket) -> Iterator[None]:
    """Answers a connection with a header that has no end, a byte at a time."""

    def drip() -> None:
        connection, _ = server.accept()
        with connection, suppress(OSError):
            connection.sendall(b"HTTP/1.1 503 Busy\r\nX: ")
            while True:
                connection.sendall(b"x")
                time.sleep(0.01)

    thread = threading.Thread(target=drip)
    thread.start()
    try:
        yield
    finally:
        thread.join()


def wait_counted(exporter: Exporter, **labels: str) -> None:
    wanted = frozenset(labels.items())

    def counted() -> bool:
        return exporter.scrape().named("autocore_notifications_total").get(wanted) == 1

    exporter.wait(counted, f"to count {labels}")


def test_a_critical_relay_makes_one_post(tmp_path: Path) -> None:
    given = {
        "AUTOCORE__ENABLED": "true",
        "AUTOCORE__DATABASE": "false",
        "AUTOCORE__CRITICAL_RELAYS": '["E1/3"]',
        "NOTIFICATIONS__LOG": "true",
    }

    def told(number: int, *, state: bool) -> tuple[str, bytes]:
        payload = {"state": state, "triggered_by": "web"}
        return f"autocore/E1/relay/{number}/status", json.dumps(payload).encode()

    with notice_server() as (server, url), Mosquitto(tmp_path) as broker:
        broker.publish([told(3, state=True)], retain=True)
        environment = settings(broker.url, NOTIFICATIONS__WEBHOOK_URL=url, **given)
        with Exporter(tmp_path, environment, "exporter", measured=True) as exporter:
            exporter.wait_ready()
            broker.publish([("autocore/E1/status", b'{"status": "online"}')])
            # What was kept, a switching, a repeat, one of another relay; then the first goes off again.
            broker.publish([told(3, state=False), told(3, state=False), told(2, state=True)])
            wait_counted(exporter, channel="webhook", kind="relay", outcome="sent")
            broker.publish([told(3, state=True)])
            wait_counted(exporter, channel="none", kind="relay", outcome="suppressed")
    assert [body["text"] for body in server.bodies] == ["E1: critical relay 3 was switched off by web."]
    assert "Notice (relay): E1: critical relay 3 was switched off by web." in exporter.log
