"""Progress on standard error, when that is a terminal: tqdm's bar, or a line every few seconds without it."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_LINE_SECONDS = 5.0


@contextmanager
def progress(total: int) -> Iterator[Callable[[], None]]:
    """Yield what to call once for each message of about `total`."""
    if not sys.stderr.isatty():
        yield _nothing
        return
    try:
        # An optional dependency, and only wanted here.
        from tqdm import tqdm  # noqa: PLC0415
    except ModuleNotFoundError:
        yield _lines(total)
        return
    with tqdm(total=total, unit="msg", file=sys.stderr) as bar:

        def advance() -> None:
            bar.update()

        yield advance


def _nothing() -> None:
    pass


def _lines(total: int) -> Callable[[], None]:
    done, next_line = 0, time.monotonic() + _LINE_SECONDS

    def advance() -> None:
        nonlocal done, next_line
        done += 1
        now = time.monotonic()
        if now >= next_line:
            next_line = now + _LINE_SECONDS
            print(f"{done:,} of about {total:,} messages", file=sys.stderr)  # noqa: T201  the command's own output

    return advance
