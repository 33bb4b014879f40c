"""The command `otel-tickrmeter`, the same as `python -m otel_tickrmeter`."""

import os
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    # `python -m` searches the working directory before the standard library. We have been found, and nothing
    # else may come from where one happens to stand. Both modules above are loaded before Python looks there.
    try:
        here = os.getcwd()  # noqa: PTH109  pathlib may be one that lies here
    except OSError:  # it was deleted, and is not searched
        here = ""
    if sys.path[0] == here:
        del sys.path[0]

import signal
from typing import NoReturn


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


def main() -> int:
    """Run the command; return its exit code.

    Until the exporter listens to signals itself, one that asks it to stop ends it. As process 1 of a
    container it would otherwise never see it: the kernel gives process 1 no default handlers.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    from otel_tickrmeter.cli import main as run_command

    return run_command()


if __name__ == "__main__":
    sys.exit(main())
