"""A real Alertmanager for tests: Debian's, with the project's routes and inhibitions."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

import alerts
from alerts.windows import Windows
from tools.server_process import HttpServerProcess, free_port

SETTINGS_FILE = Path(alerts.__file__).with_name("alertmanager.yaml")

_WAITS = ("group_wait", "group_interval", "repeat_interval")
_NONE = "0s"


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


class Alertmanager(HttpServerProcess):
    """One server, running while the context lasts; it keeps everything in `directory`."""

    def __init__(self, directory: Path, settings: Mapping[str, Any]) -> None:
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        config_file = directory / "alertmanager.yml"
        config_file.write_text(yaml.safe_dump(dict(settings)))
        command = [
            "prometheus-alertmanager",
            f"--config.file={config_file}",
            f"--storage.path={directory / 'alertmanager'}",
            f"--web.listen-address={self.address}",
            "--cluster.listen-address=",  # alone
        ]
        super().__init__("alertmanager", directory, command, port=port)

    def fire(self, alerts: Sequence[Mapping[str, str]]) -> None:
        """Tells it of alerts by their labels, as Prometheus does."""
        told = [{"labels": dict(labels)} for labels in alerts]
        self._client.post(f"{self.url}/api/v2/alerts", json=told).raise_for_status()

    def held(self) -> list[Held]:
        """Every alert that has not ended, inhibited ones included."""
        found = self._client.get(f"{self.url}/api/v2/alerts").raise_for_status().json()
        return [Held(alert["labels"], bool(alert["status"]["inhibitedBy"])) for alert in found]
