"""The job that takes the history of readings to Prometheus: as OpenMetrics text, or with OTLP (`pushed.py`).

The text grows in a file beside the one that is asked for, and gets its name when it is whole. The checkpoint
says how long that file was, and what was told last: what is behind it after a kill is cut off and told again.
"""

import fcntl
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from otel_tickrmeter.blueprints.database import (
    WINDOW,
    count_window,
    database_of,
    sensors_of_window,
    window_faults,
)
from otel_tickrmeter.blueprints.pushed import push_history
from otel_tickrmeter.fleets.autocore.exported import gauges
from otel_tickrmeter.jobs.blueprint import FILE, Blueprint, Parameter, ParameterFault, Work
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import choice

if TYPE_CHECKING:
    from otel_tickrmeter.store.engine import Database

_FILE, _OTLP = "file", "otlp"


def backfill_blueprint() -> Blueprint:
    """Backfill."""
    return Blueprint(
        "backfill",
        "Writes the history of readings for `promtool tsdb create-blocks-from openmetrics`, or pushes it.",
        (
            *WINDOW,
            Parameter("to", choice(_FILE, _OTLP), "into a file, or to where the exporter pushes", _FILE),
            Parameter("output", FILE, "the file, which must not be there yet", None),
        ),
        _work,
        resumable=True,
        check=_faults,
    )


def _faults(parameters: Mapping[str, Any], _: Surroundings) -> Sequence[ParameterFault]:
    # Whether the file is there is looked for when the work begins: of work that goes on it may be its own.
    faults = [*window_faults(parameters)]
    if parameters["to"] == _FILE and parameters["output"] is None:
        faults.append(ParameterFault("output", "must be given"))
    if parameters["to"] == _OTLP and parameters["output"] is not None:
        faults.append(ParameterFault("output", "there is no file with otlp"))
    return faults


def _work(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    if parameters["to"] == _OTLP:
        return push_history(parameters, work, gauges())
    return _write_file(parameters, work)


def _write_file(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    output = work.file(parameters["output"])
    mark = work.resumed_at or {
        "token": secrets.token_hex(4),
        "bytes": 0,
        "rows": 0,
        "total": None,
        "place": None,
    }
    # A name that no other run has: it would write into the same file.
    part = output.with_name(f"{output.name}.{mark['token']}.part")
    if work.resumed_at is not None and output.exists() and not part.exists():
        # It was killed when all was done.
        return {"bytes": output.stat().st_size, "rows": mark["total"]}
    output.parent.mkdir(parents=True, exist_ok=True)
    with _alone(part) as file:
        _refuse_taken(output, parameters)
        with database_of(work) as database:
            rows = _write(database, parameters, work, mark, file)
        os.fsync(file.fileno())
        _refuse_taken(output, parameters)  # it may have come meanwhile
        part.rename(output)
    return {"bytes": output.stat().st_size, "rows": rows}


def _refuse_taken(output: Path, parameters: Mapping[str, Any]) -> None:
    if output.exists():
        raise ValueError(f"{parameters['output']} is there already")


@contextmanager
def _alone(part: Path) -> Iterator[BinaryIO]:
    """The file; taken away when the work fails, but not when it is stopped, and may go on some day.

    Raises:
        ValueError: Another process writes it.
    """
    with os.fdopen(os.open(part, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640), "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"{part.name} is being written by another process") from None
        try:
            yield file
        except Exception:
            part.unlink(missing_ok=True)
            raise


def _write(
    database: "Database", parameters: Mapping[str, Any], work: Work, mark: Mapping[str, Any], file: BinaryIO
) -> int:
    """Write all that is left, and give the number of all readings."""
    from otel_tickrmeter.store.export import END_MARK, Place, pieces_of

    sensors = sensors_of_window(database, parameters)
    if os.fstat(file.fileno()).st_size < mark["bytes"]:
        # Somebody has taken the file away, or the machine failed.
        mark = {**mark, "bytes": 0, "rows": 0, "total": None, "place": None}
    written: int = mark["bytes"]
    rows: int = mark["rows"]
    total: int | None = mark["total"]
    if total is None:
        total = count_window(database, sensors, parameters, work)
    file.truncate(written)
    file.seek(written)
    work.report(rows, total)
    bounds = (parameters["start"], parameters["end"])
    after = None if mark["place"] is None else Place(**mark["place"])
    for piece in pieces_of(database, sensors, *bounds, gauges(), after=after):
        written += file.write(piece.text.encode())
        file.flush()
        rows += piece.readings
        total = max(total, rows)  # some have come since they were counted
        work.report(rows, total)
        place = asdict(piece.place)
        work.checkpoint({**mark, "bytes": written, "rows": rows, "total": total, "place": place})
    file.write(END_MARK.encode())
    file.flush()
    return rows
