"""A real OpenTelemetry collector for tests: rotel, which prints what it receives."""

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

from tools.server_process import ServerProcess, accepts, free_port

_FIELD = re.compile(r"^ *(\S[^:\n]*?) *: (.*)$", re.MULTILINE)
_ATTRIBUTE = re.compile(r" +-> (\S+): Str\((.*)\)")

Point = tuple[str, frozenset[tuple[str, str]]]


class Rotel(ServerProcess):
    """One collector, running while the context lasts; `directory` is the test's own (tmp_path).

    It takes everything, and prints one kind.
    """

    def __init__(self, directory: Path, printed: Literal["metrics", "traces", "logs"] = "metrics") -> None:
        self.grpc_port = free_port()
        self.http_port = free_port()
        spec = find_spec("rotel")
        assert spec is not None
        assert spec.origin is not None
        command = [
            str(Path(spec.origin).with_name("rotel-agent")),
            "start",
            "--exporter=blackhole",
            f"--debug-log={printed}",
            "--debug-log-verbosity=detailed",
            f"--otlp-grpc-endpoint=127.0.0.1:{self.grpc_port}",
            f"--otlp-http-endpoint=127.0.0.1:{self.http_port}",
        ]
        super().__init__("rotel", directory, command)

    def resource(self) -> dict[str, str]:
        """Attributes of the resource of the first push."""
        lines = self.log.splitlines()
        start = lines.index("Resource attributes:") + 1
        return dict(_attributes(lines[start:]))

    def points(self) -> dict[Point, list[str]]:
        """The last lines printed of each data point, by instrument and attributes."""
        return {point: all_lines[-1] for point, all_lines in self.history().items()}

    def history(self) -> dict[Point, list[list[str]]]:
        """What was printed of each data point, in the order of arrival."""
        found: dict[Point, list[list[str]]] = {}
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
                found.setdefault((name, frozenset(attributes)), []).append(lines)
        return found

    def spans(self) -> list[tuple[dict[str, str], dict[str, str]]]:
        """The fields and the attributes of each span."""
        found = []
        for block in self.log.split("\nSpan #")[1:]:
            head, _, rest = block.partition("\nAttributes:\n")
            fields = dict(_FIELD.findall(head))
            found.append((fields, dict(_attributes(rest.splitlines()))))
        return found

    def records(self) -> list[tuple[str, str, str]]:
        """Logger, severity and body of each log record."""
        found = []
        scope = ""
        for line in self.log.splitlines():
            name, _, value = line.partition(" ")
            if name == "InstrumentationScope":
                scope = value.strip()
            elif name == "SeverityText:":
                severity = value
            elif name == "Body:":
                found.append((scope, severity, value.removeprefix("Str(").removesuffix(")")))
        return found

    def _up(self) -> bool:
        return accepts(self.grpc_port) and accepts(self.http_port)


def _attributes(lines: list[str]) -> list[tuple[str, str]]:
    found = []
    for line in lines:
        match = _ATTRIBUTE.fullmatch(line)
        if match is None:
            break
        found.append((match[1], match[2]))
    return found
