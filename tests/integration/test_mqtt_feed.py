"""The feed, its receiving process and a real Mosquitto."""

import os
import re
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Literal

import anyio
import psutil
import pytest

from otel_tickrmeter.mqtt.feed import Feed
from otel_tickrmeter.mqtt.packets import MAX_PAYLOAD_BYTES
from otel_tickrmeter.mqtt.silence import REPLACE_SECONDS
from otel_tickrmeter.settings.model import MqttSettings, ReconnectSettings
from otel_tickrmeter.stream.link_state import SILENT_SECONDS
from otel_tickrmeter.stream.message import Connected, Dropped, Lost, Message, Refused, Subscribed, Watermark
from otel_tickrmeter.stream.subscription import Subscription
from tests.integration.fake_broker import Proxy
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto
from tests.support.receiving import config_for
from tests.support.waiting import wait_until
from tools.server_process import free_port

Protocol = Literal["5", "3.1.1"]
PROTOCOLS: tuple[Protocol, ...] = ("5", "3.1.1")
SOON = ReconnectSettings(0.05, 0.2)


def numbered(count: int, topic: str = "t", start: int = 0) -> list[tuple[str, bytes]]:
    return [(topic, b"%d" % number) for number in range(start, start + count)]


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_what_is_published_arrives_once_in_order_and_stamped(
    tmp_path: Path, protocol: Protocol, qos: int
) -> None:
    with Mosquitto(tmp_path) as broker:
        broker.publish([("kept", b"old")], retain=True)
        with FeedThread(MqttSettings(broker.url, protocol=protocol, qos=qos)) as feed:
            feed.wait_subscribed()
            feed.wait_messages(1)
            before_ns = time.monotonic_ns()
            broker.publish(numbered(3000), qos=qos)
            feed.wait_messages(3001)
            after_ns = time.monotonic_ns()
            feed.wait_watermark(after_ns)
            kept, *live = feed.messages
            assert kept[:2] == (b"kept", b"old")
            assert kept[3:8] == (True, False, False, False, min(1, qos))
            assert [message.payload for message in live] == [b"%d" % number for number in range(3000)]
            # What waited while the receiver was kept from running is a backlog, and rightly so.
            flags = {message._replace(backlog=message.backlog and not feed.held_up)[3:8] for message in live}
            assert flags == {(False, False, False, False, qos)}
            stamps = [message.arrived_ns for message in live]
            assert stamps == sorted(stamps)
            assert before_ns < stamps[0]
            assert stamps[-1] < after_ns
            assert feed.story == ["Connected", "Subscribed"]


def test_messages_of_every_qos_keep_their_order(tmp_path: Path) -> None:
    """Of a connection at QoS 2: none may overtake another."""
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url, qos=2)) as feed:
        feed.wait_subscribed()
        publisher = "import sys; from paho.mqtt.client import Client, CallbackAPIVersion as V\n"
        publisher += f"c = Client(V.VERSION2); c.connect('127.0.0.1', {broker.port}); c.loop_start()\n"
        publisher += "s = [c.publish('t', str(n), n % 2) for n in range(2000)]; s[-1].wait_for_publish(30)\n"
        publisher += "c.disconnect(); c.loop_stop()"
        subprocess.run([sys.executable, "-c", publisher], check=True)
        feed.wait_messages(2000)
        zero = [int(payload) for payload in feed.payloads if int(payload) % 2 == 0]
        one = [int(payload) for payload in feed.payloads if int(payload) % 2 == 1]
        assert zero == list(range(0, 2000, 2))
        assert one == list(range(1, 2000, 2))
        stamps = [message.arrived_ns for message in feed.messages]
        assert stamps == sorted(stamps)


def test_a_watermark_never_precedes_what_arrived_before_it(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        for start in range(0, 5000, 500):
            broker.publish(numbered(500, start=start), qos=0)
        feed.wait_messages(5000)
        feed.wait_watermark(time.monotonic_ns())
        latest = 0
        for item in feed.log:
            if isinstance(item, Watermark):
                # Not later than the last where the socket was not empty in between.
                assert item.at_ns >= latest
                latest = item.at_ns
            elif isinstance(item, Message):
                assert item.arrived_ns >= latest


def test_idle_watermarks_come_all_the_same(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        feed.wait(lambda: len(feed.events(Watermark)) >= 20)


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_several_filters_each_with_its_quality_of_service(tmp_path: Path, protocol: Protocol) -> None:
    wanted = [Subscription("+", 0), Subscription("cars/#", 1)]
    with (
        Mosquitto(tmp_path) as broker,
        FeedThread(MqttSettings(broker.url, protocol=protocol), *wanted) as feed,
    ):
        feed.wait_subscribed()
        broker.publish([("x", b""), ("other/x", b""), ("cars/1/status", b"")], qos=1)
        feed.wait_messages(2)
        found = [(message.topic, message.qos) for message in feed.messages]
        assert found == [(b"x", 0), (b"cars/1/status", 1)]


def test_a_topic_prefix_is_one_filter(tmp_path: Path) -> None:
    wanted = Subscription("fleet/a/+", 0)
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url), wanted) as feed:
        feed.wait_subscribed()
        broker.publish([("fleet/b/x", b""), ("x", b""), ("fleet/a/x/y", b""), ("fleet/a/x", b"mine")])
        feed.wait_messages(1)
        assert [message[:2] for message in feed.messages] == [(b"fleet/a/x", b"mine")]


def test_a_broker_that_is_absent_is_waited_for(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    with FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed:
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert set(feed.story) == {"Refused:connection_refused"}
        with broker:
            feed.wait_subscribed()
            broker.publish(numbered(10))
            feed.wait_messages(10)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_restart_is_told_and_survived(tmp_path: Path, protocol: Protocol) -> None:
    settings = MqttSettings(protocol=protocol, reconnect=SOON)
    with Mosquitto(tmp_path) as broker, FeedThread(replace(settings, broker=broker.url)) as feed:
        feed.wait_subscribed()
        broker.publish(numbered(100))
        feed.wait_messages(100)
        broker.restart()
        feed.wait_subscribed(2)
        broker.publish(numbered(100, start=100))
        feed.wait_messages(200)
        assert feed.story[:3] == ["Connected", "Subscribed", "Lost:closed_by_broker"]
        assert feed.story[-2:] == ["Connected", "Subscribed"]
        assert set(feed.story[3:-2]) <= {"Refused:connection_refused"}
        assert feed.payloads == [b"%d" % number for number in range(200)]


def test_a_broker_that_is_killed_is_told(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url, reconnect=SOON)) as feed:
        feed.wait_subscribed()
        broker.kill()
        feed.wait(lambda: any(entry.startswith("Lost") for entry in feed.story))
        assert feed.story[2] in {"Lost:closed_by_broker", "Lost:connection_reset"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_wrong_password_is_told_and_the_right_one_works(tmp_path: Path, protocol: Protocol) -> None:
    with Mosquitto(tmp_path, users={"u": "right"}) as broker:
        for password in ("wrong", "right"):
            settings = MqttSettings(
                broker.url, username="u", password=password, protocol=protocol, reconnect=SOON
            )
            with FeedThread(settings) as feed:
                feed.wait(lambda feed=feed: bool(feed.story))  # type: ignore[misc]
                assert feed.story[0] == ("Refused:not_authorized" if password == "wrong" else "Connected")  # noqa: S105  made up


def test_a_password_file_is_read_at_each_attempt(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"\xef\xbb\xbffirst\r\n")  # as Windows' editors write it
    with Mosquitto(tmp_path, users={"u": "first"}) as broker:
        settings = MqttSettings(broker.url, username="u", password_file=file, reconnect=SOON)
        with FeedThread(settings) as feed:
            feed.wait_subscribed()
            broker.stop()
            file.unlink()
            feed.wait(lambda: "Refused:password_file" in feed.story)
            assert f"{file} cannot be read" in feed.events(Refused)[-1].detail
            subprocess.run(["mosquitto_passwd", "-b", str(tmp_path / "passwords"), "u", "second"], check=True)
            broker.start()
            file.write_text("second")
            feed.wait_subscribed(2)


def test_no_secret_is_on_the_command_line_or_in_the_environment(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, users={"u": "sesame-open"}) as broker:
        settings = MqttSettings(broker.url, username="u", password="sesame-open")  # noqa: S106  made up
        with FeedThread(settings) as feed:
            feed.wait_subscribed()
            process = psutil.Process(feed.feed.pid)
            assert "sesame-open" not in " ".join([*process.cmdline(), *process.environ().values()])


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_subscription_that_the_broker_denies_is_told(tmp_path: Path, protocol: Protocol) -> None:
    denied = {
        "defaultACLAccess": {
            "publishClientSend": True,
            "publishClientReceive": True,
            "subscribe": False,
            "unsubscribe": True,
        },
        "anonymousGroup": "all",
        "groups": [{"groupname": "all", "roles": [{"rolename": "some"}]}],
        "clients": [],
        "roles": [
            {"rolename": "some", "acls": [{"acltype": "subscribeLiteral", "topic": "+", "allow": True}]}
        ],
    }
    with Mosquitto(tmp_path, dynamic_security=denied, settings=["allow_anonymous true"]) as broker:
        settings = MqttSettings(broker.url, protocol=protocol, reconnect=SOON)
        # The one before it is granted: half of what was asked for would look like silence.
        with FeedThread(settings, Subscription("+", 0), Subscription("a/#", 1)) as feed:
            feed.wait(lambda: len(feed.events(Refused)) >= 2)
            reason = "subscription_not_authorized" if protocol == "5" else "subscription_refused"
            assert feed.story[:4] == ["Connected", f"Refused:{reason}"] * 2
            assert "subscription to 'a/#'" in feed.events(Refused)[0].detail


def test_a_cut_that_nobody_tells_is_noticed_by_the_keepalive(tmp_path: Path) -> None:
    settings = MqttSettings(keepalive=2, reconnect=SOON)
    with (
        Mosquitto(tmp_path) as broker,
        Proxy(broker.port) as proxy,
        FeedThread(replace(settings, broker=proxy.url)) as feed,
    ):
        feed.wait_subscribed()
        proxy.silence()
        cut_ns = time.monotonic_ns()
        feed.wait(lambda: any(entry.startswith("Lost") for entry in feed.story))
        assert feed.story[2] == "Lost:keepalive_timeout"
        (lost,) = feed.events(Lost)[:1]
        # Its own clock: a slow machine makes this later, but never earlier than one keepalive.
        assert lost.at_ns - cut_ns > 1_000_000_000


def test_a_quiet_connection_is_kept_alive(tmp_path: Path) -> None:
    """Four seconds, because of one Mosquitto allows 1.0 to 2.0, as its whole seconds fall."""
    with Mosquitto(tmp_path) as broker, ExitStack() as stack:
        settings = MqttSettings(broker.url, keepalive=4)
        feeds = {
            protocol: stack.enter_context(
                FeedThread(replace(settings, protocol=protocol, client_id=f"quiet-{protocol}"))
            )
            for protocol in PROTOCOLS
        }
        for protocol, feed in feeds.items():
            # Without them it would be closed after 6 s, or 12 at the latest.
            feed.wait(lambda name=protocol: broker.log.count(f"Received PINGREQ from quiet-{name}") >= 3)  # type: ignore[misc]
            assert feed.story == ["Connected", "Subscribed"]


def test_what_waited_while_the_receiver_was_stopped_is_a_backlog(tmp_path: Path) -> None:
    """Every payload is the time it was sent: what is not flagged must have been stamped at once."""
    flood = (
        "import select, sys, time; from paho.mqtt.client import Client, CallbackAPIVersion as V\n"
        "c = Client(V.VERSION2); c.connect('127.0.0.1', int(sys.argv[1])); c.loop_start()\n"
        "while not select.select([sys.stdin], [], [], 0)[0]:\n"
        "    for _ in range(20): c.publish('t', str(time.monotonic_ns()).ljust(1500))\n"
        "    time.sleep(0.02)\n"
        "c.disconnect(); c.loop_stop()"
    )
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        with subprocess.Popen(
            [sys.executable, "-c", flood, str(broker.port)], stdin=subprocess.PIPE
        ) as publisher:
            feed.wait_messages(100)
            assert feed.feed.pid is not None
            os.kill(feed.feed.pid, signal.SIGSTOP)
            time.sleep(2.2)  # not a wait for something: the length of the stall
            os.kill(feed.feed.pid, signal.SIGCONT)
            feed.wait(lambda: any(stall.seconds >= 2.0 for stall in feed.stalls))
            feed.wait(lambda: not feed.messages[-1].backlog)  # it ends
            publisher.communicate(timeout=30)  # which ends its input, and so the flood
        feed.wait_watermark(time.monotonic_ns())
        place = feed.log.index(feed.stalls[0])
        before = [item for item in feed.log[:place] if isinstance(item, Message)]
        after = [item for item in feed.log[place:] if isinstance(item, Message)]
        assert not any(message.backlog for message in before)
        assert after[0].backlog
        late = [message for message in feed.messages if message.arrived_ns - int(message.payload) > 1e9]
        assert late
        assert all(message.backlog for message in late)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_session_that_was_kept_is_a_backlog(tmp_path: Path, protocol: Protocol) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = MqttSettings(
            broker.url, client_id="keeper", protocol=protocol, qos=1, clean_session=False, reconnect=SOON
        )
        with FeedThread(settings) as feed:
            feed.wait_subscribed()
            broker.publish(numbered(10))
            feed.wait_messages(10)
            assert feed.held_up or not any(message.backlog for message in feed.messages)
        broker.publish(numbered(500, start=10))
        with FeedThread(settings) as feed:
            feed.wait_messages(500)
            assert feed.events(Connected)[0].session_present
            assert feed.payloads == [b"%d" % number for number in range(10, 510)]
            assert all(message.backlog for message in feed.messages)


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_clean_session_has_no_backlog(tmp_path: Path, protocol: Protocol) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = MqttSettings(broker.url, client_id="keeper", protocol=protocol, qos=1)
        for _ in range(2):
            with FeedThread(settings) as feed:
                feed.wait_subscribed()
                broker.publish(numbered(10))
                feed.wait_messages(10)
                assert not feed.events(Connected)[0].session_present
                assert feed.held_up or not any(message.backlog for message in feed.messages)
            broker.publish(numbered(5))


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_huge_payload_is_told_and_takes_no_memory(tmp_path: Path, protocol: Protocol, qos: int) -> None:
    settings = MqttSettings(protocol=protocol, qos=qos)
    with Mosquitto(tmp_path) as broker, FeedThread(replace(settings, broker=broker.url)) as feed:
        feed.wait_subscribed()
        process = psutil.Process(feed.feed.pid)
        broker.publish([("t", bytes(MAX_PAYLOAD_BYTES))], qos=qos)
        feed.wait_messages(1)
        before = peak_bytes(process)
        broker.publish([("t", bytes(20_000_000)), ("t", b"next")], qos=qos)
        feed.wait_messages(3)
        largest, huge, after = feed.messages
        assert (len(largest.payload), largest.oversize) == (MAX_PAYLOAD_BYTES, False)
        assert (huge.topic, huge.payload, huge.oversize) == (b"t", b"", True)
        assert (after.payload, after.oversize) == (b"next", False)
        assert peak_bytes(process) - before < 2_000_000
        assert feed.story == ["Connected", "Subscribed"]


def peak_bytes(process: psutil.Process) -> int:
    """The most memory the process ever had resident."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024


def test_when_the_main_process_does_not_read_every_message_is_delivered_or_counted(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url), buffer_size=2000) as feed:
        feed.wait_subscribed()
        feed.hold()
        broker.publish(((f"topic-{n}", b"x" * 100) for n in range(30_000)), qos=0)
        broker.publish([("last", b"")])
        deadline = time.monotonic() + 30
        while broker.log.count("Sending PUBLISH") < 30_001 and time.monotonic() < deadline:
            time.sleep(0.05)
        feed.release()
        feed.wait(lambda: len(feed.messages) + sum(drop.count for drop in feed.events(Dropped)) >= 30_001)
        dropped = sum(drop.count for drop in feed.events(Dropped))
        assert dropped > 0
        assert len(feed.messages) + dropped == 30_001
        numbers = [int(message.topic.split(b"-")[1]) for message in feed.messages if message.topic != b"last"]
        assert numbers == sorted(numbers)
        assert max(mark.queue_size for mark in feed.events(Watermark)) <= 2000


def test_a_receiver_that_dies_is_told_and_started_again(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        first = feed.feed.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        feed.wait_subscribed(2)
        assert feed.story == ["Connected", "Subscribed", "Lost:receiver_died", "Connected", "Subscribed"]
        assert feed.feed.pid not in {None, first}
        broker.publish(numbered(10))
        feed.wait_messages(10)


def test_a_receiver_that_falls_silent_is_told_and_replaced(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        first = psutil.Process(feed.feed.pid)
        first.suspend()
        feed.wait(lambda: "Lost:receiver_silent" in feed.story, 60)
        assert re.search("said nothing for 1[56] s", feed.events(Lost)[0].detail)
        assert max(feed.silences) == pytest.approx(REPLACE_SECONDS, abs=1.0)
        assert not first.is_running()
        feed.wait_subscribed(2)
        assert feed.silences[-1] == 0.0
        broker.publish(numbered(10))
        feed.wait_messages(10)


def test_a_receiver_that_goes_on_in_time_is_kept(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        receiver = psutil.Process(feed.feed.pid)
        receiver.suspend()
        feed.wait(lambda: bool(feed.silences) and feed.silences[-1] >= SILENT_SECONDS)
        receiver.resume()
        feed.wait(lambda: feed.silences[-1] == 0.0)
        assert feed.feed.pid == receiver.pid
        assert feed.story == ["Connected", "Subscribed"]


def test_a_receiver_that_cannot_be_started_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", str(tmp_path / "absent"))
        with FeedThread(MqttSettings()) as feed:
            feed.wait(lambda: bool(feed.story))
            assert set(feed.story) == {"Refused:receiver_died"}  # the next attempt is not far
            assert "cannot be started" in feed.events(Refused)[0].detail
            assert feed.feed.pid is None


def test_an_error_in_the_main_process_ends_the_receiver(tmp_path: Path) -> None:
    def fail(_: list[Message]) -> None:
        raise ZeroDivisionError

    async def run() -> None:
        feed = Feed(config_for(MqttSettings(broker.url)), deliver=fail, report=lambda _: None)
        try:
            await feed.run()
        finally:
            assert feed.pid is None

    with Mosquitto(tmp_path) as broker:
        broker.publish([("kept", b"")], retain=True)
        broker.publish([("kept", b"1")], retain=True)
        before = psutil.Process().children()  # the broker, and what other tests have running
        with pytest.raises(ZeroDivisionError):
            anyio.run(run)
        assert psutil.Process().children() == before


def test_signals_to_the_group_do_not_end_the_receiver(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait(lambda: feed.feed.pid is not None)
        assert feed.feed.pid is not None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(feed.feed.pid, number)  # even before it could have learnt to ignore them
        feed.wait_subscribed()
        assert feed.story == ["Connected", "Subscribed"]


def test_stopping_takes_leave_of_the_broker(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        with FeedThread(MqttSettings(broker.url, client_id="polite")) as feed:
            feed.wait_subscribed()
            child = psutil.Process(feed.feed.pid)
        assert not child.is_running()
        assert feed.feed.pid is None
        wait_until(lambda: "Received DISCONNECT from polite" in broker.log, "the broker to read it")


def test_a_receiver_that_hangs_is_killed(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        with FeedThread(MqttSettings(broker.url)) as feed:
            feed.wait_subscribed()
            child = psutil.Process(feed.feed.pid)
            child.suspend()
        assert not child.is_running()


def test_the_receiver_does_not_outlive_a_main_process_that_is_killed(tmp_path: Path) -> None:
    parent = (
        "import sys, anyio\n"
        "from otel_tickrmeter.mqtt.feed import Feed\n"
        "from otel_tickrmeter.settings.model import MqttSettings\n"
        "from tests.support.receiving import config_for\n"
        "say = lambda event: print(feed.pid, type(event).__name__, flush=True)\n"
        "feed = Feed(config_for(MqttSettings(sys.argv[1])), deliver=print, report=say)\n"
        "anyio.run(feed.run)"
    )
    with (
        Mosquitto(tmp_path) as broker,
        subprocess.Popen([sys.executable, "-c", parent, broker.url], stdout=subprocess.PIPE) as process,
    ):
        assert process.stdout is not None
        pid = next(int(line.split()[0]) for line in process.stdout if b"Subscribed" in line)
        child = psutil.Process(pid)
        process.kill()
        child.wait(30)


def test_the_receiver_is_small_and_imports_little() -> None:
    script = (
        "import sys, otel_tickrmeter.mqtt.receiver\n"
        "print(*sorted({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names))\n"
        "print(*sorted(name for name in sys.modules if name.startswith('otel_tickrmeter.')))"
    )
    run = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    packages, ours = run.stdout.splitlines()
    loaded = {name for name in packages.split() if not name.startswith(("_", "sitecustomize"))}
    # A measurement of the tests' coverage puts itself into every process.
    assert loaded - {"coverage", "$coverage"} == {"otel_tickrmeter", "paho"}
    others = {name for name in ours.split() if name.split(".")[1] not in {"stream", "mqtt", "journal"}}
    assert others == {
        "otel_tickrmeter.settings",
        "otel_tickrmeter.settings.secret",
        "otel_tickrmeter.wall_clock",
    }


def test_nobody_listening_and_no_such_host_are_told_apart() -> None:
    for url, reason, said in (
        (f"mqtt://127.0.0.1:{free_port()}", "connection_refused", "Connection refused"),
        ("mqtt://no-such-host.invalid", "dns", "the host name does not resolve, check mqtt.broker: "),
    ):
        with FeedThread(MqttSettings(url, reconnect=SOON)) as feed:
            feed.wait(lambda feed=feed: bool(feed.story))  # type: ignore[misc]
            assert feed.story[0] == f"Refused:{reason}"
            assert said in feed.events(Refused)[0].detail


def test_subscribed_follows_connected(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()
        assert feed.events(Connected)[0].at_ns <= feed.events(Subscribed)[0].at_ns
