"""Real processes: how their figures add up."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import anyio
import psutil
import pytest

from otel_tickrmeter.exporter.process import ProcessSampler, SystemSample, sample_forever

BURN = """
import time
data = bytearray(50_000_000)
files = [open("/dev/null") for _ in range(100)]
while time.process_time() < 0.3:
    pass
print("burnt", flush=True)
input()
"""


@contextmanager
def burner() -> Iterator[subprocess.Popen[bytes]]:
    """A child that has used 0.3 s of CPU and holds 50 MB and 100 files, and then waits."""
    with subprocess.Popen(
        [sys.executable, "-c", BURN], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"burnt\n"
            yield process
        finally:
            process.kill()


def test_own_figures() -> None:
    sample = ProcessSampler().sample()
    me = psutil.Process()
    assert sample.process_start_time == me.create_time()
    assert 0 < sample.process_cpu_seconds <= time.process_time() + 0.1
    assert sample.process_open_fds == pytest.approx(me.num_fds(), abs=5)
    assert sample.process_resident_bytes == pytest.approx(me.memory_info().rss, rel=0.2)
    assert 0 < sample.memory_available_bytes <= sample.memory_total_bytes
    assert 0 < sample.memory_used_bytes <= sample.memory_total_bytes


def test_cpu_shares_begin_with_the_second_sample() -> None:
    sampler = ProcessSampler()
    assert sampler.sample().cpu_percent == {}
    shares = sampler.sample().cpu_percent
    assert set(shares) == {f"cpu{n}" for n in range(len(psutil.cpu_times(percpu=True)))} | {"total"}
    assert all(0 <= share <= 100 for share in shares.values())


def test_a_busy_machine_shows() -> None:
    sampler = ProcessSampler()
    sampler.sample()
    end = time.process_time() + 0.3
    while time.process_time() < end:
        pass
    assert sampler.sample().cpu_percent["total"] > 0


def test_children_are_added() -> None:
    with burner() as child:
        alone, both = ProcessSampler().sample(), ProcessSampler(lambda: [child.pid, os.getpid()]).sample()
    assert both.process_cpu_seconds - alone.process_cpu_seconds >= 0.25
    assert both.process_resident_bytes - alone.process_resident_bytes > 45_000_000
    assert both.process_open_fds - alone.process_open_fds >= 100
    assert both.process_start_time == alone.process_start_time


def test_cpu_seconds_outlive_the_child_that_used_them() -> None:
    pids: list[int] = []
    sampler = ProcessSampler(lambda: pids)
    seen = [sampler.sample()]
    for _ in range(2):
        with burner() as child:
            pids[:] = [child.pid]
            seen.append(sampler.sample())
            child.kill()
            wait_for_zombie(child.pid)
            seen.append(sampler.sample())  # dead, not yet waited for
        seen.append(sampler.sample())  # gone, and still named
        pids.clear()
        seen.append(sampler.sample())
    totals = [sample.process_cpu_seconds for sample in seen]
    assert totals == sorted(totals)
    assert 0.5 <= totals[-1] - totals[0] <= 0.6 + time.process_time() - totals[0] + 0.2
    assert seen[-1].process_open_fds == seen[0].process_open_fds


def wait_for_zombie(pid: int) -> None:
    deadline = time.monotonic() + 30
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline


def test_a_child_that_is_no_longer_named_counts_once() -> None:
    with burner() as child:
        pids = [child.pid]
        sampler = ProcessSampler(lambda: pids)
        first = sampler.sample().process_cpu_seconds
        pids.clear()
        sampler.sample()
        pids.append(child.pid)
        assert sampler.sample().process_cpu_seconds - first < 0.25


def test_a_pid_that_never_was_is_passed_over() -> None:
    assert ProcessSampler(lambda: [2**22 + 1]).sample().process_cpu_seconds > 0


def test_a_failing_read_does_not_end_the_loop() -> None:
    class Stop(Exception):  # noqa: N818  ends the loop from within, as cancellation does from without
        pass

    calls = 0

    def failing_twice() -> list[int]:
        nonlocal calls
        calls += 1
        if calls in (2, 3):
            raise OSError("planted")
        return []

    published: list[SystemSample] = []

    def publish(sample: SystemSample) -> None:
        published.append(sample)
        if len(published) == 3:
            raise Stop

    with pytest.raises(Stop):
        anyio.run(sample_forever, ProcessSampler(failing_twice), 0.001, publish)
    assert calls == 5
