"""The program has no descriptors left, for hundreds of connections hold them: it goes on, and recovers."""

import resource
import socket
from contextlib import ExitStack
from pathlib import Path

import httpx

from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import hears, receiver_of, settings, wait_change

DESCRIPTORS = 64
CONNECTIONS = 400


def test_it_serves_and_replaces_its_receiver_and_all_is_well_when_they_are_gone(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait_ready()
        _, most = resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE)
        resource.prlimit(exporter.pid, resource.RLIMIT_NOFILE, (DESCRIPTORS, most))
        with ExitStack() as held:
            for _ in range(CONNECTIONS):
                held.enter_context(socket.create_connection(("127.0.0.1", exporter.port)))
            # By a connection of its own: an idle one may give way to the crowd at any moment.
            wanted = {"accept": "text/plain"}
            answer = httpx.get(f"{exporter.url}/metrics", headers=wanted, timeout=30.0, trust_env=False)
            assert Exposition.parse(answer.text).total("tickrmeter_build_info") == 1
            receiver_of(exporter).kill()
            exporter.wait_logged("(receiver_died)")
        wait_change(exporter, "lost", {"receiver_died"})
        exporter.wait_ready()
        hears(exporter, broker)
        lines = [line for line in exporter.log.splitlines() if " ERROR " in line]
        assert len(lines) == 1
        assert "Connections cannot be accepted: [Errno 24]" in lines[0]
