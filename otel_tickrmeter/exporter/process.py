"""What the machine and this program's own processes use, sampled in the background.

A sample took 0.3 ms with one child on two CPUs, so it runs on the event loop; a scrape never waits for one.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

import anyio
import psutil
from loguru import logger


@dataclass(frozen=True, slots=True)
class SystemSample:
    """One look at the machine and at our processes together.

    `cpu_percent` is the busy share, 0 to 100, since the previous sample, by `cpu0`, `cpu1`, ... and `total`;
    empty in the first sample. `process_start_time` is that of the main process, Unix seconds.
    """

    cpu_percent: Mapping[str, float]
    memory_used_bytes: int
    memory_available_bytes: int
    memory_total_bytes: int
    process_cpu_seconds: float
    process_resident_bytes: int
    process_open_fds: int
    process_start_time: float


class _CpuTimes(NamedTuple):
    busy: float
    total: float


class ProcessSampler:
    """Samples the machine, this process, and the processes `child_pids` names at that moment.

    Args:
        child_pids: the pids of our other processes; called for each sample.
    """

    def __init__(self, child_pids: Callable[[], Iterable[int]] = tuple) -> None:
        self._child_pids = child_pids
        self._main = psutil.Process()
        self._start_time = self._main.create_time()
        self._children: dict[int, psutil.Process] = {}
        self._child_cpu_seconds: dict[int, float] = {}
        self._ended_cpu_seconds = 0.0
        self._cpu_seconds = 0.0
        self._cpu_times: list[_CpuTimes] = []

    def sample(self) -> SystemSample:
        """Read everything once.

        CPU seconds never go backwards: a child that has ended counts with what it was last seen to have
        used, and its successor is added to that.

        Raises:
            psutil.Error: this process cannot be read.
            OSError: the machine's figures cannot be read.
        """
        memory = psutil.virtual_memory()
        main_seconds, resident_bytes, open_fds = _read(self._main)
        self._follow_children()
        for pid, child in self._children.items():
            try:
                seconds, child_bytes, child_fds = _read(child)
            except psutil.Error:  # ended a moment ago: what it was last seen to have used stands
                continue
            self._child_cpu_seconds[pid] = max(seconds, self._child_cpu_seconds.get(pid, 0.0))
            resident_bytes += child_bytes
            open_fds += child_fds
        total_seconds = main_seconds + self._ended_cpu_seconds + sum(self._child_cpu_seconds.values())
        # Sums of the same figures in another order differ in the last digit: to Prometheus a counter reset.
        self._cpu_seconds = max(self._cpu_seconds, total_seconds)
        return SystemSample(
            cpu_percent=self._cpu_percent(),
            memory_used_bytes=memory.used,
            memory_available_bytes=memory.available,
            memory_total_bytes=memory.total,
            process_cpu_seconds=self._cpu_seconds,
            process_resident_bytes=resident_bytes,
            process_open_fds=open_fds,
            process_start_time=self._start_time,
        )

    def _follow_children(self) -> None:
        for pid, child in tuple(self._children.items()):
            # is_running compares start times, so a pid that was given away again is not taken for ours.
            if not child.is_running():
                del self._children[pid]
                self._ended_cpu_seconds += self._child_cpu_seconds.pop(pid, 0.0)
        for pid in set(self._child_pids()) - self._children.keys() - {self._main.pid}:
            with suppress(psutil.NoSuchProcess):
                self._children[pid] = psutil.Process(pid)

    def _cpu_percent(self) -> dict[str, float]:
        before, now = self._cpu_times, _read_cpu_times()
        self._cpu_times = now
        if len(before) != len(now):  # the first sample, or a CPU was switched on or off
            return {}
        shares = {f"cpu{n}": _share(old, new) for n, (old, new) in enumerate(zip(before, now, strict=True))}
        shares["total"] = _share(_sum(before), _sum(now))
        return shares


async def sample_forever(
    sampler: ProcessSampler, interval_seconds: float, publish: Callable[[SystemSample], None]
) -> None:
    """Publish a sample at once and then every interval; a failing read is logged once and tried again."""
    failing = False
    while True:
        try:
            sample = sampler.sample()
        except Exception as error:  # noqa: BLE001  /proc has many ways to fail, and none may stop the rest
            if not failing:
                logger.warning("The process figures cannot be read: {!r}", error)
            failing = True
        else:
            failing = False
            publish(sample)
        await anyio.sleep(interval_seconds)


def _read(process: psutil.Process) -> tuple[float, int, int]:
    with process.oneshot():
        times = process.cpu_times()
        return times.user + times.system, process.memory_info().rss, process.num_fds()


def _read_cpu_times() -> list[_CpuTimes]:
    return [_busy_and_total(times) for times in psutil.cpu_times(percpu=True)]


def _busy_and_total(times: tuple[float, ...]) -> _CpuTimes:
    # The kernel counts guest time within user and nice time as well.
    total = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
    idle = getattr(times, "idle", 0.0) + getattr(times, "iowait", 0.0)
    return _CpuTimes(total - idle, total)


def _sum(cpus: list[_CpuTimes]) -> _CpuTimes:
    return _CpuTimes(sum(cpu.busy for cpu in cpus), sum(cpu.total for cpu in cpus))


def _share(before: _CpuTimes, now: _CpuTimes) -> float:
    # iowait may run backwards (proc(5)), so the difference is kept within its bounds.
    elapsed = now.total - before.total
    return min(max(100.0 * (now.busy - before.busy) / elapsed, 0.0), 100.0) if elapsed > 0 else 0.0
