"""The systemd unit: as systemd's own tools judge it, and under a real systemd that runs in a container.

The container has the two capabilities that this systemd needs to set up the unit's sandbox, and no others
beyond podman's: it shares this machine's network and kernel, and must not be able to change them.
"""

import os
import ssl
import subprocess
import time
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any

import bcrypt
import httpx
import pytest

from tests.integration.mosquitto import Mosquitto
from tests.integration.podman import Container, Podman
from tests.integration.rotel_agent import Rotel
from tests.support.certificates import Authority
from tests.support.job_desk import TOKENS, write_tokens
from tools.job_client import ask_for_jobs
from tools.server_process import accepts, free_port

pytestmark = pytest.mark.timeout(900)

UNIT = Path(__file__).parents[2] / "deploy" / "otel-tickrmeter.service"
SOCKET = UNIT.with_suffix(".socket")
PROGRAM = "/opt/otel-tickrmeter/bin/otel-tickrmeter"
SERVICE = "otel-tickrmeter"
DROP_IN = """\
[Service]
LoadCredential=mqtt-password:/etc/otel-tickrmeter/mqtt-password
Environment=TICKRMETER_MQTT__PASSWORD_FILE=%d/mqtt-password
"""


class Service:
    """The unit, in a booted systemd. `directory` is its /etc/otel-tickrmeter.

    It serves over TLS, by a certificate for localhost, to clients with a certificate and a password.
    """

    def __init__(self, container: Container, directory: Path, port: int, context: ssl.SSLContext) -> None:
        self._context = context
        self._container = container
        self.directory = directory
        self.port = port

    def control(self, verb: str, *options: str, unit: str = SERVICE) -> None:
        """Runs a systemctl command that must succeed."""
        self._container.output("systemctl", verb, *options, unit)

    def property(self, name: str) -> str:
        return self._container.output("systemctl", "show", f"--property={name}", "--value", SERVICE)

    def status_of_main_process(self) -> dict[str, str]:
        text = self._container.output("cat", f"/proc/{self.property('MainPID')}/status")
        fields = (line.split(":", 1) for line in text.splitlines())
        return {name: value.strip() for name, value in fields}

    def ready(self) -> bool:
        try:
            answer = httpx.get(
                f"https://localhost:{self.port}/-/ready",
                verify=self._context,
                auth=("probe", "secret"),
                trust_env=False,
                timeout=30.0,
            )
        except httpx.TransportError:
            return False
        return answer.status_code == httpx.codes.OK

    def ask(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401  JSON
        """What the interface of jobs answers."""
        url, token = f"https://localhost:{self.port}", next(iter(TOKENS))
        status, found = ask_for_jobs(url, token, method, path, body=body, verify=self._context)
        assert status < HTTPStatus.BAD_REQUEST, found
        return found

    def nice_of_shards(self) -> list[str]:
        """How much those that run jobs give way to others."""
        # The dot in brackets: or the shell that runs this finds itself.
        found = "$(grep -la 'jobs[.]shard' /proc/[0-9]*/cmdline)"
        script = f'for each in {found}; do cut -d" " -f19 "${{each%cmdline}}stat"; done'
        return self._container.output("sh", "-c", script).split()

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
        f'[prometheus]\nhost = "127.0.0.1"\nport = {port}\nweb_config_file = "web.yml"\n'
        f'[otlp]\nenabled = true\nendpoint = "http://127.0.0.1:{collector.grpc_port}"\ninterval = "500ms"\n'
        '[logging]\nfile = "/var/log/otel-tickrmeter/exporter.log"\n'
    )
    servers, clients = Authority(directory, "servers"), Authority(directory, "clients")
    servers.issue("localhost")
    context = ssl.create_default_context(cafile=servers.ca_file)
    context.load_cert_chain(*clients.issue("probe"))
    (directory / "web.yml").write_text(
        "tls_server_config: {cert_file: localhost.pem, key_file: localhost.key, client_ca_file: clients.pem, "
        "client_auth_type: RequireAndVerifyClientCert}\n"
        f"basic_auth_users: {{probe: '{bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}'}}\n"
    )
    password = directory / "mqtt-password"
    password.touch(mode=0o600)
    password.write_text("secret\n")
    drop_in = tmp_path / "password.conf"
    drop_in.write_text(DROP_IN)
    listen = tmp_path / "listen.conf"
    listen.write_text(f"[Socket]\nListenStream=\nListenStream=127.0.0.1:{port}\n")
    # systemd leaves mount propagation to whatever started the container; credentials need it shared.
    boot = ["-c", "mount --make-rshared / && exec /sbin/init"]
    options = [
        "--systemd=always",
        "--cap-add=sys_admin,sys_ptrace",
        "--user=root",
        "--no-healthcheck",
        "--entrypoint=sh",
        f"--volume={UNIT}:/etc/systemd/system/{UNIT.name}:ro",
        f"--volume={SOCKET}:/etc/systemd/system/{SOCKET.name}:ro",
        f"--volume={listen}:/etc/systemd/system/{SOCKET.name}.d/listen.conf:ro",
        f"--volume={drop_in}:/etc/systemd/system/{UNIT.name}.d/password.conf:ro",
        f"--volume={directory}:/etc/otel-tickrmeter",
    ]
    with podman.container(image, options, boot) as container:
        service = Service(container, directory, port, context)
        service.wait(lambda: container.execute("systemctl", "is-system-running").returncode == 0)
        yield service


def test_systemd_finds_nothing_wrong_with_the_units(tmp_path: Path) -> None:
    # It also checks that the program is there.
    copies = [tmp_path / unit.name for unit in (UNIT, SOCKET)]
    for unit, copy in zip((UNIT, SOCKET), copies, strict=True):
        copy.write_text(unit.read_text().replace(PROGRAM, "/bin/true"))
    verified = judged("--man=no", "verify", *map(str, copies))
    assert (verified.returncode, verified.stdout, verified.stderr) == (0, "", "")


def test_unit_and_guide_show_the_credential_that_is_tried_here() -> None:
    commented = UNIT.read_text().replace("\n#   ", "\n")
    assert DROP_IN in commented
    assert f"```ini\n{DROP_IN}```" in (UNIT.parents[1] / "docs" / "deployment.md").read_text()


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
    # Compiled code of gRPC and OpenSSL among others, under MemoryDenyWriteExecute and the filter of calls.
    service.wait(lambda: "Name: tickrmeter.build.info\n" in collector.log)

    service.control("stop")
    assert (service.property("Result"), service.property("ExecMainStatus")) == ("success", "0")


def test_jobs_run_under_it_and_give_way(service: Service, tmp_path: Path) -> None:
    write_tokens(service.directory / "tokens").chmod(0o644)  # the service is another user
    with (service.directory / "settings.toml").open("a") as settings:
        settings.write(
            '[dagda]\nenabled = true\nshards = 1\ntokens_file = "tokens"\n'
            'directory = "/var/lib/otel-tickrmeter/dagda"\n'
        )
    (other := tmp_path / "other").mkdir()
    with Mosquitto(other) as target:
        service.control("start")
        service.wait(service.ready)
        wanted = {
            "blueprint": "simulate",
            "parameters": {"broker": target.url, "devices": 20, "rate": 60, "duration": "2s"},
            "start": True,
        }
        made = service.ask("POST", "/workers", wanted)
        service.wait(lambda: service.ask("GET", f"/workers/{made['id']}")["status"] == "completed")
    # It gives way to who has started it, however nice that is.
    assert service.nice_of_shards() == [str(min(os.nice(0) + 10, 19))]


def test_it_says_how_it_goes_and_reads_its_settings_again(service: Service) -> None:
    service.control("start")
    # With Type=notify `start` waits until it says that it is up.
    assert service.property("ActiveState") == "active"
    service.wait(lambda: service.property("StatusText") == "Connected to the broker")
    assert service.property("WatchdogUSec") == "30s"
    before = service.property("MainPID")
    settings = service.directory / "settings.toml"
    good = settings.read_text()
    settings.write_text(f"{good}[nonsense]\n")

    service.control("reload")

    service.wait(lambda: "at fault" in service.property("StatusText"))
    settings.write_text(f"{good}[monitoring]\nrequest_timeout = '9s'\n")
    service.control("reload")
    service.wait(lambda: service.property("StatusText") == "Connected to the broker")
    assert (service.property("ActiveState"), service.property("MainPID")) == ("active", before)


def test_a_crash_is_followed_by_a_restart(service: Service) -> None:
    service.control("start")
    service.wait(service.ready)

    service.control("kill", "--kill-whom=main", "--signal=KILL")

    service.wait(lambda: service.property("NRestarts") == "1" and service.ready())


def test_systemd_listens_and_a_scrape_starts_it(service: Service) -> None:
    settings = service.directory / "settings.toml"
    settings.write_text(settings.read_text().replace("port = ", "systemd_socket = true\nport = "))
    service.control("start", unit=SOCKET.name)

    assert service.property("ActiveState") == "inactive"
    service.wait(service.ready)

    # Nobody is turned away while it is started again.
    before = service.property("MainPID")
    service.control("restart", "--no-block")
    while service.property("MainPID") in {before, "0"}:
        assert accepts(service.port)
    service.wait(service.ready)


def test_bad_settings_are_not_tried_again(service: Service) -> None:
    with (service.directory / "settings.toml").open("a") as settings:
        settings.write("[nonsense]\n")

    # It fails at once, and not only later: the service never says that it is up.
    with pytest.raises(AssertionError, match="Job for otel-tickrmeter"):
        service.control("start")

    service.wait(lambda: service.property("ActiveState") == "failed")
    assert (service.property("ExecMainStatus"), service.property("NRestarts")) == ("2", "0")


def judged(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["systemd-analyze", *arguments], capture_output=True, text=True, check=False)
