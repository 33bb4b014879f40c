"""There is no more memory: the program goes on and hears, or ends and says so, or its manager learns of it.

What must not be is one that looks well and hears nothing. A limit of the address space is the sharpest one:
each request beyond it is refused, where a limit of a container or a service kills.
"""

import resource
import time
from pathlib import Path

import httpx
import psutil
import pytest

from otel_tickrmeter.mqtt.packets import MAX_PAYLOAD_BYTES
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import changes, hears, on_the_wire, receiver_of, settings, wait_change
from tests.support.service_manager import Manager, managed
from tests.support.wire import request

WATCHDOG_SECONDS = 1.0
SIGNS_MISSED = 5
CROWD = 20_000
"""New devices, for which there is no room."""


def limit(pid: int, more_bytes: int) -> None:
    """Refuse the process what goes beyond what it has now and so much more."""
    address_space = psutil.Process(pid).memory_info().vms + more_bytes
    resource.prlimit(pid, resource.RLIMIT_AS, (address_space, resource.RLIM_INFINITY))


def looks_well(exporter: Exporter) -> bool:
    try:
        return httpx.get(f"{exporter.url}/-/healthy", timeout=2.0).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def end(exporter: Exporter, manager: Manager) -> int | None:
    """Wait as a manager does that ends what gives no sign of life; the exit code, None if it lives on."""
    until = time.monotonic() + 20.0
    while time.monotonic() < until:
        if psutil.Process(exporter.pid).status() == psutil.STATUS_ZOMBIE:
            return exporter.wait_end()
        if time.monotonic() - manager.heard_at > SIGNS_MISSED * WATCHDOG_SECONDS:
            assert not looks_well(exporter)
            exporter.kill()
            return -9
        time.sleep(0.1)
    return None


@pytest.mark.parametrize("more_bytes", [0, 1_000_000, 4_000_000])
def test_without_memory_it_is_never_one_that_looks_well_and_does_not_hear(
    tmp_path: Path, more_bytes: int
) -> None:
    crowd = on_the_wire(request(0, f"{number:012X}", f"S{number % 500}") for number in range(CROWD))
    path = tmp_path / "notify"
    manage = {"NOTIFY_SOCKET": str(path), "WATCHDOG_USEC": str(round(WATCHDOG_SECONDS * 1e6))}
    with (
        managed(str(path)) as manager,
        Mosquitto(tmp_path, settings=["log_dest none"]) as broker,
        Exporter(tmp_path, settings(broker.url) | manage) as exporter,
    ):
        exporter.wait_ready()
        limit(exporter.pid, more_bytes)
        broker.publish(crowd)
        code = end(exporter, manager)
        if code is not None:
            # Its manager starts it again.
            assert code != 0
            exporter.start()
            exporter.wait_ready()
        hears(exporter, broker)


def test_a_receiver_without_memory_is_replaced(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        limit(receiver_of(exporter).pid, 0)

        def lost() -> bool:
            # What it has freed may be room for the first.
            broker.publish([("STOCKPRICEUPDATE", b"x" * MAX_PAYLOAD_BYTES)] * 500)
            return bool(changes(exporter.scrape(), "lost"))

        exporter.wait(lost, "to lose its receiver")
        wait_change(exporter, "lost", {"receiver_died"})
        exporter.wait_ready()
        hears(exporter, broker)
