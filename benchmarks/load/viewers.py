"""A worker: so many people with the page open, and maybe a program beside each, until its input ends.

Reply: the events that came, the JSON answers, and the bytes of both.
"""

import sys
import threading
import time
from collections import Counter
from http import HTTPStatus
from http.client import HTTPConnection

from benchmarks.rig.worker import read_job, reply

JSON_SECONDS = 2.0
PAGE_SECONDS = 15.0
_OF_PAGE = ("symbols/SYM0",)
_OF_PROGRAM = ("glance", "status", "symbols?limit=10", "devices?limit=50", "symbols/SYM0")
_TIMEOUT_SECONDS = 20.0


class _Viewer:
    """One of them: what the page does, or a program that asks for every list."""

    def __init__(self, port: int, delay_seconds: float, stop: threading.Event) -> None:
        self._port = port
        self._delay_seconds = delay_seconds
        self._stop = stop
        self.counts: Counter[str] = Counter()

    def listen(self) -> None:
        """Read events."""
        self._stop.wait(self._delay_seconds)
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        connection.request("GET", "/api/v1/events")
        answer = connection.getresponse()
        _check(answer.status)
        while not self._stop.is_set():
            line = answer.readline()
            self.counts["bytes"] += len(line)
            self.counts["events"] += line.startswith(b"data:")
        connection.close()

    def look(self) -> None:
        """Ask for the hour of a symbol, as the page does."""
        self._ask(_OF_PAGE, PAGE_SECONDS)

    def poll(self) -> None:
        """Ask for everything."""
        self._ask(_OF_PROGRAM, JSON_SECONDS)

    def _ask(self, paths: tuple[str, ...], seconds: float) -> None:
        connection = HTTPConnection("127.0.0.1", self._port, timeout=_TIMEOUT_SECONDS)
        wait = self._delay_seconds
        while not self._stop.wait(wait):
            begin = time.monotonic()
            for path in paths:
                connection.request("GET", f"/api/v1/{path}")
                answer = connection.getresponse()
                _check(answer.status)
                self.counts["bytes"] += len(answer.read())
                self.counts["answers"] += 1
            wait = max(0.0, seconds - (time.monotonic() - begin))
        connection.close()


def _check(status: int) -> None:
    if status != HTTPStatus.OK:
        raise RuntimeError(f"answered {status}")


def main() -> None:
    """Look until the input ends."""
    job = read_job()
    stop = threading.Event()
    count = job["count"]
    viewers = [_Viewer(job["port"], number * JSON_SECONDS / count, stop) for number in range(count)]
    threads = [
        threading.Thread(target=run)
        for each in viewers
        for run in (each.listen, each.look, *((each.poll,) if job["programs"] else ()))
    ]
    for thread in threads:
        thread.start()
    sys.stdin.buffer.read()
    stop.set()
    for thread in threads:
        thread.join()
    reply(**sum((each.counts for each in viewers), Counter()))


if __name__ == "__main__":
    main()
