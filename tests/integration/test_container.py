"""The image of the Containerfile, built and run for real, as locked down as its header recommends."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.integration.container_image import REVISION
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.podman import Container, Podman
from tools.server_process import free_port

# The first run on a machine makes the base and fetches the wheels.
pytestmark = pytest.mark.timeout(900)

DEVICE = "08A6F792DD5C"
REQUEST = ("STOCKPRICEUPDATE", b'{"type":"UPDATE","device":"08A6F792DD5C","symbol":"AAPL"}')
ANSWER = (DEVICE, b'{"symbol":"AAPL","price":"$211.18","type":"UPDATE"}')

LOCKED_DOWN = (
    "--read-only",
    # Podman's writable /tmp and /run, and its line in /etc/passwd, are not to be had everywhere.
    "--read-only-tmpfs=false",
    "--passwd=false",
    "--cap-drop=all",
    "--security-opt=no-new-privileges",
    "--memory=192m",
    "--pids-limit=32",
)
INSTALLED = """
import sysconfig
from importlib import metadata
found = metadata.distributions(path=[sysconfig.get_path("purelib")])
print(*sorted(f"{each.name.lower().replace('_', '-')} {each.version}" for each in found), sep="\\n")
"""
UNPRECOMPILED = """
import sys, otel_tickrmeter.app, otel_tickrmeter.cli, otel_tickrmeter.mqtt.receiver
from pathlib import Path
for module in list(sys.modules.values()):
    bytecode = getattr(module, "__cached__", None)
    if bytecode and not Path(bytecode).is_file():
        print(module.__name__)
"""


class Running:
    """The exporter in its container, with the port it serves on."""

    def __init__(self, container: Container, port: int) -> None:
        self.container = container
        self.port = port

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"http://127.0.0.1:{self.port}{path}", trust_env=False, timeout=30.0)

    def scrape(self) -> Exposition:
        return Exposition.parse(self.get("/metrics").text)

    def wait(self, condition: Callable[[], bool]) -> None:
        """Until the condition holds; refused and unready answers mean not yet."""
        deadline = time.monotonic() + 60.0
        while True:
            try:
                if condition():
                    return
            except (httpx.TransportError, KeyError):
                pass
            assert self.container.running, self.container.log
            assert time.monotonic() < deadline, self.container.log
            time.sleep(0.05)

    def wait_status(self, path: str, status: int) -> None:
        self.wait(lambda: self.get(path).status_code == status)


@contextmanager
def exporter(podman: Podman, image: str, directory: Path, broker: str) -> Iterator[Running]:
    """Everything but the port comes from a settings file that is mounted where the image looks for it."""
    settings = directory / "settings.toml"
    settings.write_text(
        f'[mqtt]\nbroker = "{broker}"\n[prometheus]\nhost = "127.0.0.1"\nrefresh_interval = "200ms"\n'
    )
    port = free_port()
    options = (
        *LOCKED_DOWN,
        f"--volume={settings}:/etc/otel-tickrmeter/settings.toml:ro",
        f"--env=TICKRMETER_PROMETHEUS__PORT={port}",
    )
    with podman.container(image, options) as container:
        yield Running(container, port)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


@pytest.fixture(scope="module")
def running(
    podman: Podman, image: str, broker: Mosquitto, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Running]:
    directory = tmp_path_factory.mktemp("settings")
    with exporter(podman, image, directory, broker.url) as started:
        started.wait_status("/-/ready", httpx.codes.OK)
        yield started


def test_a_request_and_its_answer_become_a_pair(running: Running, broker: Mosquitto) -> None:
    broker.publish([REQUEST, ANSWER])

    name = "tickrmeter_stock_update_responses_total"
    running.wait(lambda: running.scrape().value(name, device_id=DEVICE, symbol="AAPL") == 1)

    assert running.scrape().total("tickrmeter_build_info", revision=REVISION) == 1


def test_the_health_check_tells_a_server_from_none(podman: Podman, image: str, running: Running) -> None:
    assert running.container.check_health() == 0

    options = ["--entrypoint=sleep", f"--env=TICKRMETER_PROMETHEUS__PORT={free_port()}"]
    with podman.container(image, options, ["60"]) as silent:
        assert silent.check_health() == 1


def test_every_process_is_an_ordinary_user_s(running: Running) -> None:
    mine = "for status in /proc/[0-9]*/status; do grep -E '^(Name|Uid|CapBnd):' $status; done"
    processes = running.container.output("sh", "-c", mine)

    assert processes.count("otel-tickrmeter") == 1
    users = [line.split()[1:] for line in processes.splitlines() if line.startswith("Uid:")]
    assert len(users) >= 2
    assert all(user == ["65532"] * 4 for user in users)


@pytest.mark.parametrize("user", ["65532:65532", "1000660000:0"])
def test_what_is_to_be_written_can_be_by_our_user_and_by_any_in_group_0(
    podman: Podman, image: str, user: str
) -> None:
    # A volume that is made for it gets the owner that the image gives.
    options = ["--rm", "--timeout=30", *LOCKED_DOWN, f"--user={user}", "--volume=/data"]
    told = podman.run(
        "run", *options, "--entrypoint=sh", image, "-c", "touch /data/state.db && stat -c %u:%g /data"
    )
    assert told == "65532:0"
    podman.run("run", *options, image, "check-config", "--broker=mqtt://elsewhere")


def test_all_bytecode_is_there_for_a_root_that_cannot_keep_any(running: Running) -> None:
    assert running.container.output("python", "-c", UNPRECOMPILED) == ""


def test_it_has_the_libraries_of_its_bill_of_materials_and_no_others(running: Running) -> None:
    bill = json.loads(
        running.container.output("cat", "/usr/share/doc/otel-tickrmeter/otel-tickrmeter.cdx.json")
    )
    components = [bill["metadata"]["component"], *bill["components"]]
    # What the base has for itself is not in the environment.
    installed = running.container.output("python", "-c", INSTALLED).splitlines()
    assert sorted(f"{each['name']} {each['version']}" for each in components) == installed


@pytest.mark.parametrize("command", ["cc", "gcc", "python -m pip"])
def test_nothing_that_builds_or_installs_is_left_in_reach(running: Running, command: str) -> None:
    assert running.container.execute("sh", "-c", f"{command} --version").returncode != 0


def test_it_serves_without_a_broker_and_stops_as_asked(podman: Podman, image: str, tmp_path: Path) -> None:
    with exporter(podman, image, tmp_path, f"mqtt://127.0.0.1:{free_port()}") as lonely:
        lonely.wait_status("/-/healthy", httpx.codes.OK)
        lonely.wait_status("/-/ready", httpx.codes.SERVICE_UNAVAILABLE)

        # After so long it would be killed, and not exit with 0.
        assert lonely.container.stop(seconds=30) == 0, lonely.container.log
        assert lonely.container.state("OOMKilled") == "false"
        assert "Stopped" in lonely.container.log


def test_the_image_takes_other_commands_and_refuses_bad_settings(podman: Podman, image: str) -> None:
    arguments = ["run", "--rm", "--timeout=30", *LOCKED_DOWN, image, "check-config"]

    assert 'broker = "mqtt://elsewhere"' in podman.run(*arguments, "--broker=mqtt://elsewhere")
    refused = podman.try_run(*arguments, "--broker=gopher://elsewhere")
    assert refused.returncode == 2
    assert "gopher" in refused.stderr


def test_the_containerfile_keeps_to_hadolint_s_rules() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    containerfile = Path(__file__).parents[2] / "Containerfile"
    done = subprocess.run([hadolint, containerfile], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
