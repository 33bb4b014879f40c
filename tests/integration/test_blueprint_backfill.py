"""The job that writes the history, as a process of its own, on both kinds of databases."""

import re
import subprocess
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.fleets.autocore.exported import gauges
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Resume, Stop
from otel_tickrmeter.store.export import as_openmetrics
from otel_tickrmeter.store.history import sensors_of
from otel_tickrmeter.store.rows import Reading
from otel_tickrmeter.store.writer import write_batch
from tests.integration.databases import Databases, opened
from tests.integration.prometheus_server import Prometheus
from tests.support.store_rows import at
from tests.support.worker_process import WorkerProcess, in_the_middle, surroundings

SENSORS = ("humidity", "speed", "temperature", "voltage")
EACH = 6_000
ALL = len(SENSORS) * EACH
OUTPUT = {"output": "texts/history.txt"}


@pytest.fixture
def where(databases: Databases, tmp_path: Path) -> Surroundings:
    url = databases.migrated()
    with opened(url) as database:
        for key in SENSORS:
            for first in range(0, EACH, 2_000):
                numbers = range(first, first + 2_000)
                write_batch(
                    database,
                    [Reading(f"r-{n}", "board", key, n / 8, at(n / 4), at(n / 4), "u") for n in numbers],
                )
    (tmp_path / "jobs").mkdir()
    return surroundings(tmp_path / "jobs", database_url=url)


def file_of(where: Surroundings) -> Path:
    return Path(where.directory) / OUTPUT["output"]


def parts(where: Surroundings) -> list[Path]:
    return list(file_of(where).parent.glob("*.part"))


def whole(where: Surroundings, start: datetime | None = None, end: datetime | None = None) -> str:
    with opened(where.database_url) as database:
        return "".join(as_openmetrics(database, sensors_of(database), start, end, gauges()))


def failure(where: Surroundings, parameters: dict[str, Any], checkpoint: dict[str, Any] | None = None) -> str:
    with WorkerProcess(where, "backfill", parameters, checkpoint) as worker:
        _, ended = worker.end()
    assert isinstance(ended, Failed), ended
    return ended.error


def test_prometheus_takes_in_what_it_writes(where: Surroundings, tmp_path: Path) -> None:
    with WorkerProcess(where, "backfill", OUTPUT) as worker:
        progress, ended = worker.end()
    file = file_of(where)
    assert ended == Completed("w", {"bytes": file.stat().st_size, "rows": ALL})
    assert (progress[0].current, progress[0].total) == (0, ALL)
    assert (progress[-1].current, progress[-1].total) == (ALL, ALL)
    assert file.read_text() == whole(where)
    assert parts(where) == []
    blocks = ("promtool", "tsdb", "create-blocks-from", "openmetrics", file, tmp_path / "prometheus")
    subprocess.run(blocks, capture_output=True, check=True)
    moment = at(EACH / 4).timestamp()
    with Prometheus(tmp_path, [], "") as prometheus:
        names = ("humidity_ratio", "temperature_celsius", "value", "voltage_volts")
        counts = [f"sum(count_over_time(autocore_telemetry_{name}[1h]))" for name in names]
        assert prometheus.value(" + ".join(counts), moment) == ALL
        last = prometheus.value("autocore_telemetry_voltage_volts", moment)
        assert last == (EACH - 1) / 8


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_only_what_is_asked_for_is_written(where: Surroundings) -> None:
    bounds = {"start": at(10).isoformat(), "end": at(20).isoformat()}
    named = {"device": "board", "sensor": "speed"}
    with WorkerProcess(where, "backfill", {**OUTPUT, **bounds, **named}) as worker:
        _, ended = worker.end()
    assert isinstance(ended, Completed)
    assert ended.summary["rows"] == 40
    samples = [line for line in whole(where, at(10), at(20)).splitlines() if 'sensor="speed"' in line]
    assert len(samples) == 40
    assert [line for line in file_of(where).read_text().splitlines() if line[0] != "#"] == samples


def test_killed_in_the_middle_it_goes_on_at_its_checkpoint(where: Surroundings) -> None:
    with WorkerProcess(where, "backfill", OUTPUT) as worker:
        last = in_the_middle(worker)
    assert not file_of(where).exists()
    assert last.checkpoint is not None
    (part,) = parts(where)
    assert part.stat().st_size >= last.checkpoint["bytes"] > 0
    with part.open("ab") as file:
        file.write(b"half a line" * 300_000)  # whatever was written after the checkpoint, however long
    with WorkerProcess(where, "backfill", OUTPUT, last.checkpoint) as worker:
        progress, ended = worker.end()
    assert isinstance(ended, Completed)
    assert ended.summary["rows"] == ALL
    assert progress[0].current == last.checkpoint["rows"]
    assert file_of(where).read_text() == whole(where)
    # Killed once more, after it had done all: it finds that out.
    with WorkerProcess(where, "backfill", OUTPUT, last.checkpoint) as worker:
        assert worker.end() == ([], ended)


def test_stopped_it_leaves_no_file_of_that_name_and_can_go_on(where: Surroundings) -> None:
    with WorkerProcess(where, "backfill", OUTPUT) as worker:
        paused = in_the_middle(worker)
        worker.tell(Stop("w"))
        more, ended = worker.end()
    assert ended == Gone("w")
    last = (more or [paused])[-1]
    assert last.checkpoint is not None
    (part,) = parts(where)
    assert part.stat().st_size == last.checkpoint["bytes"]
    assert not file_of(where).exists()
    part.unlink()  # what is gone is written anew
    with WorkerProcess(where, "backfill", OUTPUT, last.checkpoint) as worker:
        in_the_middle(worker)
        # Paused, it has not come to its end, however quick it is.
        assert not file_of(where).exists()
        worker.tell(Resume("w"))
        _, ended = worker.end()
    assert isinstance(ended, Completed)
    assert file_of(where).read_text() == whole(where)


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_what_cannot_be_written_is_told_and_leaves_nothing(where: Surroundings) -> None:
    assert re.search("no readings of device 'none'$", failure(where, {**OUTPUT, "device": "none"}))
    assert parts(where) == []
    turned = {"start": at(1).isoformat(), "end": at(0).isoformat()}
    assert failure(where, {**OUTPUT, **turned}).endswith("end: must be after start")
    assert "a time with a zone" in failure(where, {**OUTPUT, "start": "2026-01-28T10:30:00"})
    assert "a time with a zone" in failure(where, {**OUTPUT, "end": "soon"})
    file_of(where).write_text("mine")
    assert failure(where, OUTPUT).endswith("history.txt is there already")
    assert file_of(where).read_text() == "mine"
    assert parts(where) == []


@pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
def test_a_file_that_has_come_meanwhile_is_left_as_it_is(where: Surroundings) -> None:
    with WorkerProcess(where, "backfill", OUTPUT) as worker:
        in_the_middle(worker)
        file_of(where).write_text("mine")
        worker.tell(Resume("w"))
        _, ended = worker.end()
    assert isinstance(ended, Failed), ended
    assert ended.error.endswith("history.txt is there already")
    assert file_of(where).read_text() == "mine"
    assert parts(where) == []
