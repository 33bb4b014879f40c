"""A collector that takes OTLP over HTTP, and misbehaves as the test says; and data to give it."""

import ssl
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.sdk.metrics.export import MetricsData

from otel_tickrmeter.telemetry.batches import Moments, make_batches
from otel_tickrmeter.telemetry.family import Family
from tests.support.assembly import RESOURCE
from tests.support.waiting import DEADLINE_SECONDS

START_NS, NOW_NS = 1_000, 5_000
"""Unix time of what `data_of` makes."""


def data_of(families: Iterable[Family]) -> MetricsData:
    """The data of what was collected, which must fit into one batch."""
    (data,) = make_batches(families, RESOURCE, Moments(START_NS - 900, NOW_NS - 900, 900))
    return data


class Collector(ThreadingHTTPServer):
    """Answers OTLP over HTTP with a status that the test sets; `silent` makes it not answer at all.

    After `takes` requests, if that is set, it refuses all.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Export)
        self.status = 200
        self.takes: int | None = None
        self.silent = threading.Event()
        self.released = threading.Event()
        self.requests: list[tuple[str, Mapping[str, str], bytes]] = []

    def metrics(self) -> list[Metric]:
        """Return every metric that arrived, in the order of arrival."""
        return [
            metric
            for _, _, body in self.requests
            for resource in ExportMetricsServiceRequest.FromString(body).resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Export(BaseHTTPRequestHandler):
    server: Collector

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.requests.append((self.path, headers, body))
        if self.server.silent.is_set():
            self.server.released.wait(DEADLINE_SECONDS)
        refuses = self.server.takes is not None and len(self.server.requests) > self.server.takes
        self.send_response(HTTPStatus.BAD_REQUEST if refuses else self.server.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def running_collector(tls: ssl.SSLContext | None = None) -> Iterator[Collector]:
    """Run one on a free loopback port."""
    with Collector() as server:
        if tls is not None:
            # Each connection shakes hands in its own thread.
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
