"""Brokers that speak MQTT 3.1.1 only: RabbitMQ and NATS as Debian has them, and Aedes."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools.server_process import ServerProcess, accepts, free_port

ROOT = Path(__file__).parents[2]
_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"
"""Not that of sbin: as root it becomes the user rabbitmq, who cannot write into a test's directory."""


class OlderBroker(ServerProcess):
    """A broker on a free port of the loopback address, with all its files in one directory."""

    def __init__(
        self, name: str, directory: Path, command: list[str], port: int, environment: Mapping[str, str] = {}
    ) -> None:
        super().__init__(name, directory, command, {**os.environ, **environment})
        self.port = port
        self.url = f"mqtt://127.0.0.1:{port}"

    def _up(self) -> bool:
        return accepts(self.port)


class RabbitMq(OlderBroker):
    """RabbitMQ with its MQTT plugin. It answers a CONNECT of MQTT 5 by closing."""

    start_seconds = 300.0  # it takes 15 s of a core

    def __init__(self, directory: Path) -> None:
        port, distribution_port, self._names_port = free_port(), free_port(), free_port()
        for name in ("mnesia", "log"):
            (directory / name).mkdir()
        (directory / "plugins").write_text("[rabbitmq_mqtt].\n")
        (directory / "rabbitmq.conf").write_text(
            f"listeners.tcp = none\nmqtt.listeners.tcp.1 = 127.0.0.1:{port}\nmqtt.allow_anonymous = true\n"
        )
        super().__init__(
            "rabbitmq",
            directory,
            [_RABBITMQ],
            port,
            {
                "HOME": str(directory),
                "RABBITMQ_NODENAME": f"t{port}@localhost",
                "ERL_EPMD_PORT": str(self._names_port),
                "RABBITMQ_DIST_PORT": str(distribution_port),
                "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
                "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
                "RABBITMQ_FEATURE_FLAGS_FILE": str(directory / "feature_flags"),
                "RABBITMQ_MNESIA_BASE": str(directory / "mnesia"),
                "RABBITMQ_LOG_BASE": str(directory / "log"),
            },
        )

    def __exit__(self, *exception: object) -> None:
        super().__exit__(*exception)
        # Erlang's name server, which it has started, would stay.
        subprocess.run(["epmd", "-port", str(self._names_port), "-kill"], check=False, capture_output=True)


class Nats(OlderBroker):
    """NATS with JetStream, which its MQTT needs."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        config = directory / "nats.conf"
        config.write_text(
            f"server_name: test\nlisten: 127.0.0.1:{free_port()}\n"
            f'jetstream {{ store_dir: "{directory / "store"}" }}\n'
            f"mqtt {{ host: 127.0.0.1, port: {port} }}\n"
        )
        super().__init__("nats", directory, ["nats-server", "-c", str(config)], port)


class Aedes(OlderBroker):
    """Aedes, a broker for Node.js, as tests/integration/aedes/install has put it there."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        server = ROOT / "build" / "aedes" / "server.js"
        super().__init__("aedes", directory, [shutil.which("node") or "node", str(server), str(port)], port)
