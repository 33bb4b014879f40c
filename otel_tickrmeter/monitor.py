"""The AutoCore monitor as a class, for programs that run it themselves.

    monitor = MQTTMonitor(load_settings([Path("monitor.toml")], {}, os.environ, Path.cwd()))
    await monitor.start_monitoring()

It is the exporter in an event loop of the caller's: metrics, health, database and notices as the settings
have them. Whoever has messages from elsewhere hands them over.
"""

import json
import time
from collections.abc import Mapping
from typing import Any

import anyio
from loguru import logger
from paho.mqtt.client import MQTTMessage

from otel_tickrmeter.app import App
from otel_tickrmeter.blueprints.roster import blueprints
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings
from otel_tickrmeter.letters.escape import escaped
from otel_tickrmeter.logs import configure_logging
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.stream.message import Message


class MQTTMonitor:
    """Listens to a fleet, keeps the database in step, watches telemetry.

    Args:
        config: The settings; `autocore.enabled` must be true in them.
    """

    def __init__(self, config: Settings) -> None:
        kinds = blueprints() if config.dagda.enabled else {}
        self._app = App(config, configure_logging(config.logging), blueprints=kinds)
        self._prefix = config.of(AutoCoreSettings).autocore.topic_prefix
        self._stop: anyio.Event | None = None

    async def start_monitoring(self) -> None:
        """Work until `stop_monitoring`; to be called once.

        Raises:
            SpoolError: The directory that rows are to wait in cannot be used.
            JobDirectoryError: The directory of jobs cannot be used.
            ExceptionGroup: With a ListenError, when the address of the HTTP server cannot be listened on.
        """
        logger.info("MQTT Monitor service starting")
        self._stop = anyio.Event()
        await self._app.run(self._stop)

    async def stop_monitoring(self) -> None:
        """Have `start_monitoring` end: what was read is handled and written first."""
        if self._stop is not None:
            self._stop.set()

    def on_message(self, client: object, userdata: object, message: MQTTMessage) -> None:
        """Handle a message of a client of the caller's own, in the event loop; paho's callback."""
        del client, userdata
        logger.debug("Processing message on topic: {}", escaped(message.topic.encode())[1:-1])
        topic = message.topic.encode()
        self._hand_over(topic, bytes(message.payload), retain=message.retain, qos=message.qos)

    async def process_device_status(self, payload: Mapping[str, Any]) -> None:
        """Handle what a device says of itself; `device_id` names it."""
        self._process("status", payload)

    async def process_telemetry(self, payload: Mapping[str, Any]) -> None:
        """Handle readings of a device; `device_id` names it."""
        self._process("telemetry", payload)

    async def process_relay_status(self, payload: Mapping[str, Any]) -> None:
        """Handle the state of a relay; `device_id` and `relay_index` name it."""
        self._process(f"relay/{payload.get('relay_index', 0)}/status", payload)

    def _process(self, kind: str, payload: Mapping[str, Any]) -> None:
        topic = f"{self._prefix}autocore/{payload.get('device_id', '')}/{kind}"
        self._hand_over(topic.encode(), json.dumps(payload).encode())

    def _hand_over(self, topic: bytes, payload: bytes, *, retain: bool = False, qos: int = 0) -> None:
        self._app.deliver([Message(topic, payload, time.monotonic_ns(), retain, qos=qos)])
