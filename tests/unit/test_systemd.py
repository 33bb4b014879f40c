"""What the service manager is told, and when; the socket is a real one."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest

from otel_tickrmeter.systemd import manager, notify_socket
from otel_tickrmeter.systemd.manager import ServiceManager
from otel_tickrmeter.systemd.notify_socket import NotifySocket, watchdog_seconds
from tests.support.waiting import until


class Sent:
    """Notes what is sent, as it would be on the wire."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def __call__(self, **message: str | int) -> None:
        self.messages.append("\n".join(f"{name}={value}" for name, value in message.items()))

    def named(self, name: str) -> list[str]:
        return [message for message in self.messages if message.startswith(f"{name}=")]


@contextmanager
def listening(address: str) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(30)
        listener.bind(address)
        yield listener


def test_a_message_is_one_datagram(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listening(address) as listener:
        NotifySocket(address).send(READY=1, STATUS="ü, and so on")
        assert listener.recv(1000) == "READY=1\nSTATUS=ü, and so on".encode()


def test_an_abstract_address(tmp_path: Path) -> None:
    with listening(f"\0{tmp_path}") as listener:
        NotifySocket(f"@{tmp_path}").send(READY=1)
        assert listener.recv(1000) == b"READY=1"


def test_nobody_there_is_nobodys_fault(tmp_path: Path) -> None:
    NotifySocket(str(tmp_path / "nothing")).send(READY=1)
    NotifySocket("/" + "x" * 1000).send(READY=1)


def test_one_that_takes_nothing_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify_socket, "_SEND_SECONDS", 0.01)
    address = str(tmp_path / "notify")
    with listening(address) as listener:
        sender = NotifySocket(address)
        # No more than this, and one, wait at a socket.
        most = int(Path("/proc/sys/net/unix/max_dgram_qlen").read_text())
        for number in range(most + 4):
            sender.send(STATUS=number)
        for number in range(most + 1):
            assert listener.recv(100) == f"STATUS={number}".encode()
        sender.send(STATUS="again")
        assert listener.recv(100) == b"STATUS=again"


@pytest.mark.parametrize(
    ("address", "wanted"),
    [("/run/systemd/notify", True), ("@name", True), ("vsock:2:1234", False), ("", False), ("x", False)],
)
def test_only_such_a_socket_is_spoken_to(address: str, wanted: bool) -> None:  # noqa: FBT001  a case
    assert (notify_socket.notify_socket({"NOTIFY_SOCKET": address}) is not None) == wanted


def test_without_the_variable_there_is_nobody() -> None:
    assert notify_socket.notify_socket({}) is None


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "7"}, 0.5),
        # Meant for whoever started us.
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "8"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({"WATCHDOG_USEC": "", "WATCHDOG_PID": "7"}, None),
    ],
)
def test_whether_a_sign_of_life_is_expected(environ: dict[str, str], seconds: float | None) -> None:
    assert watchdog_seconds(environ, 7) == seconds


def test_a_reload_begins_at_a_time_and_ends_ready() -> None:
    sent = Sent()
    made = ServiceManager(sent, clock_ns=lambda: 12_345_678)
    made.ready()
    with made.reloading():
        sent.messages.append("...")
    made.stopping()
    reloading = "RELOADING=1\nMONOTONIC_USEC=12345"
    assert sent.messages == ["READY=1", reloading, "...", "READY=1", "STOPPING=1"]


def test_who_stops_while_it_reloads_is_not_ready_again() -> None:
    sent = Sent()
    made = ServiceManager(sent, clock_ns=lambda: 0)
    with made.reloading():
        made.stopping()
    assert sent.messages[-1] == "STOPPING=1"


def test_a_status_is_told_when_it_is_another_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manager, "STATUS_SECONDS", 0)
    sent = Sent()
    looks = 0
    statuses = ["a\nb", "a  b", "x" * 1000, "a b"]

    def status() -> str:
        nonlocal looks
        looks += 1
        return statuses[min(looks // 10, 3)]

    async def tell() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ServiceManager(sent).tell_status, status)
            await until(lambda: looks > 50)
            tasks.cancel_scope.cancel()

    anyio.run(tell)
    assert sent.messages == ["STATUS=a b", f"STATUS={'x' * 300}", "STATUS=a b"]


def test_a_loop_that_hangs_gives_no_sign_of_life() -> None:
    sent = Sent()

    async def watch() -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(ServiceManager(sent, 0.02).watch)
            await until(lambda: len(sent.messages) > 2)
            before = len(sent.messages)
            time.sleep(0.1)  # noqa: ASYNC251  so that it hangs
            assert len(sent.messages) == before
            await until(lambda: len(sent.messages) > before)
            tasks.cancel_scope.cancel()

    anyio.run(watch)
    assert set(sent.messages) == {"WATCHDOG=1"}


def test_where_no_sign_of_life_is_expected_there_is_none() -> None:
    sent = Sent()
    anyio.run(ServiceManager(sent).watch)
    assert sent.messages == []
