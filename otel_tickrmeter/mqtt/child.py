"""The receiving process as its parent sees it: how it is started, told to end, and made to."""

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import anyio

STOP_SECONDS = 1.0
"""For the receiver to take leave of the broker, and again to end when it is killed."""

_PROGRAM = (
    "import sys; ours, *others = sys.argv[1:]; "
    "sys.path.insert(0, ours); import otel_tickrmeter; sys.path[:] = sys.path[1:] + others; "
    "from otel_tickrmeter.mqtt.receiver import main; sys.exit(main())"
)


def command() -> list[str]:
    """What to start: an interpreter that imports nothing from where one happens to stand.

    `python -m` searches the working directory before everything else, and PYTHONPATH comes next: a
    `select.py` there ran in the receiver. Isolated (`-I`), it searches neither. This package may lie where
    only we were told to look (a checkout), while another copy of it is installed: it is taken from its own
    place, which is then forgotten. Those of paho, orjson and Kafka's client are searched last, where nothing
    can stand for a module of the standard library.
    """
    others = dict.fromkeys((*_places("paho"), *_places("orjson"), *_places("confluent_kafka")))
    return [sys.executable, "-I", "-c", _PROGRAM, *_places("otel_tickrmeter"), *others]


def start(channel: socket.socket) -> subprocess.Popen[bytes]:
    """Start a receiver with `channel` for its standard input.

    Raises:
        OSError: It cannot be started: no memory, no more processes.
    """
    with _signals_blocked():
        return subprocess.Popen(  # noqa: S603  our own interpreter, our own module
            command(), stdin=channel.fileno(), stdout=subprocess.DEVNULL
        )


async def stop(child: subprocess.Popen[bytes]) -> None:
    """Wait for a receiver whose channel is closed. It ignores SIGTERM, so a late one is killed.

    One that is killed and still does not end (it waits for a disk, uninterruptible) is left to itself.
    """
    if not await _ended(child):
        child.kill()
        await _ended(child)


async def _ended(child: subprocess.Popen[bytes]) -> bool:
    with anyio.move_on_after(STOP_SECONDS):
        while child.poll() is None:  # noqa: ASYNC110  a process that ends sets no event
            await anyio.sleep(0.01)
    return child.poll() is not None


def _places(package: str) -> list[str]:
    """The directories that hold a package: one, or none when it is missing."""
    spec = find_spec(package)
    found = () if spec is None else spec.submodule_search_locations or ()
    return [str(Path(place).parent) for place in found]


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """A process started inside begins with these signals blocked, until it has learnt to ignore them."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
