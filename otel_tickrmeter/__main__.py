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

import errno
import signal
from pathlib import Path
from typing import NoReturn

_BROKEN_PIPE = 128 + signal.SIGPIPE
"""The exit code of a program whose reader has left: what a shell says of one that the signal ended."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})


def _leave(*_: object) -> NoReturn:
    sys.exit(0)


def _open_standard_streams() -> None:
    """Put the null device in the place of standard streams that we were started without.

    Else the first files and sockets would get their numbers, and what is meant for standard error.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # noqa: FBT003  the signature is Python's
    # Python's own are None then.
    sys.stdout = sys.stdout or Path(os.devnull).open("w")  # noqa: SIM115  as long as the process
    sys.stderr = sys.stderr or Path(os.devnull).open("w")  # noqa: SIM115  the same


def main() -> int:
    """Run the command; return its exit code.

    Until the exporter listens to signals itself, one that asks it to stop ends it. As process 1 of a
    container it would otherwise never see it: the kernel gives process 1 no default handlers.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _leave)
    _open_standard_streams()
    from otel_tickrmeter.cli import main as run_command

    code = _BROKEN_PIPE
    try:
        try:
            code = run_command()
        finally:
            sys.stdout.flush()
    except* BrokenPipeError:
        # Whoever read what we print has left. What Python still holds for it goes nowhere.
        _silence(1, 2)
        code = _BROKEN_PIPE
    except* OSError as group:
        full = [error for error in group.exceptions if getattr(error, "errno", None) in _FULL]
        if not full:
            raise
        print(f"otel-tickrmeter: the output cannot be written: {full[0]}", file=sys.stderr)  # noqa: T201
        _silence(1)
        code = 1
    return code


def _silence(*streams: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream)


if __name__ == "__main__":
    sys.exit(main())
