"""Builds the image of the Containerfile without a registry: base and wheels are made here, and kept."""

import fcntl
import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.integration.podman import Podman

REVISION = "0123abcd"
"""The revision that the image says it was built from."""

_TREE = Path(__file__).parents[2]
# What Python's own images have, and systemd: the same image also tries the unit of deploy/.
_BASE_PACKAGES = "ca-certificates,python3,python3-pip,python3-venv,systemd-sysv"
_UNUSED = "until=24h"


def cache_directory() -> Path:
    """Where everything is kept from one run to the next; several hundred megabytes."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "otel-tickrmeter-tests"


def build_image(podman: Podman, directory: Path) -> str:
    """Builds this tree's image, from the cache in `directory` where it can; returns the image's id.

    The build itself has no network, so a fetch that the wheels should have covered fails here.
    """
    with _locked(directory), TemporaryDirectory(dir=directory) as temporary:
        base = _base(podman, Path(temporary))
        wheels = _wheels(podman, base, directory, Path(temporary))
        id_file = Path(temporary) / "id"
        podman.run(
            "build",
            # The default format has no health check.
            "--format=docker",
            "--network=none",
            "--pull=never",
            f"--build-arg=BASE={base}",
            f"--build-arg=REVISION={REVISION}",
            "--build-arg=PIP_NO_INDEX=1",
            "--build-arg=PIP_FIND_LINKS=/wheels",
            f"--volume={wheels}:/wheels:ro",
            f"--iidfile={id_file}",
            str(_TREE),
        )
        # Layers of trees that have changed since.
        podman.run("image", "prune", "--force", f"--filter={_UNUSED}")
        return id_file.read_text().strip()


def base_and_wheels(podman: Podman, directory: Path) -> tuple[str, Path]:
    """The image that ours stands on, and the wheels of what it installs, from the cache in `directory`."""
    with _locked(directory), TemporaryDirectory(dir=directory) as temporary:
        base = _base(podman, Path(temporary))
        return base, _wheels(podman, base, directory, Path(temporary))


@contextmanager
def _locked(directory: Path) -> Iterator[None]:
    """Two runs of the tests at once would make everything twice, and throw away each other's wheels."""
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _base(podman: Podman, temporary: Path) -> str:
    """The release that runs here, with its own Python."""
    release = platform.freedesktop_os_release()["VERSION_CODENAME"]
    name = f"localhost/otel-tickrmeter-base:{release}-{_digest(_BASE_PACKAGES)}"
    if podman.try_run("image", "exists", name).returncode != 0:
        root = temporary / "root.tar"
        bootstrap = ["mmdebstrap", "--variant=minbase", f"--include={_BASE_PACKAGES}", release, str(root)]
        _run_tool(bootstrap)
        podman.run("import", "--quiet", str(root), name)
    return name


def _extras() -> list[str]:
    """The optional parts that the image has."""
    found = re.search(r"^ARG EXTRAS=(\S+)$", (_TREE / "Containerfile").read_text(), re.MULTILINE)
    assert found is not None
    return found[1].split(",")


def _wheels(podman: Podman, base: str, directory: Path, temporary: Path) -> Path:
    """Everything that pip needs to install the project into the base."""
    constraints = _TREE / "constraints.txt"
    project = tomllib.loads((_TREE / "pyproject.toml").read_text())
    optional = project["project"]["optional-dependencies"]
    needed = [
        *project["build-system"]["requires"],
        *project["project"]["dependencies"],
        *(need for extra in _extras() for need in optional[extra]),
    ]
    wheels = directory / f"wheels-{_digest(base, constraints.read_text(), *needed)}"
    if not wheels.exists():
        version = podman.run(
            "run", "--rm", base, "python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"
        )
        fresh = temporary / "wheels"
        options = [f"--dest={fresh}", f"--constraint={constraints}", "--only-binary=:all:"]
        pip = [sys.executable, "-m", "pip"]
        _run_tool([*pip, "download", *options, f"--python-version={version}", *needed])
        for old in directory.glob("wheels-*"):
            shutil.rmtree(old)
        fresh.rename(wheels)
    return wheels


def _digest(*parts: str) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _run_tool(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.returncode}\n{done.stderr}"
