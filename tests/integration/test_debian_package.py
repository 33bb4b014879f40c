"""The Debian package: built for real, offline, then installed, upgraded and purged under a real systemd."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from otel_tickrmeter import __version__
from tests.integration.container_image import base_and_wheels, cache_directory
from tests.integration.exposition import Exposition
from tests.integration.podman import Container, Podman
from tests.support.waiting import wait_until
from tools.server_process import free_port

pytestmark = pytest.mark.timeout(900)

TREE = Path(__file__).parents[2]
SETTINGS = "/etc/otel-tickrmeter/settings.toml"
UNIT = "otel-tickrmeter.service"
REVISION = "0123abcd"
# Of two versions of a configuration file that of the administrator; nothing here outlives a power cut.
INSTALL = ("dpkg", "--force-confold", "--force-unsafe-io", "--install")


@pytest.fixture(scope="module")
def base(podman: Podman) -> str:
    return base_and_wheels(podman, cache_directory())[0]


@pytest.fixture(scope="module")
def package(podman: Podman, tmp_path_factory: pytest.TempPathFactory) -> Path:
    base, wheels = base_and_wheels(podman, cache_directory())
    made = tmp_path_factory.mktemp("package")
    podman.run(
        "run",
        "--rm",
        "--network=none",
        f"--volume={TREE}:/tree:ro",
        # What this machine installed is not for the container.
        "--tmpfs=/tree/.venv",
        f"--volume={wheels}:/wheels:ro",
        f"--volume={made}:/made",
        "--env=PIP_NO_INDEX=1",
        "--env=PIP_FIND_LINKS=/wheels",
        f"--env=REVISION={REVISION}",
        # A third of the size: what more libraries would do is no different.
        "--env=EXTRAS=",
        # Small is for those who keep it.
        "--env=DPKG_DEB_COMPRESSOR_TYPE=none",
        base,
        *("/tree/scripts/package", "deb", "/made"),
    )
    (file,) = made.iterdir()
    return file


@pytest.fixture(scope="module")
def machine(podman: Podman, base: str, package: Path) -> Iterator[Container]:
    """A booted system that has the package at /made, with the capabilities that the unit's sandbox needs."""
    boot = ["-c", "mount --make-rshared / && exec /sbin/init"]
    options = [
        "--systemd=always",
        "--cap-add=sys_admin,sys_ptrace",
        "--entrypoint=sh",
        f"--volume={package.parent}:/made:ro",
    ]
    with podman.container(base, options, boot) as container:
        wait_until(
            lambda: container.execute("systemctl", "is-system-running").returncode == 0, "it to boot", 120.0
        )
        yield container


def state(machine: Container, name: str) -> str:
    return machine.output("systemctl", "show", f"--property={name}", "--value", UNIT)


def installed(machine: Container, package: Path) -> None:
    machine.output(*INSTALL, f"/made/{package.name}")


def in_partitions(machine: Container, package: Path, ours: str) -> None:
    """Two partitions take the place of the one exporter that the package has started."""
    template = "/etc/systemd/system/otel-tickrmeter@.service"
    examples = "/usr/share/doc/otel-tickrmeter/examples"
    machine.output("cp", f"{examples}/otel-tickrmeter@.service", template)
    machine.output("sh", "-c", 'printf %s "$1" > "$0"', SETTINGS, f"{ours}[partition]\ncount = 2\n")
    units = [f"otel-tickrmeter@{index}" for index in range(2)]
    ports = [free_port() for _ in units]
    for index, port in enumerate(ports):
        line = f"TICKRMETER_PROMETHEUS__PORT={port}"
        machine.output("sh", "-c", 'echo "$1" > "$0"', f"/etc/otel-tickrmeter/partition-{index}.env", line)
    machine.output("systemctl", "daemon-reload")
    machine.output("systemctl", "start", *units)
    show = ("systemctl", "show", "--property=MainPID", "--value", *units)
    before = set(machine.output(*show).split())
    for index, port in enumerate(ports):
        text = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=30.0).text
        ours_is = {"partition": str(index), "partitions": "2"}
        assert Exposition.parse(text).value("tickrmeter_partition_info", **ours_is) == 1
    installed(machine, package)
    after = set(machine.output(*show).split())
    assert len(after) == 2
    assert not after & before
    machine.output("systemctl", "stop", *units)
    machine.output("sh", "-c", f"rm {template} /etc/otel-tickrmeter/partition-*.env")
    machine.output("sh", "-c", 'printf %s "$1" > "$0"', SETTINGS, ours)
    machine.output("systemctl", "daemon-reload")


def test_it_says_what_it_is_and_needs(machine: Container, package: Path) -> None:
    assert package.name.startswith(f"otel-tickrmeter_{__version__}-1_")
    fields = machine.output("dpkg-deb", "--field", f"/made/{package.name}", "Version", "Depends")
    version = machine.output("python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])")
    assert f"Version: {__version__}-1\n" in fields
    assert f"python3 (>= {version}), python3 (<< " in fields


def test_it_has_all_that_belongs_to_it(machine: Container, package: Path) -> None:
    listed = machine.output("dpkg-deb", "--contents", f"/made/{package.name}").splitlines()
    files = {line.split()[5].removeprefix(".") for line in listed if not line.startswith("d")}
    share = "/usr/share"
    assert files > {
        SETTINGS,
        f"/usr/lib/systemd/system/{UNIT}",
        "/usr/bin/otel-tickrmeter",
        f"{share}/bash-completion/completions/otel-tickrmeter",
        f"{share}/doc/otel-tickrmeter/changelog.Debian.gz",
        f"{share}/doc/otel-tickrmeter/changelog.gz",
        f"{share}/doc/otel-tickrmeter/copyright",
        f"{share}/doc/otel-tickrmeter/otel-tickrmeter.cdx.json",
        f"{share}/doc/otel-tickrmeter/examples/otel-tickrmeter.socket",
        f"{share}/man/man1/otel-tickrmeter.1.gz",
        f"{share}/otel-tickrmeter/alerts/alerts.rules.yaml",
        f"{share}/otel-tickrmeter/dashboards/tickrmeter-backend.json",
        f"{share}/otel-tickrmeter/runbooks/exporter.md",
        f"{share}/zsh/vendor-completions/_otel-tickrmeter",
    }
    assert all(line.split()[1] == "root/root" for line in listed)
    # No pip, and nothing that other libraries would like to be called by.
    commands = {name for name in files if name.startswith("/opt/otel-tickrmeter/bin/")}
    assert {re.sub(r"[\d.]+$", "", Path(name).name) for name in commands} == {"python", "otel-tickrmeter"}


def test_it_lives_and_ends_as_a_package_does(machine: Container, package: Path) -> None:
    port = free_port()
    nobody = f"mqtt://127.0.0.1:{free_port()}"
    ours = f'[mqtt]\nbroker = "{nobody}"\n[prometheus]\nhost = "127.0.0.1"\nport = {port}\n'
    write = 'mkdir -p "${0%/*}" && printf %s "$1" > "$0"'
    machine.output("sh", "-c", write, SETTINGS, ours)
    # An environment made by hand is not written over.
    machine.output("mkdir", "/opt/otel-tickrmeter")
    refused = machine.execute(*INSTALL, f"/made/{package.name}")
    assert refused.returncode != 0
    assert "/opt/otel-tickrmeter is there, and of no package" in refused.stderr
    machine.output("rmdir", "/opt/otel-tickrmeter")

    installed(machine, package)

    assert (state(machine, "ActiveState"), state(machine, "UnitFileState")) == ("active", "enabled")
    assert machine.output("cat", SETTINGS).splitlines() == ours.splitlines()
    assert machine.output("otel-tickrmeter", "--version") == f"otel-tickrmeter {__version__}"
    checked = machine.execute("sh", "-c", "cd /etc/otel-tickrmeter && otel-tickrmeter check-config")
    assert (checked.returncode, f"port = {port}" in checked.stdout) == (0, True), checked.stdout
    exposition = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False, timeout=30.0).text
    assert f'revision="{REVISION}"' in exposition
    # Nothing appears that dpkg does not know of, and nothing of it differs.
    assert machine.output("dpkg", "--verify", "otel-tickrmeter").replace(f"??5?????? c {SETTINGS}", "") == ""

    # Scripts, records of pip and bytecode do not tell where it was built.
    built_in = machine.execute("grep", "-rl", "/tmp/tmp[.]", "/opt/otel-tickrmeter")  # noqa: S108  mktemp's
    assert built_in.stdout == ""

    before = state(machine, "MainPID")
    installed(machine, package)
    assert state(machine, "ActiveState") == "active"
    assert state(machine, "MainPID") != before

    machine.output("systemctl", "disable", "--now", UNIT)
    installed(machine, package)
    assert (state(machine, "ActiveState"), state(machine, "UnitFileState")) == ("inactive", "disabled")

    in_partitions(machine, package, ours)

    machine.output("systemctl", "enable", "--now", UNIT)
    machine.output("dpkg", "--remove", "otel-tickrmeter")
    assert state(machine, "ActiveState") == "inactive"
    assert machine.execute("test", "-e", "/opt/otel-tickrmeter").returncode == 1
    assert machine.execute("test", "-e", SETTINGS).returncode == 0

    machine.output("dpkg", "--purge", "otel-tickrmeter")
    left = machine.output("find", "/etc", "/var/lib", "/var/log", "-name", "*tickrmeter*")
    assert left == ""
