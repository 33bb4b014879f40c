"""The beginning of a process that runs jobs."""

import os
import signal
from collections.abc import Iterator

import pytest

from otel_tickrmeter.jobs import shard_process


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def test_a_sandbox_that_forbids_to_give_way_forbids_no_jobs(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_more: int) -> int:
        raise PermissionError("Operation not permitted")

    def end(code: int) -> None:
        raise SystemExit(code)

    served: list[object] = []
    monkeypatch.setattr(os, "nice", forbidden)
    monkeypatch.setattr(os, "_exit", end)
    monkeypatch.setattr("anyio.run", lambda *arguments: served.append(arguments))
    with pytest.raises(SystemExit, match="0"):
        shard_process.main(["work"])
    assert len(served) == 1
