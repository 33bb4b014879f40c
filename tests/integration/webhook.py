"""A receiver of Alertmanager's webhooks that keeps what it is told."""

import threading
from collections.abc import Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple, Self

import orjson


class Notification(NamedTuple):
    """One alert of one notification. `receiver` is the name in Alertmanager's settings."""

    receiver: str
    firing: bool
    labels: Mapping[str, str]
    annotations: Mapping[str, str]

    @property
    def name(self) -> str:
        """Of the alert."""
        return self.labels["alertname"]


class Webhook:
    """Listens on a free loopback port while the context lasts."""

    def __init__(self) -> None:
        self._received: list[Notification] = []
        received = self._received

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                told = orjson.loads(self.rfile.read(int(self.headers["Content-Length"])))
                # At once, so that alerts of one notification stand together.
                received.extend(
                    Notification(
                        told["receiver"], alert["status"] == "firing", alert["labels"], alert["annotations"]
                    )
                    for alert in told["alerts"]
                )
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Nothing: the test tells what arrived."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        """Where to post to."""
        return f"http://127.0.0.1:{self._server.server_port}/"

    @property
    def received(self) -> Sequence[Notification]:
        """All that came so far, in the order of arrival."""
        return tuple(self._received)
