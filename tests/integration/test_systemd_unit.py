"""The systemd unit: as systemd's own tools judge it, and under a real systemd that runs in a container.

The container has the two capabilities that this systemd needs to set up the unit's sandbox, and no others
beyond podman's: it shares this machine's network and kernel, and must not be able to change them.
"""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.mosquitto import Mosquitto
from tests.integration.podman import Container, Podman
from tests.integration.rotel_agent import Rotel
from tools.server_process import free_port

pytestmark = pytest.mark.timeout(900)

UNIT = Path(__file__).parents[2] / "deploy" / "otel-tickrmeter.service"
PROGRAM = "/opt/otel-tickrmeter/bin/otel-tickrmeter"
SERVICE = "otel-tickrmeter"
DROP_IN = """\
[Service]
LoadCredential=mqtt-password:/etc/otel-tickrmeter/mqtt-password
Environment=TICKRMETER_MQTT__PASSWORD_FILE=%d/mqtt-password
"""


class Service:
    """The unit, in a booted systemd. `directory` is its /etc/otel-tickrmeter."""

    def __init__(self, container: Container, directory: Path, port: int) -> None:
        self._container = container
        self.directory = directory
        self.port = port

    def control(self, verb: str, *options: str) -> None:
        """Runs a systemctl command that must succeed."""
        self._container.output("systemctl", verb, *options, SERVICE)

    def property(self, name: str) -> str:
        return self._container.output("systemctl", "show", f"--property={name}", "--value", SERVICE)

    def status_of_main_process(self) -> dict[str, str]:
        text = self._container.output("cat", f"/proc/{self.property('MainPID')}/status")
        fields = (line.split(":", 1) for line in text.splitlines())
        return {name: value.strip() for name, value in fields}

    def ready(self) -> bool:
        try:
            answer = httpx.get(f"http://127.0.0.1:{self.port}/-/ready", trust_env=False, timeout=30.0)
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def wait(self, condition: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120.0  # it boots a system
        while not condition():
            assert time.monotonic() < deadline, self._container.output(
                "journalctl", "--no-pager", "-u", SERVICE
            )
            time.sleep(0.1)


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path, users={"exporter": "secret"}) as running:
        yield running


@pytest.fixture
def collector(tmp_path: Path) -> Iterator[Rotel]:
    with Rotel(tmp_path) as running:
        yield running


@pytest.fixture
def service(
    podman: Podman, image: str, tmp_path: Path, broker: Mosquitto, collector: Rotel
) -> Iterator[Service]:
    port = free_port()
    directory = tmp_path / "etc"
    directory.mkdir()
    (directory / "settings.toml").write_text(
        f'[mqtt]\nbroker = "{broker.url}"\nusername = "exporter"\n'
        f'[prometheus]\nhost = "127.0.0.1"\nport = {port}\n'
        f'[otlp]\nenabled = true\nendpoint = "http://127.0.0.1:{collector.grpc_port}"\ninterval = "500ms"\n'
        '[logging]\nfile = "/var/log/otel-tickrmeter/exporter.log"\n'
    )
    password = directory / "mqtt-password"
    password.touch(mode=0o600)
    password.write_text("secret\n")
    drop_in = tmp_path / "password.conf"
    drop_in.write_text(DROP_IN)
    # systemd leaves mount propagation to whatever started the container; credentials need it shared.
    boot = ["-c", "mount --make-rshared / && exec /sbin/init"]
    options = [
        "--systemd=always",
        "--cap-add=sys_admin,sys_ptrace",
        "--user=root",
        "--no-healthcheck",
        "--entrypoint=sh",
        f"--volume={UNIT}:/etc/systemd/system/{UNIT.name}:ro",
        f"--volume={drop_in}:/etc/systemd/system/{UNIT.name}.d/password.conf:ro",
        f"--volume={directory}:/etc/otel-tickrmeter",
    ]
    with podman.container(image, options, boot) as container:
        service = Service(container, directory, port)
        service.wait(lambda: container.execute("systemctl", "is-system-running").returncode == 0)
        yield service


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    # It also checks that the program is there.
    copy = tmp_path / UNIT.name
    copy.write_text(UNIT.read_text().replace(PROGRAM, "/bin/true"))
    verified = judged("--man=no", "verify", str(copy))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_systemd_rates_the_unit_as_safe() -> None:
    # Of 100: 12 as it is; what is left is the network it needs, and /proc.
    rated = judged("security", "--offline=true", "--threshold=15", str(UNIT))
    assert rated.returncode == 0, rated.stdout


def test_the_hardened_service_does_all_its_work(service: Service, collector: Rotel) -> None:
    service.control("start")
    service.wait(service.ready)  # so the broker took the password

    status = service.status_of_main_process()
    assert "0" not in status["Uid"].split()
    assert int(status["CapBnd"], 16) == 0
    assert status["Seccomp"] == "2"
    # gRPC's compiled code among others, under MemoryDenyWriteExecute and the filter of system calls.
    service.wait(lambda: "Name: tickrmeter.build.info\n" in collector.log)

    service.control("stop")
    assert (service.property("Result"), service.property("ExecMainStatus")) == ("success", "0")


def test_a_crash_is_followed_by_a_restart(service: Service) -> None:
    service.control("start")
    service.wait(service.ready)

    service.control("kill", "--kill-whom=main", "--signal=KILL")

    service.wait(lambda: service.property("NRestarts") == "1" and service.ready())


def test_bad_settings_are_not_tried_again(service: Service) -> None:
    with (service.directory / "settings.toml").open("a") as settings:
        settings.write("[nonsense]\n")

    service.control("start")

    service.wait(lambda: service.property("ActiveState") == "failed")
    assert (service.property("ExecMainStatus"), service.property("NRestarts")) == ("2", "0")


def judged(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
