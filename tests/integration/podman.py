"""Podman for tests: with settings and storage of its own, so that no registry and no service is needed."""

import hashlib
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

_SHORT_LIVED = Path("/dev/shm")  # noqa: S108  what podman makes there is for root alone
"""For what must not outlive a boot: /run is a tmpfs on most machines, this on all."""

_LONGEST_SECONDS = 280
"""After this a container is stopped even if the test that started it was killed."""


class Podman:
    """Images and containers, kept in `directory` from one run of the tests to the next.

    Containers share the network of this machine: the loopback address is where the tests' brokers listen.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        run_root = _SHORT_LIVED / f"otel-tickrmeter-{hashlib.sha256(bytes(directory)).hexdigest()[:12]}"
        containers_conf = directory / "containers.conf"
        containers_conf.write_text(
            "[containers]\n"
            'netns = "host"\n'
            # Podman's own defaults ask for more than a machine may allow.
            'default_ulimits = ["nofile=20000:20000", "nproc=4096:4096"]\n'
            "[engine]\n"
            'runtime = "runc"\n'
            # Neither systemd nor its journal is there on every machine.
            'cgroup_manager = "cgroupfs"\n'
            'events_logger = "file"\n'
            # The default is a lock in shared memory that all of root's podmen use.
            'lock_type = "file"\n'
            f'tmp_dir = "{run_root}/libpod"\n'
        )
        storage_conf = directory / "storage.conf"
        storage_conf.write_text(
            "[storage]\n"
            'driver = "overlay"\n'
            f'graphroot = "{directory}/storage"\n'
            f'runroot = "{run_root}/storage"\n'
        )
        self._environment = {
            "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(directory),
            "CONTAINERS_CONF": str(containers_conf),
            "CONTAINERS_STORAGE_CONF": str(storage_conf),
        }

    def try_run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a podman command; what it printed and its exit code are the caller's to judge."""
        return subprocess.run(
            ["podman", *arguments],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def run(self, *arguments: str) -> str:
        """Runs a podman command that must succeed; returns what it printed, stripped."""
        done = self.try_run(*arguments)
        assert done.returncode == 0, f"podman {' '.join(arguments)}: {done.returncode}\n{done.stderr}"
        return done.stdout.strip()

    @contextmanager
    def container(
        self, image: str, options: Sequence[str] = (), command: Sequence[str] = ()
    ) -> Iterator["Container"]:
        """A container in the background; it is removed at the end, running or not."""
        limit = f"--timeout={_LONGEST_SECONDS}"
        # A name of our choice, so that one which is made but does not start is removed as well.
        name = f"test-{uuid.uuid4().hex}"
        try:
            self.run("run", "--detach", f"--name={name}", limit, *options, image, *command)
            yield Container(self, name)
        finally:
            self.run("rm", "--force", "--ignore", "--time=0", name)


class Container:
    """One container, made by `Podman.container`."""

    def __init__(self, podman: Podman, name: str) -> None:
        self._podman = podman
        self._name = name

    @property
    def log(self) -> str:
        """What it wrote so far, to both of its streams."""
        done = self._podman.try_run("logs", self._name)
        return done.stdout + done.stderr

    @property
    def running(self) -> bool:
        """Whether its first process runs."""
        return self.state("Running") == "true"

    def state(self, field: str) -> str:
        """A field of what podman calls the container's state."""
        return self._podman.run("inspect", f"--format={{{{.State.{field}}}}}", self._name)

    def execute(self, *command: str, options: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Runs a command inside."""
        return self._podman.try_run("exec", *options, self._name, *command)

    def output(self, *command: str) -> str:
        """Runs a command inside that must succeed; returns what it printed, stripped."""
        return self._podman.run("exec", self._name, *command)

    def check_health(self) -> int:
        """Runs the image's health check now; 0 is healthy."""
        return self._podman.try_run("healthcheck", "run", self._name).returncode

    def stop(self, seconds: int) -> int:
        """Asks it to stop, kills it after so many seconds; returns the exit code."""
        self._podman.run("stop", f"--time={seconds}", self._name)
        return int(self.state("ExitCode"))
