"""A real Mosquitto on a free port of the loopback address, while the context lasts."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Self

_START_SECONDS = 10.0
# Debian keeps daemons in sbin, which is not on every user's path.
_PATH = os.pathsep.join((os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin"))
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


class Mosquitto:
    """One broker; its files are in `directory`."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self._log_file = directory / "mosquitto.log"
        self._config_file = directory / "mosquitto.conf"
        # Started by root it would become the user mosquitto, who cannot read our directory.
        user = "user root" if os.geteuid() == 0 else ""
        self._config_file.write_text(_CONFIG.format(port=self.port, user=user))

    def __enter__(self) -> Self:
        program = shutil.which("mosquitto", path=_PATH)
        if program is None:
            raise FileNotFoundError("mosquitto is not installed")
        with self._log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603  Debian's mosquitto
                [program, "-c", str(self._config_file)], stdout=log, stderr=log
            )
        self._wait(lambda: accepts(self.port), "start")
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait()

    def wait_subscribed(self, client_id: str) -> None:
        """Wait until a client with this beginning of an id has subscribed to something.

        Raises:
            RuntimeError: It does not come.
        """
        self._wait(lambda: f": {client_id}" in self._log_file.read_text(), f"see {client_id} subscribe")

    def _wait(self, condition: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while not condition():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"mosquitto did not {what}:\n{self._log_file.read_text()}")
            time.sleep(0.02)


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def accepts(port: int) -> bool:
    """Whether something on the loopback address accepts connections on the port."""
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1.0):
        return True
    return False
