"""A real Mosquitto for tests: on a free loopback port, with its files in one directory."""

import json
import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion

from tools.server_process import ServerProcess, accepts, free_port

DYNAMIC_SECURITY_PLUGIN = next(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"), None)
"""Debian's package has it; without, `dynamic_security` fails."""


@dataclass(frozen=True, slots=True)
class ServerTls:
    """Certificate files of the broker. With `require_client` it asks for a client's certificate."""

    ca_file: Path
    cert_file: Path
    key_file: Path
    require_client: bool = False


class Mosquitto(ServerProcess):
    """One broker, running while the context lasts.

    `directory` is the test's own (tmp_path). `users` maps names to passwords; without, anyone may connect.
    `acl` is the text of an ACL file, `dynamic_security` the configuration of that plugin (it then also
    decides who may connect). `tls` applies to every listener. `settings` are further lines of mosquitto.conf.
    The port stays the same over `stop` and `start`.
    """

    def __init__(
        self,
        directory: Path,
        *,
        users: Mapping[str, str] | None = None,
        acl: str | None = None,
        dynamic_security: Mapping[str, object] | None = None,
        tls: ServerTls | None = None,
        websockets: bool = False,
        settings: Sequence[str] = (),
    ) -> None:
        config_file = directory / "mosquitto.conf"
        super().__init__("mosquitto", directory, ["mosquitto", "-v", "-c", str(config_file)])
        self.port = free_port()
        self.websockets_port = free_port() if websockets else None
        self._tls = tls
        self._users = users
        config_file.write_text(
            "\n".join([*self._access(users, acl, dynamic_security), *self._listeners(), *settings, ""])
        )

    def __exit__(self, *_: object) -> None:
        self.kill()  # it has no children, and nobody asks how it ended

    @property
    def url(self) -> str:
        """Of the MQTT listener."""
        return f"{'mqtts' if self._tls else 'mqtt'}://localhost:{self.port}"

    @property
    def websockets_url(self) -> str:
        """Of the WebSocket listener."""
        return f"{'wss' if self._tls else 'ws'}://localhost:{self.websockets_port}"

    def restart(self) -> None:
        """Stops and starts it."""
        self.stop()
        self.start()

    def publish(
        self,
        messages: Iterable[tuple[str, bytes]],
        *,
        qos: int = 1,
        retain: bool = False,
        protocol: MQTTProtocolVersion = MQTTProtocolVersion.MQTTv311,
    ) -> int:
        """Publishes over one connection, in order; returns how many, when the broker has them all.

        At QoS 0 the broker confirms nothing: then they are only sent.
        """
        client = Client(CallbackAPIVersion.VERSION2, protocol=protocol)
        client.max_queued_messages_set(0)
        if self._users:
            client.username_pw_set(*next(iter(self._users.items())))
        if self._tls:
            client.tls_set(ca_certs=str(self._tls.ca_file))
        client.connect("localhost", self.port)
        client.loop_start()
        try:
            sent = [client.publish(topic, payload, qos, retain) for topic, payload in messages]
            for info in sent:
                info.wait_for_publish(30.0)
                if not info.is_published():
                    raise TimeoutError("the broker did not take the messages")
        finally:
            client.disconnect()
            client.loop_stop()
        return len(sent)

    def allow(self, acl: str) -> None:
        """Has another ACL file in effect from now on."""
        before = self.log.count("Reloading config")
        (self.directory / "acl").write_text(acl)
        self.send(signal.SIGHUP)
        self.wait(lambda: self.log.count("Reloading config") > before, "to read it")

    def _access(
        self,
        users: Mapping[str, str] | None,
        acl: str | None,
        dynamic_security: Mapping[str, object] | None,
    ) -> list[str]:
        # Started by root it would become the user mosquitto, who cannot read a test's directory.
        lines = ["user root"] if os.geteuid() == 0 else []
        lines += ["persistence false", "max_queued_messages 0", "log_type all"]
        lines.append(f"allow_anonymous {'true' if users is None and dynamic_security is None else 'false'}")
        if users is not None:
            passwords = self.directory / "passwords"
            passwords.touch(mode=0o600)
            for name, password in users.items():
                subprocess.run(["mosquitto_passwd", "-b", str(passwords), name, password], check=True)
            lines.append(f"password_file {passwords}")
        if acl is not None:
            file = self.directory / "acl"
            file.write_text(acl)
            lines.append(f"acl_file {file}")
        if dynamic_security is not None:
            file = self.directory / "dynamic-security.json"
            file.write_text(json.dumps(dynamic_security))
            lines += [f"plugin {DYNAMIC_SECURITY_PLUGIN}", f"plugin_opt_config_file {file}"]
        return lines

    def _listeners(self) -> list[str]:
        lines = []
        for port, protocol in ((self.port, "mqtt"), (self.websockets_port, "websockets")):
            if port is None:
                continue
            lines += [f"listener {port} 127.0.0.1", f"protocol {protocol}"]
            if self._tls:
                lines += [
                    f"cafile {self._tls.ca_file}",
                    f"certfile {self._tls.cert_file}",
                    f"keyfile {self._tls.key_file}",
                    f"require_certificate {'true' if self._tls.require_client else 'false'}",
                ]
        return lines

    def _up(self) -> bool:
        return all(accepts(port) for port in (self.port, self.websockets_port) if port is not None)
