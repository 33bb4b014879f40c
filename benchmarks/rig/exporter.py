"""The exporter itself, as operators run it: `otel-tickrmeter run`, its receiving process included."""

import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path

import orjson

from tools.server_process import HttpServerProcess, free_port

_POLL_SECONDS = 0.05
_FOREIGN = ("OTEL_", "TICKRMETER_", "MQTT_")
"""Beginnings of variables that would change what is measured."""


class Exporter(HttpServerProcess):
    """One exporter with default settings but for those given; ready on entering.

    Args:
        directory: It runs there, so no settings file of somebody's working directory is found.
        broker_port: Port of its broker on the loopback address.
        settings: Settings as environment variables, without `TICKRMETER_`.
        checkout: Where else the program is taken from.
    """

    def __init__(
        self,
        directory: Path,
        broker_port: int,
        settings: Mapping[str, str],
        *,
        checkout: Path | None = None,
    ) -> None:
        port = free_port()
        own = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN)}
        if checkout is not None:
            own["PYTHONPATH"] = str(checkout)
        super().__init__(
            "exporter",
            directory,
            [
                *(sys.executable, "-m", "otel_tickrmeter", "run"),
                *("--broker", f"mqtt://127.0.0.1:{broker_port}", "--listen", f"127.0.0.1:{port}"),
            ],
            own | {f"TICKRMETER_{name}": value for name, value in settings.items()},
            port=port,
        )

    def processed(self) -> int:
        """Messages handled so far."""
        processed: int = orjson.loads(self._client.get(f"{self.url}/health").content)["messages_processed"]
        return processed

    def wait_processed(self, count: int, seconds: float) -> int:
        """Wait until `count` messages are handled in all, or the time is up; return how many are."""
        deadline = time.monotonic() + seconds
        while (done := self.processed()) < count and time.monotonic() < deadline:
            time.sleep(_POLL_SECONDS)
        return done
