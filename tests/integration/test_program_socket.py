"""The program on sockets that it is handed as systemd hands them: from descriptor 3 on."""

import re
import sys
from pathlib import Path

import httpx
import pytest

from tests.integration.exporter import Exporter
from tests.integration.program_traffic import settings
from tools.server_process import ServerError

# Opens what its first argument says, puts it where systemd would, and becomes the program.
_HAND_OVER = """\
import fcntl, os, socket, sys
# Out of the way first: one may have the number of another.
opened = eval(sys.argv[1])
moved = [fcntl.fcntl(each.fileno(), fcntl.F_DUPFD, 50) for each in opened]
for number, each in enumerate(moved, 3):
    os.dup2(each, number)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": str(len(moved)), "LISTEN_FDNAMES": "http:more"}
os.closerange(50, 60)
os.execv(sys.executable, [sys.executable, "-m", "otel_tickrmeter", *sys.argv[2:]])
"""
_LISTENING = 'socket.create_server(("127.0.0.1", 0))'
_NOBODY = "mqtt://127.0.0.1:9"
_ON = {"PROMETHEUS__SYSTEMD_SOCKET": "true"}


def handed(directory: Path, sockets: str, **more: str) -> Exporter:
    """An exporter that is handed `sockets`, a list as Python has it."""
    program = (sys.executable, "-c", _HAND_OVER, sockets)
    return Exporter(directory, settings(_NOBODY, **more), program=program)


def inherited(pid: int) -> set[str]:
    """Names of the variables that the receiver of an exporter was started with; none before it is there."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    # Until it is the receiver a child is a copy of the exporter, with what that was started with.
    receivers = [each for each in children if b"mqtt.receiver" in Path(f"/proc/{each}/cmdline").read_bytes()]
    environments = [Path(f"/proc/{each}/environ").read_bytes() for each in receivers]
    return {each.partition(b"=")[0].decode() for text in environments for each in text.split(b"\0")}


def test_it_serves_on_every_socket_and_binds_none(tmp_path: Path) -> None:
    sockets = f"[{_LISTENING}, {_LISTENING}]"
    with handed(tmp_path, sockets, **_ON) as exporter:
        exporter.wait(lambda: bool(inherited(exporter.pid)), "to start its receiver")
        assert not {name for name in inherited(exporter.pid) if name.startswith("LISTEN_")}
        ports = listening_ports(exporter.pid)
        assert len(ports) == 2
        assert exporter.port in ports
        for port in ports:
            answer = httpx.get(f"http://127.0.0.1:{port}/-/healthy", trust_env=False)
            assert answer.status_code == httpx.codes.OK
        assert exporter.stop() == 0


def test_a_socket_that_nobody_wants_is_told_of(tmp_path: Path) -> None:
    with handed(tmp_path, f"[{_LISTENING}]") as exporter:
        exporter.wait_logged("systemd handed over a socket, and prometheus.systemd_socket is false: not used")
        assert len(listening_ports(exporter.pid)) == 2


def test_without_a_socket_it_says_what_is_missing(tmp_path: Path) -> None:
    with (
        pytest.raises(ServerError, match="handed over no socket: is otel-tickrmeter"),
        Exporter(tmp_path, settings(_NOBODY, **_ON)),
    ):
        pass


@pytest.mark.parametrize(
    ("sockets", "reason"),
    [
        ("[open(os.devnull)]", "descriptor 3 (http) is no socket: Socket operation on non-socket"),
        ("[socket.socket()]", "descriptor 3 (http) is not a TCP socket that listens"),
        ("[socket.socket(type=socket.SOCK_DGRAM)]", "descriptor 3 (http) is not a TCP socket that listens"),
        ("[socket.socketpair()[0]]", "descriptor 3 (http) is not a TCP socket that listens"),
    ],
)
def test_what_nobody_can_be_served_on_is_refused(tmp_path: Path, sockets: str, reason: str) -> None:
    with pytest.raises(ServerError, match=re.escape(reason)), handed(tmp_path, sockets, **_ON):
        pass


def listening_ports(pid: int) -> set[int]:
    """TCP ports that a process listens at, as the kernel has it."""
    inodes = set()
    for link in Path(f"/proc/{pid}/fd").iterdir():
        found = re.fullmatch(r"socket:\[(\d+)\]", str(link.readlink()))
        inodes |= {found[1]} if found else set()
    rows = [line.split() for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]]
    listening = 0x0A
    return {
        int(row[1].partition(":")[2], 16) for row in rows if int(row[3], 16) == listening and row[9] in inodes
    }
