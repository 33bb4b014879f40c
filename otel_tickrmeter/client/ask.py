"""Asks an exporter's JSON interface."""

import base64
import http.client
import json
import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from otel_tickrmeter.settings.loopback import is_loopback_host

_SECONDS = 15.0
_LONGEST = 64 << 20
_OK = 200


class AskError(Exception):
    """There is no answer, in words that say what to do."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer. `content` None: it is not JSON."""

    status: int
    content: Any


class Asker:
    """Asks over one connection at a time.

    Args:
        url: Where the exporter is, such as http://127.0.0.1:9464; a path before `/api` may follow.
        user: Name and password, if it asks for them.
        ca_file: Whose certificates to trust; None: those that the system trusts.
        token: What shows who asks; it is sent over TLS, or to this machine.

    Raises:
        AskError: The address cannot be one, or the file holds no certificates, or a token would be seen.
    """

    def __init__(
        self,
        url: str,
        user: tuple[str, str] | None = None,
        ca_file: Path | None = None,
        *,
        token: str | None = None,
    ) -> None:
        try:
            parts = urlsplit(url)
            self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/")
        except ValueError:
            raise AskError(f"{url} is no address such as http://127.0.0.1:9464") from None
        if parts.scheme not in {"http", "https"} or not self._host:
            raise AskError(f"{url} is no address such as http://127.0.0.1:9464")
        self.url = url
        self._context = None
        if parts.scheme == "https":
            try:
                self._context = ssl.create_default_context(cafile=ca_file)
            except OSError as error:
                raise AskError(f"--ca-file {ca_file}: {error}") from None
        self._headers = {"Accept": "application/json"}
        if user is not None:
            credentials = base64.b64encode(":".join(user).encode()).decode()
            self._headers["Authorization"] = f"Basic {credentials}"
        if token is not None:
            if self._context is None and not is_loopback_host(self._host):
                raise AskError(f"{url} would show the token to the network: use https://")
            self._headers["Authorization"] = f"Bearer {token}"

    def get(self, path: str) -> Any:  # noqa: ANN401  whatever JSON holds
        """What is found at a path below `/api/v1/`.

        Raises:
            AskError: It cannot be had.
        """
        reply = self.send("GET", path)
        if reply.status == http.HTTPStatus.UNAUTHORIZED:
            raise AskError(f"{self.url} asks for a name and a password: --username, --password-file")
        if reply.status != _OK:
            raise AskError(f"{self.url} answers {reply.status}: is it an exporter of this version?")
        if reply.content is None:
            raise AskError(f"{self.url} does not answer with JSON: is it an exporter?")
        return reply.content

    def send(self, method: str, path: str, body: object = None) -> Reply:
        """What is answered, whatever it is; a body is sent as JSON.

        Raises:
            AskError: There is no answer.
        """
        try:
            status, raw = self._fetch(method, f"{self._path}/api/v1/{path}", body)
        except (OSError, http.client.HTTPException) as error:
            raise AskError(f"{self.url} does not answer: {error}") from None
        try:
            return Reply(status, json.loads(raw))
        except (ValueError, RecursionError):
            return Reply(status, None)

    def _fetch(self, method: str, path: str, body: object) -> tuple[int, bytes]:
        link: http.client.HTTPConnection
        if self._context is None:
            link = http.client.HTTPConnection(self._host, self._port, timeout=_SECONDS)
        else:
            link = http.client.HTTPSConnection(
                self._host, self._port, timeout=_SECONDS, context=self._context
            )
        sent, headers = None, self._headers
        if body is not None:
            sent = json.dumps(body).encode()
            headers = {**headers, "Content-Type": "application/json"}
        try:
            link.request(method, path, sent, headers)
            answer = link.getresponse()
            return answer.status, answer.read(_LONGEST)
        finally:
            link.close()
