"""Blocks of a Prometheus database, made by promtool from text, two hours at a time as Prometheus does."""

import math
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.backfill.fleet import Series
from benchmarks.backfill.values import Values

STEP_SECONDS = 60
_BLOCK_STEPS = 7200 // STEP_SECONDS
_END_SECONDS = 1_767_225_600
"""A fixed time in the past, at which a block ends: 2026-01-01 UTC."""


def times(minutes: int) -> range:
    """Return the Unix times of all steps, from the start of a block on."""
    count = minutes * 60 // STEP_SECONDS
    start = _END_SECONDS - math.ceil(count / _BLOCK_STEPS) * _BLOCK_STEPS * STEP_SECONDS
    return range(start, start + count * STEP_SECONDS, STEP_SECONDS)


def backfill(directory: Path, series: Iterable[Series], steps: range, last: int | None = None) -> None:
    """Add blocks with all samples of the series.

    Args:
        directory: The database, stopped or running.
        series: What to add; gone through once a block.
        steps: The times of the samples, from `times`.
        last: Only so many of the last steps.

    Raises:
        subprocess.CalledProcessError: promtool finds fault with them.
    """
    directory.mkdir(parents=True, exist_ok=True)
    values = Values(steps)
    begin = 0 if last is None else max(0, len(steps) - last)
    for first in range(0, len(steps), _BLOCK_STEPS):
        start, end = max(first, begin), min(first + _BLOCK_STEPS, len(steps))
        if start < end:
            values.part(start, end - start)
            _import(directory, (values.lines(one) for one in series))


def _import(directory: Path, texts: Iterator[bytes]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        raise FileNotFoundError("promtool is not installed")
    text = directory.with_suffix(".txt")
    try:
        with text.open("wb") as file:
            file.writelines(texts)
            file.write(b"# EOF\n")
        command = [
            promtool,
            "tsdb",
            "create-blocks-from",
            "openmetrics",
            "--quiet",
            str(text),
            str(directory),
        ]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603  Debian's promtool
    finally:
        text.unlink()
