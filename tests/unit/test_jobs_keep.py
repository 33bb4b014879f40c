"""The file in which workers outlast the exporter: what is no worker is put aside before it is used."""

import json
from pathlib import Path

import pytest

from otel_tickrmeter.jobs import keep
from otel_tickrmeter.jobs.state import Outcome, State
from otel_tickrmeter.jobs.worker import Worker

WORKERS = [
    Worker("a", "job", {"x": [1]}, "ann", "0", 1.5, State.PAUSED, current=1, total=2, checkpoint={"at": 1}),
    Worker("b", "job", {}, "bob", "3", 2.0, State.STOPPED, outcome=Outcome.FAILED, ended_at=3.0, error="no"),
]


def test_what_is_kept_is_read_again_and_holds_nothing(tmp_path: Path) -> None:
    path = tmp_path / "workers.json"
    assert keep.load(path) == []
    keep.save(path, keep.to_bytes(WORKERS))
    found = keep.load(path)
    assert [worker.holds_slot for worker in found] == [False, False]
    for worker in found:
        worker.holds_slot = True
    assert found == WORKERS


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shard", None),
        ("shard", 0),
        ("shard", "abc"),
        ("current", "1"),
        ("current", 1.5),
        ("created_at", "soon"),
        ("started_at", "soon"),
        ("parameters", None),
        ("checkpoint", []),
        ("state", "running"),
        ("outcome", "lost"),
        ("owner", 7),
        ("error", 7),
        ("colour", "red"),
    ],
)
def test_what_is_no_worker_is_put_aside(tmp_path: Path, field: str, value: object) -> None:
    path = tmp_path / "workers.json"
    told = json.loads(keep.to_bytes(WORKERS))
    told["workers"][1][field] = value
    path.write_text(json.dumps(told))
    with pytest.raises(keep.KeptError, match=r"it is workers\.unreadable now"):
        keep.load(path)
    assert not path.exists()
    assert json.loads((tmp_path / "workers.unreadable").read_bytes()) == told
