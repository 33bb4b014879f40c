"""What the blueprint of replays takes, and the clock that waits with its worker."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from otel_tickrmeter.blueprints.replay import replay_blueprint
from otel_tickrmeter.blueprints.timeline import Timeline
from otel_tickrmeter.jobs.blueprint import BlueprintParameterError, Stopped, Work, read_parameters
from tests.support.worker_process import surroundings

GOOD = {"files": ["c.gz", "old/c.gz.1"], "output": "out/metrics.txt"}


def test_parameters_have_defaults(tmp_path: Path) -> None:
    assert read_parameters(replay_blueprint(), GOOD, surroundings(tmp_path)) == {
        "files": ("c.gz", "old/c.gz.1"),
        "output": "out/metrics.txt",
        "format": "text",
        "pace": "fast",
        "until": None,
    }


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"files": []}, "files: must be a list of 1 to 1000 files"),
        ({"files": "c.gz"}, "files: must be a list of 1 to 1000 files"),
        ({"files": ["../c.gz"]}, "files: must name a file below the directory of the jobs, no part"),
        ({"files": ["a", "/etc/passwd"]}, "files: must name a file below"),
        ({"files": ["a/../../b"]}, "files: must name a file below"),
        ({"files": [17]}, "files: must name a file below"),
        ({"output": "/tmp/x"}, "output: must name a file below"),  # noqa: S108  nothing is written
        ({"output": "c.gz"}, "output: must be none of the files"),
        ({"format": "json"}, "format: must be one of text, openmetrics"),
        ({"pace": "slow"}, "pace: must be one of fast, recorded"),
        ({"until": "soon"}, "until: must be a duration"),
        ({"serve": True}, "serve: there is no such parameter"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, change: Mapping[str, Any], fault: str) -> None:
    with pytest.raises(BlueprintParameterError) as raised:
        read_parameters(replay_blueprint(), {**GOOD, **change}, surroundings(tmp_path))
    (told,) = raised.value.faults
    assert str(told).startswith(fault)


class Paused:
    """Work that is paused for a while at each checkpoint, and stopped at the last."""

    def __init__(self, *seconds: float) -> None:
        self.time = 0.0
        self.slept: list[float] = []
        self._seconds = list(seconds)

    def checkpoint(self) -> None:
        if not self._seconds:
            raise Stopped
        self.time += self._seconds.pop(0)

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds

    def timeline(self) -> Timeline:
        # Of a worker it needs the checkpoint alone.
        return Timeline(cast("Work", self), lambda: self.time, self.sleep)


def test_a_clock_stands_still_while_the_worker_is_paused() -> None:
    work = Paused(100.0, 0.0, 30.0, 0.0)
    timeline = work.timeline()
    timeline.wait_until(0.25)
    assert timeline.now == pytest.approx(0.25)
    assert work.slept == pytest.approx([0.1, 0.1, 0.05])
    assert work.time == pytest.approx(130.25)


def test_what_is_over_is_not_waited_for_but_an_order_is_obeyed() -> None:
    work = Paused(5.0)
    timeline = work.timeline()
    timeline.wait_until(-1.0)
    assert work.slept == []
    with pytest.raises(Stopped):
        timeline.wait_until(-1.0)
