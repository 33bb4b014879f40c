"""What goes wrong, a function each: it begins, lasts, and is over when the context ends."""

import random
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple

import psutil

from tests.chaos import network
from tests.chaos.link import Link
from tests.chaos.lives import Lives
from tests.chaos.strangers import KINDS, Strangers, Wire
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import stopped

EXPORTER_KILLED = "exporter killed"


class Stage(NamedTuple):
    """Everything that may break; `lives` are those that the exporter had, `turn` is a good scraper's."""

    broker: Mosquitto
    link: Link
    exporter: Exporter
    chance: random.Random
    lives: Lives
    turn: threading.Lock


class Fault(NamedTuple):
    """`loses`: what is sent meanwhile may be gone, since nobody keeps it. `repeats`: it may come twice."""

    name: str
    begin: Callable[[Stage], AbstractContextManager[object]]
    loses: bool = False
    repeats: bool = False


@contextmanager
def broker_killed(stage: Stage) -> Iterator[None]:
    stage.broker.kill()
    try:
        yield
    finally:
        stage.broker.start()


@contextmanager
def broker_restarted(stage: Stage) -> Iterator[None]:
    stage.broker.stop()
    try:
        yield
    finally:
        stage.broker.start()


@contextmanager
def broker_restarted_without_sessions(stage: Stage) -> Iterator[None]:
    stage.broker.stop()
    for file in stage.broker.directory.glob("mosquitto.db*"):
        file.unlink()
    try:
        yield
    finally:
        stage.broker.start()


def broker_frozen(stage: Stage) -> AbstractContextManager[None]:
    return stopped(stage.broker.pid)


@contextmanager
def link_frozen(stage: Stage) -> Iterator[None]:
    stage.link.silence()
    try:
        yield
    finally:
        stage.link.talk()


@contextmanager
def link_half_open(stage: Stage) -> Iterator[None]:
    stage.link.swallow()
    try:
        yield
    finally:
        stage.link.mend()


@contextmanager
def acknowledgements_lost(stage: Stage) -> Iterator[None]:
    stage.link.swallow_ours()
    try:
        yield
    finally:
        stage.link.mend()


@contextmanager
def link_slow(stage: Stage) -> Iterator[None]:
    stage.link.slow_down(stage.chance.choice([0.01, 0.05, 0.2]))
    try:
        yield
    finally:
        stage.link.slow_down(0.0)


@contextmanager
def link_cut(stage: Stage) -> Iterator[None]:
    for _ in range(stage.chance.randint(1, 5)):
        stage.link.cut()
        time.sleep(stage.chance.uniform(0, 0.5))  # from one cut to the next
    yield


@contextmanager
def bytes_malformed(stage: Stage) -> Iterator[None]:
    for _ in range(3):
        stage.link.spoil(stage.chance.randbytes(stage.chance.choice([1, 2, 5, 200])))
        time.sleep(stage.chance.uniform(0, 0.3))  # from one to the next
    yield


@contextmanager
def receiver_killed(stage: Stage) -> Iterator[None]:
    for process in receivers(stage.exporter):
        process.send_signal(signal.SIGKILL)
    yield


def receiver_stopped(stage: Stage) -> AbstractContextManager[None]:
    return _stopped(receivers(stage.exporter))


def main_stopped(stage: Stage) -> AbstractContextManager[None]:
    return stopped(stage.exporter.pid)


def exporter_stopped(stage: Stage) -> AbstractContextManager[None]:
    return _stopped([psutil.Process(stage.exporter.pid), *receivers(stage.exporter)])


@contextmanager
def exporter_restarted(stage: Stage) -> Iterator[None]:
    with stage.turn:
        stage.lives.end(code=stage.exporter.stop(), saved=True)
        try:
            yield
        finally:
            stage.exporter.start()


@contextmanager
def exporter_killed(stage: Stage) -> Iterator[None]:
    with stage.turn:
        # With it, or its receiver is told that nobody is there, and takes leave of the broker.
        for process in receivers(stage.exporter):
            process.kill()
        stage.exporter.kill()
        stage.lives.end(code=0, saved=False)
        try:
            yield
        finally:
            stage.exporter.start()


@contextmanager
def _stopped(processes: list[psutil.Process]) -> Iterator[None]:
    for process in processes:
        process.suspend()
    try:
        yield
    finally:
        for process in processes:
            # It may have been replaced meanwhile.
            if process.is_running():
                process.resume()


def receivers(exporter: Exporter) -> list[psutil.Process]:
    """The receiving process, when there is one just now."""
    return psutil.Process(exporter.pid).children()


def network_lossy(stage: Stage) -> AbstractContextManager[None]:
    return network.lossy(stage.link.port, stage.chance.choice([0.05, 0.2, 0.4]))


def network_gone(stage: Stage) -> AbstractContextManager[None]:
    return network.lossy(stage.link.port, 1.0)


def network_narrow(stage: Stage) -> AbstractContextManager[None]:
    return network.narrow(stage.link.port, stage.chance.choice([50, 200, 1000]))


def strangers(kind: Callable[[random.Random], Iterator[Wire]], stage: Stage) -> Strangers:
    # A chance of their own, for they have a thread of their own.
    chance = random.Random(stage.chance.random())  # noqa: S311  the same for the same seed
    return Strangers(stage.broker, lambda: kind(chance))


FAULTS = (
    # What the broker had not handed over is lost with it; the fleet sends again what was not confirmed.
    Fault("broker killed", broker_killed, loses=True, repeats=True),
    Fault("broker restarted", broker_restarted, repeats=True),
    Fault(
        "broker restarted without its sessions", broker_restarted_without_sessions, loses=True, repeats=True
    ),
    Fault("broker frozen", broker_frozen),
    Fault("link frozen", link_frozen),
    Fault("link half-open", link_half_open),
    Fault("acknowledgements lost", acknowledgements_lost),
    Fault("link slow", link_slow),
    Fault("link cut", link_cut),
    Fault("malformed bytes", bytes_malformed),
    # It takes with it what it knew of the session, so what was not acknowledged counts again, and what it has
    # read and not handed over: up to 50 ms. One that stands still for 15 s is killed, too.
    Fault("receiver killed", receiver_killed, loses=True, repeats=True),
    Fault("receiver stopped", receiver_stopped, loses=True, repeats=True),
    Fault("main process stopped", main_stopped),
    Fault("exporter stopped", exporter_stopped),
    *(Fault(f"strangers: {kind.__name__}", partial(strangers, kind)) for kind in KINDS),
)
RESTARTS = (
    # As a receiver that is killed; nothing that it has read is lost at a stop.
    Fault("exporter restarted", exporter_restarted, repeats=True),
    Fault(EXPORTER_KILLED, exporter_killed, loses=True, repeats=True),
)
"""Of what an exporter knew, the state file has it."""
NETWORK = (
    Fault("network lossy", network_lossy),
    Fault("network gone", network_gone),
    Fault("network narrow", network_narrow),
)
"""For a run that has a network of its own."""
