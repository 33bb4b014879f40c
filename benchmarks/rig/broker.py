"""A real Mosquitto on a free port of the loopback address, while the context lasts."""

import os
from pathlib import Path

from tools.server_process import ServerProcess, accepts, free_port

_CONFIG = """\
{user}
listener {port} 127.0.0.1
allow_anonymous true
persistence false
# Whatever a slow receiver leaves waits in the broker: what is lost is then lost by the receiver.
max_queued_messages 0
max_queued_bytes 0
set_tcp_nodelay true
# Not stdout, which it would write by the block.
log_dest stderr
log_type error
log_type warning
log_type subscribe
"""


class Mosquitto(ServerProcess):
    """One broker; its files are in `directory`."""

    def __init__(self, directory: Path) -> None:
        config_file = directory / "mosquitto.conf"
        super().__init__("mosquitto", directory, ["mosquitto", "-c", str(config_file)])
        self.port = free_port()
        # Started by root it would become the user mosquitto, who cannot read our directory.
        user = "user root" if os.geteuid() == 0 else ""
        config_file.write_text(_CONFIG.format(port=self.port, user=user))

    def subscribed(self, client_id: str) -> bool:
        """Whether a client with this beginning of an id has subscribed to something."""
        return f": {client_id}" in self.log

    def _up(self) -> bool:
        return accepts(self.port)
