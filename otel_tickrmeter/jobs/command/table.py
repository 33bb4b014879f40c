"""What the answers look like on a terminal. Pure."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

JsonObject = Mapping[str, Any]
"""A JSON object of the interface."""

_NONE = "-"
_LONGEST_ERROR = 80


def worker_table(workers: Sequence[JsonObject]) -> str:
    """A line for each worker, below a line of headings."""
    headings = ("ID", "BLUEPRINT", "STATUS", "DONE", "OWNER", "STARTED", "ENDED", "ERROR")
    return _table(headings, [_worker_row(worker) for worker in workers])


def worker_text(worker: JsonObject) -> str:
    """All of a worker, a line for each thing known."""
    progress = worker["progress"]
    shown = {**worker, "progress": f"{progress['current']} of {progress['total']} ({_percent(progress)})"}
    return "".join(f"{name + ':':<12} {_text(value)}\n" for name, value in shown.items() if value is not None)


def blueprint_table(blueprints: Sequence[JsonObject]) -> str:
    """A line for each kind of job."""
    return _table(("BLUEPRINT", "MEANING"), [(each["name"], each["meaning"]) for each in blueprints])


def blueprint_text(blueprint: JsonObject) -> str:
    """A kind of job and its parameters."""
    rows = [
        (each["name"], "required" if each["required"] else _text(each["default"]), each["meaning"])
        for each in blueprint["parameters"]
    ]
    return f"{_plain(blueprint['meaning'])}\n\n{_table(('PARAMETER', 'DEFAULT', 'MEANING'), rows)}"


def fault_text(problem: JsonObject) -> str:
    """What a refusal says, a line for each fault."""
    faults = problem.get("faults")
    lines = faults if isinstance(faults, list) and faults else [problem.get("detail", "")]
    return "\n".join(_plain(str(line)) for line in lines)


def _worker_row(worker: JsonObject) -> tuple[str, ...]:
    return (
        worker["id"],
        worker["blueprint"],
        worker["outcome"] if worker["outcome"] == "failed" else worker["status"],
        _percent(worker["progress"]),
        worker["owner"],
        _moment(worker["started_at"]),
        _moment(worker["ended_at"]),
        _cut(worker["error"] or ""),
    )


def _cut(text: str) -> str:
    return text if len(text) <= _LONGEST_ERROR else f"{text[: _LONGEST_ERROR - 1]}…"


def _percent(progress: JsonObject) -> str:
    return f"{progress['ratio']:.0%}"


def _moment(text: str | None) -> str:
    return _NONE if text is None else text.partition(".")[0] + "Z"


def _text(value: object) -> str:
    if value is None:
        return _NONE
    return _plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _plain(text: str) -> str:
    """Nothing that speaks to the terminal."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [headings, *([_plain(cell) for cell in row] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "".join(f"{'  '.join(_cells(line, widths)).rstrip()}\n" for line in lines)


def _cells(line: Sequence[str], widths: Sequence[int]) -> Iterator[str]:
    for cell, width in zip(line, widths, strict=True):
        yield cell.ljust(width)
