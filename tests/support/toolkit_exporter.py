"""An exporter that is built on the exporter-toolkit: Debian's node exporter, without its collectors."""

import socket
from pathlib import Path

from tools.server_process import ServerProcess, free_port


class ToolkitExporter(ServerProcess):
    """One exporter with a web configuration file, running while the context lasts, on loopback."""

    def __init__(self, directory: Path, config_file: Path) -> None:
        self.port = free_port()
        command = [
            "prometheus-node-exporter",
            f"--web.config.file={config_file}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--collector.disable-defaults",
        ]
        super().__init__("node_exporter", directory, command)

    def _up(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0
