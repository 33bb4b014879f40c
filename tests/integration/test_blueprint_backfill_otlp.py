"""The job that pushes the history: to a real collector, and to one that refuses, fails and comes back."""

import io
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.blueprints import pushed
from otel_tickrmeter.fleets.autocore.exported import gauges
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.jobs.wire import Completed, Failed, Run, decode
from otel_tickrmeter.jobs.work import Desk
from otel_tickrmeter.store.rows import Reading
from otel_tickrmeter.store.writer import write_batch
from tests.integration.child_environment import child_environment
from tests.integration.databases import Databases, opened
from tests.integration.rotel_agent import Rotel
from tests.support.otlp_collector import Collector, running_collector
from tests.support.store_rows import at
from tests.support.worker_process import WorkerProcess, surroundings

pytestmark = pytest.mark.parametrize("databases", ["sqlite"], indirect=True)
EACH = 1_200
ALL = 2 * EACH
WINDOW: Mapping[str, None] = dict.fromkeys(("device", "sensor", "start", "end"))


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker finds no settings but those that it is told of."""
    for name in {*os.environ} - {*child_environment(measured=True)}:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def where(databases: Databases, tmp_path: Path) -> Surroundings:
    url = databases.migrated()
    with opened(url) as database:
        for key in ("humidity", "voltage"):
            rows = [Reading(f"r-{n}", "board", key, n / 8, at(n), at(n), "u") for n in range(EACH)]
            write_batch(database, rows)
    return surroundings(tmp_path, database_url=url, settings_files=(str(tmp_path / "exporter.toml"),))


def push_to(where: Surroundings, url: str, protocol: str = "http/protobuf") -> None:
    text = f'[otlp]\nendpoint = "{url}"\nprotocol = "{protocol}"\n'
    Path(where.settings_files[0]).write_text(text)


def sent(collector: Collector) -> list[tuple[str, int, float]]:
    return [
        (metric.name, point.time_unix_nano, point.as_double)
        for metric in collector.metrics()
        for point in metric.gauge.data_points
    ]


def expected() -> list[tuple[str, int, float]]:
    moments = [(n, round(at(n).timestamp() * 1000) * 1_000_000) for n in range(EACH)]
    return [
        (name, moment, n / 8 / divisor)
        for name, divisor in (
            ("autocore.telemetry.humidity.ratio", 100.0),
            ("autocore.telemetry.voltage", 1.0),
        )
        for n, moment in moments
    ]


@pytest.mark.parametrize("protocol", ["grpc", "http/protobuf"])
def test_a_collector_takes_readings_at_their_times(
    where: Surroundings, tmp_path: Path, protocol: str
) -> None:
    with Rotel(tmp_path) as rotel:
        port = rotel.grpc_port if protocol == "grpc" else rotel.http_port
        push_to(where, f"http://127.0.0.1:{port}", protocol)
        bounds = {"sensor": "voltage", "start": at(10).isoformat(), "end": at(50).isoformat()}
        with WorkerProcess(where, "backfill", {"to": "otlp", **bounds}) as worker:
            assert worker.end()[1] == Completed("w", {"samples": 40, "rows": 40})
        rotel.stop()  # it prints what it has taken before it ends
    names = frozenset({("device_id", "board")})
    history = rotel.history()["autocore.telemetry.voltage", names]
    told = [tuple(line for line in point if line.startswith(("Timestamp:", "Value:"))) for point in history]
    assert sorted(told) == [
        (f"Timestamp: {round(at(n).timestamp())}000000000", f"Value: {n / 8:g}") for n in range(10, 50)
    ]


def in_here(where: Surroundings, checkpoint: Mapping[str, Any] | None = None) -> tuple[Any, list[Any]]:
    """What the job gives in this process, and the checkpoints that it has said."""
    said = io.BytesIO()
    desk = Desk(Run("w", "backfill", {}, checkpoint, 60.0), where, said)
    try:
        return pushed.push_history(WINDOW, desk, gauges()), []
    except ValueError as error:
        desk.flush()
        lines = said.getvalue().splitlines()
        return str(error), [getattr(decode(line), "checkpoint", None) for line in lines]


def test_what_is_refused_is_sent_again_and_then_told(
    where: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushed, "_RESTS_SECONDS", (0.01, 0.01))
    with running_collector() as collector:
        push_to(where, collector.url)
        collector.status = 400
        why, _ = in_here(where)
        assert len(collector.requests) == 3
        assert why.startswith("the OTLP receiver does not take it: ")
        assert "400" in why
        collector.requests.clear()
        collector.status = 200
        assert in_here(where) == ({"samples": ALL, "rows": ALL}, [])
        assert sent(collector) == expected()


def test_stopped_by_a_failure_it_goes_on_at_what_has_arrived(
    where: Surroundings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pushed, "_RESTS_SECONDS", ())
    with running_collector() as collector:
        push_to(where, collector.url)
        collector.takes = 2
        _, checkpoints = in_here(where)
        assert checkpoints[-1]["rows"] == EACH
        del collector.requests[2:]  # what it has refused
        collector.takes = None
        assert in_here(where, checkpoints[-1])[0] == {"samples": ALL, "rows": ALL}
        assert sent(collector) == expected()


def test_without_a_receiver_it_fails_and_a_file_is_no_part_of_it(where: Surroundings, tmp_path: Path) -> None:
    Path(where.settings_files[0]).write_text("")
    for parameters, why in (
        ({"to": "otlp"}, "the exporter has no OTLP receiver: otlp.endpoint is not set"),
        ({"to": "otlp", "output": "x.txt"}, "output: there is no file with otlp"),
        ({}, "output: must be given"),
    ):
        with WorkerProcess(where, "backfill", parameters) as worker:
            _, ended = worker.end()
        assert isinstance(ended, Failed)
        assert ended.error.endswith(why)
    assert not list(tmp_path.glob("*.txt"))
