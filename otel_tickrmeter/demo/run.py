"""The command `otel-tickrmeter demo`: a broker, a simulated fleet and the exporter on it, in one go.

Each is a process of its own, so that the other two cannot bend what the exporter measures.
"""

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from types import MappingProxyType

from otel_tickrmeter.demo.parts import PartDiedError, Parts
from otel_tickrmeter.settings.model import DEFAULT_PORT

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_POLL_SECONDS = 0.2
_DEVICES = 300
# Timeouts show within seconds; the fleet goes on until the demo is stopped.
_REQUEST_TIMEOUT = "10s"
_FLEETS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tickrmeter": (
            *("--devices", str(_DEVICES), "--rate", "60", "--duration", "365d"),
            *("--symbols", "40", "--slow-symbols", "3", "--slow-latency", "4s", "--offline", "0.005"),
            *("--request-timeout", _REQUEST_TIMEOUT),
        ),
        "autocore": (
            *("--devices", str(_DEVICES), "--rate", "60", "--duration", "365d"),
            *("--layouts", "seed,devices", "--spikes", "0.01"),
        ),
    }
)
_DATABASE = "autocore.db"
_MONITOR_HEALTH = "/health/mqtt-monitor"
_WHEN: Mapping[str, str] = MappingProxyType(
    {
        "tickrmeter": "All devices have reported after 10 seconds, timeouts show after 20.",
        "autocore": "All devices have reported after 10 seconds, unusual sensors show after minutes.",
    }
)


class _StoppedError(Exception):
    """Somebody asked the demo to stop while it was starting."""


def demo(fleet: str, port: int | None = None) -> int:
    """Run the demo of a fleet until SIGINT, SIGTERM or SIGHUP; return the exit code: 1 when a part fails.

    Args:
        fleet: Which.
        port: Where the page is to be; without one, 9464, or any that is free.
    """
    if find_spec("amqtt") is None:
        _say("the demo needs its broker: run ./scripts/demo, or pip install 'otel-tickrmeter[demo]'")
        return 1
    stop = Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda _number, _frame: stop.set())
    broker_port = _free_port(1883)
    http_port = _free_port(DEFAULT_PORT if port is None else port)
    if port is not None and http_port != port:
        _say(f"port {port} is taken")
        return 1
    if http_port != DEFAULT_PORT and port is None:
        _say(f"port {DEFAULT_PORT} is taken: the page is at {http_port}")
    try:
        # The temporary directory is also where they run: a settings.toml here is not meant for the demo.
        with (
            TemporaryDirectory(prefix="otel-tickrmeter-demo-") as directory,
            Parts(Path(directory), _environment(fleet, directory)) as parts,
        ):
            _start(fleet, parts, broker_port, http_port, stop)
            _announce(fleet, broker_port, http_port, directory)
            while not _stopped_after_pause(stop):
                parts.check()
            print("Stopping.", flush=True)  # noqa: T201  the command's own output
    except (PartDiedError, TimeoutError) as error:
        _say(str(error))
        return 1
    except _StoppedError:
        pass
    return 0


def _start(fleet: str, parts: Parts, broker_port: int, http_port: int, stop: Event) -> None:
    # "-P": nothing is imported from where they run.
    python = (sys.executable, "-Pm")
    program = (*python, "otel_tickrmeter")
    broker = f"mqtt://{_HOST}:{broker_port}"

    def wait(ready: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not ready():
            parts.check()
            if _stopped_after_pause(stop):
                raise _StoppedError
            if time.monotonic() > deadline:
                raise TimeoutError(f"{what} was not ready within {_START_SECONDS:g} s")

    parts.start("the broker", [*python, "otel_tickrmeter.demo.broker", str(broker_port)])
    wait(lambda: _accepts(broker_port), "the broker")
    parts.start("the exporter", [*program, "run", "--broker", broker, "--listen", f"{_HOST}:{http_port}"])
    wait(lambda: _answers_ok(http_port, "/-/ready"), "the exporter")
    # Last, so that the exporter sees each exchange from its beginning.
    parts.start(
        "the simulated fleet", [*program, "simulate", "--fleet", fleet, "--broker", broker, *_FLEETS[fleet]]
    )


def _stopped_after_pause(stop: Event) -> bool:
    # Not stop.wait(): a signal handler that sets the event while this thread is inside would block for ever.
    time.sleep(_POLL_SECONDS)
    return stop.is_set()


def _environment(fleet: str, directory: str) -> dict[str, str]:
    ours = ("TICKRMETER_", "OTEL_", "MQTT_", "DATABASE_URL")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
    return kept | {
        "DATABASE_URL": f"sqlite:///{directory}/{_DATABASE}",
        f"TICKRMETER_{fleet.upper()}__ENABLED": "true",
        "TICKRMETER_AUTOCORE__LAYOUTS": '["seed", "devices"]',
        "TICKRMETER_TICKRMETER__ENABLED": str(fleet == "tickrmeter").lower(),
        "TICKRMETER_MONITORING__REQUEST_TIMEOUT": _REQUEST_TIMEOUT,
        "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "1s",
    }


def _free_port(preferred: int) -> int:
    for port in (preferred, 0):
        with socket.socket() as trial:
            # A port that only waits for old connections to be forgotten is free.
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((_HOST, port))
            except OSError:
                continue
            found: int = trial.getsockname()[1]
            return found
    raise OSError(f"no free port on {_HOST}")


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((_HOST, port), timeout=1).close()
    except OSError:
        return False
    return True


def _answers_ok(port: int, path: str) -> bool:
    connection = HTTPConnection(_HOST, port, timeout=2)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == HTTPStatus.OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _announce(fleet: str, broker_port: int, http_port: int, directory: str) -> None:
    web = f"http://{_HOST}:{http_port}"
    more = ""
    if fleet == "autocore":
        more = (
            f"  {web}{_MONITOR_HEALTH}  the same in short, for its users' own checks\n"
            f"  {directory}/{_DATABASE}  the SQLite file that fills; gone when the demo stops\n"
        )
    print(  # noqa: T201  the command's own output
        f"{_DEVICES} simulated devices talk over mqtt://{_HOST}:{broker_port}, and the exporter listens.\n"
        f"  {web}/         its page for people\n"
        f"  {web}/metrics  what Prometheus scrapes\n"
        f"  {web}/health   how it is\n{more}"
        f"{_WHEN[fleet]} Ctrl-C stops the demo.",
        flush=True,
    )


def _say(text: str) -> None:
    print(f"otel-tickrmeter demo: {text}", file=sys.stderr)  # noqa: T201  the command's own output
