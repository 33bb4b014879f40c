"""An HTTP server that takes notices as a test wants it to."""

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Answer(NamedTuple):
    """What it says to a request."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b"{}"
    after_seconds: float = 0.0


class NoticeServer:
    """Remembers what it was sent; answers in turn, the last answer for ever."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = list(answers)
        self.requests: list[tuple[str, dict[str, str], Any]] = []
        self.release = threading.Event()

    @property
    def bodies(self) -> list[Any]:
        return [body for _, _, body in self.requests]

    def take(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        self.requests.append((path, headers, json.loads(body)))
        answer = self._answers[0]
        if len(self._answers) > 1:
            self._answers.pop(0)
        if answer.after_seconds:
            self.release.wait(answer.after_seconds)
        return answer


@contextmanager
def notice_server(*answers: Answer) -> Iterator[tuple[NoticeServer, str]]:
    """A server, and its address."""
    taken = NoticeServer(answers or (Answer(),))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = taken.take(self.path, dict(self.headers.items()), body)
            self.send_response(answer.status)
            for name, value in answer.headers:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield taken, f"http://127.0.0.1:{server.server_port}"
        finally:
            taken.release.set()
            server.shutdown()
            thread.join()
