"""Replays as jobs: what they write is what the command prints."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.jobs.wire import Completed, Failed, Gone, Pause, Progress, Resume, Stop
from tests.integration.child_environment import child_environment
from tests.integration.exposition import Exposition
from tests.support.worker_process import WorkerProcess, surroundings

DEVICE = "08A6F792DD5C"
MESSAGES = "tickrmeter_messages_total"


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A worker finds no settings but those that it is told of."""
    for name in {*os.environ} - {*child_environment(measured=True)}:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def transcript(file: Path, seconds: Iterable[float]) -> None:
    """A request at each time, and an answer a little later."""
    lines = []
    for at in seconds:
        for topic, payload, later in (
            ("STOCKPRICEUPDATE", {"device": DEVICE, "symbol": "AAPL"}, 0.0),
            (DEVICE, {"symbol": "AAPL", "price": "1"}, 0.02),
        ):
            moment = f"2026-01-31T10:{int(at) // 60:02}:{at % 60 + later:09.6f}Z+0000"
            heard = {"tst": moment, "topic": topic, "qos": 0, "retain": 0, "payload": json.dumps(payload)}
            lines.append(json.dumps(heard))
    file.write_text("\n".join(lines))


def printed(directory: Path, *arguments: str) -> bytes:
    command = [sys.executable, "-m", "otel_tickrmeter", "replay", *arguments]
    environment = child_environment(measured=True)
    done = subprocess.run(command, cwd=directory, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def ended(directory: Path, settings: Iterable[str] = (), **parameters: Any) -> Completed | Failed | Gone:  # noqa: ANN401
    where = surroundings(directory, settings_files=tuple(settings))
    with WorkerProcess(where, "replay", parameters) as worker:
        return worker.end()[1]


@pytest.mark.parametrize(("form", "kind"), [("text", "lines"), ("openmetrics", "capture")])
def test_what_is_written_is_what_the_command_prints(tmp_path: Path, form: str, kind: str) -> None:
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    if kind == "capture":
        transcript(tmp_path / "lines", range(0, 90, 3))
        printed(tmp_path, "--anonymise", "jobs/heard", "lines")
    else:
        transcript(jobs / "heard", range(0, 90, 3))
    config = tmp_path / "e.toml"
    config.write_text('[metrics]\ndetail = "symbol"\n')
    end = ended(jobs, [str(config)], files=["heard"], output="made/m", format=form, until="60s")
    assert isinstance(end, Completed), end
    options = ("--config", str(config), "--until", "60s", "--format", form, "jobs/heard")
    wanted = printed(tmp_path, *options)
    assert (jobs / "made/m").read_bytes() == wanted
    assert Exposition.parse(printed(tmp_path, "jobs/heard").decode()).total(MESSAGES) == 60
    assert [each.name for each in (jobs / "made").iterdir()] == ["m"]
    size = (jobs / "heard").stat().st_size
    assert end.summary == {
        "output": "made/m",
        "bytes_read": size,
        "bytes_written": len(wanted),
        "missed": 0,
        "notes": [],
    }


def test_progress_is_of_bytes(tmp_path: Path) -> None:
    transcript(tmp_path / "heard", range(3000))
    with WorkerProcess(surroundings(tmp_path), "replay", {"files": ["heard"], "output": "m"}) as worker:
        progress, end = worker.end()
    assert isinstance(end, Completed)
    size = (tmp_path / "heard").stat().st_size
    assert {each.total for each in progress} == {size}
    assert progress[-1].current == size


def test_at_its_pace_it_can_be_paused_and_stopped(tmp_path: Path) -> None:
    transcript(tmp_path / "heard", [0, 0.2, 3500])
    given = {"files": ["heard"], "output": "m", "pace": "recorded"}
    with WorkerProcess(surroundings(tmp_path), "replay", given) as worker:
        reports = worker.reports()
        assert isinstance(next(reports), Progress)
        worker.tell(Pause("w"))
        worker.tell(Resume("w"))
        worker.tell(Pause("w"))
        worker.tell(Stop("w"))
        assert list(reports)[-1] == Gone("w")
    assert not (tmp_path / "m").exists()


def test_nothing_is_played_while_it_is_paused(tmp_path: Path) -> None:
    transcript(tmp_path / "heard", [0, 1.0])
    given = {"files": ["heard"], "output": "m", "pace": "recorded"}
    with WorkerProcess(surroundings(tmp_path), "replay", given) as worker:
        worker.tell(Pause("w"))
        time.sleep(2.5)  # as long as it would take
        assert not (tmp_path / "m").exists()
        worker.tell(Resume("w"))
        _, end = worker.end()
    assert isinstance(end, Completed)
    assert (tmp_path / "m").read_bytes() == printed(tmp_path, "heard")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (["none.gz"], "RecordingError: none.gz: No such file or directory"),
        (["way/passwd"], "ValueError: way/passwd is not below the directory of the jobs"),
        (["heard", "same"], "ValueError: output is one of the files"),
        (["nonsense"], "RecordingError: nonsense: no line holds a message"),
    ],
)
def test_what_cannot_be_played_fails(tmp_path: Path, files: list[str], message: str) -> None:
    transcript(tmp_path / "heard", [0])
    (tmp_path / "nonsense").write_text("nonsense\n")
    (tmp_path / "way").symlink_to("/etc")
    (tmp_path / "m").symlink_to("same")
    (tmp_path / "same").write_text("")
    assert ended(tmp_path, files=files, output="m") == Failed("w", message)


def test_settings_at_fault_fail(tmp_path: Path) -> None:
    transcript(tmp_path / "heard", [0])
    config = tmp_path / "e.toml"
    config.write_text("[metrics]\ndetail = 5\n")
    end = ended(tmp_path, [str(config)], files=["heard"], output="m")
    assert isinstance(end, Failed)
    assert "metrics.detail: must be one of" in end.error
