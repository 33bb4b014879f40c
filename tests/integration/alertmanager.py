"""A real Alertmanager for tests: Debian's, with the project's routes and inhibitions."""

import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple, Self

import httpx
import yaml

import alerts
from alerts.windows import Windows
from tests.integration.mosquitto import free_port

SETTINGS_FILE = Path(alerts.__file__).with_name("alertmanager.yaml")

_WAITS = ("group_wait", "group_interval", "repeat_interval")
_NONE = "0s"
_START_SECONDS = 30.0
_STOP_SECONDS = 30.0


class Held(NamedTuple):
    """An alert that Alertmanager holds. `inhibited` is whether another one keeps it from being sent."""

    labels: Mapping[str, str]
    inhibited: bool


def settings_for_tests(windows: Windows, webhook_url: str) -> dict[str, Any]:
    """The project's settings, with every receiver at the webhook and waits as short as the rules' windows."""
    settings: dict[str, Any] = yaml.safe_load(SETTINGS_FILE.read_text())
    for receiver in settings["receivers"]:
        receiver["webhook_configs"] = [{"url": webhook_url}]
    for route in (settings["route"], *settings["route"]["routes"]):
        for wait in _WAITS:
            if route.get(wait, _NONE) != _NONE:
                route[wait] = windows(route[wait])
    return settings


class Alertmanager:
    """One server, running while the context lasts; it keeps everything in `directory`."""

    def __init__(self, directory: Path, settings: Mapping[str, Any]) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.log_file = directory / "alertmanager.log"
        self._data = directory / "alertmanager"
        self._config_file = directory / "alertmanager.yml"
        self._config_file.write_text(yaml.safe_dump(dict(settings)))
        self._client = httpx.Client(base_url=f"http://{self.address}", timeout=30.0, trust_env=False)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    "prometheus-alertmanager",
                    f"--config.file={self._config_file}",
                    f"--storage.path={self._data}",
                    f"--web.listen-address={self.address}",
                    "--cluster.listen-address=",  # alone
                ],
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _START_SECONDS
        while not self._ready():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"Alertmanager did not start:\n{self.log_file.read_text()}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()
        if self._process is not None:
            self._process.terminate()
            self._process.wait(_STOP_SECONDS)
            self._process = None

    def held(self) -> list[Held]:
        """Every alert that has not ended, inhibited ones included."""
        found = self._client.get("/api/v2/alerts").raise_for_status().json()
        return [Held(alert["labels"], bool(alert["status"]["inhibitedBy"])) for alert in found]

    def _ready(self) -> bool:
        try:
            return self._client.get("/-/ready").status_code == httpx.codes.OK
        except httpx.TransportError:
            return False
