"""The ways a notice can go: log, webhook, Telegram. Each blocks, and is used by one thread at a time."""

import json
import math
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http import HTTPStatus
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Protocol
from urllib.parse import urlsplit

from loguru import logger

from otel_tickrmeter.notify.notice import Notice

TIMEOUT_SECONDS = 10.0
"""Of each step: connecting, sending, each piece of the answer."""
LONGEST_SECONDS = 30.0
"""Of all of it, by however small pieces the answer comes."""
_MOST_READ = 65_536
_LONGEST_WAIT_SECONDS = 300.0


class DeliveryError(Exception):
    """A notice was not taken; the text says why, without anything secret.

    Attributes:
        final: There is no sense in trying again.
        wait_seconds: How long the other side wants to be left alone; None: it does not say.
    """

    def __init__(self, text: str, *, final: bool = False, wait_seconds: float | None = None) -> None:
        super().__init__(text)
        self.final = final
        self.wait_seconds = wait_seconds


class Channel(Protocol):
    """A way; `name` is a label value."""

    @property
    def name(self) -> str: ...  # noqa: D102  the class says it

    def send(self, notice: Notice) -> None:
        """Send a notice.

        Raises:
            DeliveryError: It was not taken.
        """


class LogChannel:
    """The program's own log; implements `Channel`."""

    name = "log"

    def send(self, notice: Notice) -> None:
        """Write a line."""
        level = "WARNING" if notice.severity != "info" else "INFO"
        logger.log(level, "Notice ({}): {}", notice.kind, notice.text)


class WebhookChannel:
    """Posts a notice as JSON; implements `Channel`.

    Args:
        url: http:// or https://.
        token: Sent as a bearer token; None: none.
    """

    name = "webhook"

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url
        self._headers = {} if token is None else {"Authorization": f"Bearer {token}"}

    def send(self, notice: Notice) -> None:
        """Post it."""
        _post(
            self._url,
            {
                "kind": notice.kind.value,
                "severity": notice.severity.value,
                "device": notice.device or None,
                "relay": notice.relay,
                "text": notice.text,
                "at": notice.at.isoformat(),
                "dedupe_key": notice.dedupe_key,
            },
            self._headers,
        )


class TelegramChannel:
    """Sends a notice by a bot of Telegram (`sendMessage`); implements `Channel`.

    Args:
        url: Of the Bot API.
        token: The bot's.
        chat_id: To whom.
    """

    name = "telegram"

    def __init__(self, url: str, token: str, chat_id: str) -> None:
        self._url = f"{url.rstrip('/')}/bot{token}/sendMessage"
        self._chat_id = chat_id

    def send(self, notice: Notice) -> None:
        """Send it, as plain text."""
        text = f"{notice.severity.upper()}: {notice.text}"
        _post(self._url, {"chat_id": self._chat_id, "text": text, "disable_web_page_preview": True}, {})


def _post(url: str, body: Mapping[str, object], headers: Mapping[str, str]) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        connection: HTTPConnection = HTTPSConnection(
            host, parts.port, timeout=TIMEOUT_SECONDS, context=context
        )
    else:
        connection = HTTPConnection(host, parts.port, timeout=TIMEOUT_SECONDS)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    try:
        # Redirects are not followed: the token is for this address.
        sent = {"Content-Type": "application/json", "User-Agent": "otel-tickrmeter", **headers}
        connection.connect()
        with _ended_after(connection.sock, LONGEST_SECONDS):
            connection.request("POST", path, json.dumps(body).encode(), sent)
            with connection.getresponse() as response:
                answer = response.read(_MOST_READ)
                status, wait = response.status, response.getheader("Retry-After")
    except (OSError, HTTPException) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise DeliveryError(f"{host}: {reason}") from None
    finally:
        connection.close()
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        again = status in (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS) or status >= 500  # noqa: PLR2004
        raise DeliveryError(f"{host} answers {status}", final=not again, wait_seconds=_wait(wait, answer))


@contextmanager
def _ended_after(connected: socket.socket, seconds: float) -> Iterator[None]:
    def end() -> None:
        with suppress(OSError):  # the other side was quicker
            connected.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _wait(header: str | None, answer: bytes) -> float | None:
    """What the other side says, by HTTP's header or in Telegram's answer."""
    asked: Any = header
    if header is None:
        try:
            asked = json.loads(answer)["parameters"]["retry_after"]
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
    try:
        seconds = float(asked)
    except (ValueError, TypeError):
        return None
    return None if math.isnan(seconds) else min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS)
