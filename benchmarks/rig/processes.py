"""What processes use. A figure is always that of a process and all of its descendants together."""

import psutil

BYTES_PER_MB = 1e6


def cpu_seconds(pid: int) -> float:
    """CPU time used so far, user and system, to a hundredth of a second (/proc/PID/stat)."""
    total = 0.0
    for process in _tree(pid):
        times = process.cpu_times()
        total += times.user + times.system
    return total


def resident_mb(pid: int) -> float:
    """Resident memory in 10^6 bytes; what two processes share counts twice."""
    resident: int = sum(process.memory_info().rss for process in _tree(pid))
    return resident / BYTES_PER_MB


def children_resident_mb(pid: int) -> float:
    """Resident memory of the descendants alone, in 10^6 bytes."""
    resident: int = sum(process.memory_info().rss for process in _tree(pid)[1:])
    return resident / BYTES_PER_MB


def _tree(pid: int) -> list[psutil.Process]:
    process = psutil.Process(pid)
    return [process, *process.children(recursive=True)]
