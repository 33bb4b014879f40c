"""A real OpenTelemetry collector for tests: rotel, which prints every data point it receives."""

import re
import socket
import subprocess
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Self

from tests.integration.mosquitto import free_port

_START_SECONDS = 30.0
_STOP_SECONDS = 30.0
_ATTRIBUTE = re.compile(r" +-> (\S+): Str\((.*)\)")

Point = tuple[str, frozenset[tuple[str, str]]]


class Rotel:
    """One collector, running while the context lasts; `directory` is the test's own (tmp_path)."""

    def __init__(self, directory: Path) -> None:
        self.grpc_port = free_port()
        self.http_port = free_port()
        self._directory = directory
        self._log_file = directory / "rotel.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        spec = find_spec("rotel")
        assert spec is not None
        assert spec.origin is not None
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(
                [
                    Path(spec.origin).with_name("rotel-agent"),
                    "start",
                    "--exporter=blackhole",
                    "--debug-log=metrics",
                    "--debug-log-verbosity=detailed",
                    f"--otlp-grpc-endpoint=127.0.0.1:{self.grpc_port}",
                    f"--otlp-http-endpoint=127.0.0.1:{self.http_port}",
                ],
                cwd=self._directory,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not (_accepts(self.grpc_port) and _accepts(self.http_port)):
            assert self._process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)

    @property
    def log(self) -> str:
        """What it printed so far."""
        return self._log_file.read_text()

    def resource(self) -> dict[str, str]:
        """Attributes of the resource of the first push."""
        lines = self.log.splitlines()
        start = lines.index("Resource attributes:") + 1
        return dict(_attributes(lines[start:]))

    def points(self) -> dict[Point, list[str]]:
        """The last lines printed of each data point, by instrument and attributes."""
        found: dict[Point, list[str]] = {}
        name = ""
        blocks = re.split(
            r"^(?=Metric #|NumberDataPoints #|HistogramDataPoints #|ResourceMetrics #)",
            self.log,
            flags=re.MULTILINE,
        )
        for block in blocks:
            if block.startswith("Metric #"):
                name = block.partition("-> Name: ")[2].partition("\n")[0]
            elif block.startswith(("NumberDataPoints #", "HistogramDataPoints #")):
                lines = block.splitlines()[1:]
                has_attributes = lines[0] == "Data point attributes:"
                attributes = _attributes(lines[1:]) if has_attributes else []
                found[name, frozenset(attributes)] = lines
        return found


def _attributes(lines: list[str]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        match = _ATTRIBUTE.fullmatch(line)
        if match is None:
            break
        found.append((match[1], match[2]))
    return found


def _accepts(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
