"""Progress on standard error, when that is a terminal: tqdm's bar, or a line every few seconds without it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINE_SECONDS = 5.0


Advance = Callable[[int], None]


@contextmanager
def progress(total: int, unit: str = "msg") -> Iterator[Advance]:
    """Yield what to tell how many of about `total` are done."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    try:
        # An optional dependency, and only wanted here.
        from tqdm import tqdm  # noqa: PLC0415
    except ModuleNotFoundError:
        yield _lines(total, unit)
        return
    with tqdm(total=total, unit=unit, unit_scale=unit == "B", file=sys.stderr) as bar:

        def advance(count: int) -> None:
            bar.update(count)

        yield advance


def _nothing(_: int) -> None:
    pass


def _lines(total: int, unit: str) -> Advance:
    done, next_line = 0, time.monotonic() + _LINE_SECONDS

    def advance(count: int) -> None:
        nonlocal done, next_line
        done += count
        now = time.monotonic()
        if now >= next_line:
            next_line = now + _LINE_SECONDS
            print(f"{done:,} of about {total:,} {unit}", file=sys.stderr)  # noqa: T201  the command's own output

    return advance
