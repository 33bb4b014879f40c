"""Stands between a scraper and its target and writes down what each asked for and got."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import NamedTuple


class Exchange(NamedTuple):
    """A request and its answer."""

    path: str
    accept: str
    accept_encoding: str
    status: int
    content_type: str
    content_encoding: str


@contextmanager
def recording_proxy(target_port: int) -> Iterator[tuple[int, list[Exchange]]]:
    """Forwards GET requests to a loopback port; gives its own port, and the exchanges as they come."""
    exchanges: list[Exchange] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            connection = HTTPConnection("127.0.0.1", target_port, timeout=30)
            try:
                connection.request("GET", self.path, headers=dict(self.headers))
                answer = connection.getresponse()
                body = answer.read()
            finally:
                connection.close()
            exchanges.append(
                Exchange(
                    self.path,
                    self.headers.get("Accept", ""),
                    self.headers.get("Accept-Encoding", ""),
                    answer.status,
                    answer.getheader("Content-Type", ""),
                    answer.getheader("Content-Encoding", ""),
                )
            )
            self.send_response(answer.status)
            for name in ("Content-Type", "Content-Encoding"):
                if value := answer.getheader(name):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], exchanges
        finally:
            server.shutdown()
