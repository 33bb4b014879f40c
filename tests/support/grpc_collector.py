"""A collector that takes OTLP over gRPC."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc  # type: ignore[import-untyped]
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
    ExportMetricsServiceResponse,
)
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2_grpc import (
    MetricsServiceServicer,
    add_MetricsServiceServicer_to_server,
)


class GrpcCollector(MetricsServiceServicer):
    """Keeps the metadata of the last request and the first attribute of every counter's point."""

    def __init__(self) -> None:
        self.port = 0
        self.metadata: dict[str, str | bytes] = {}
        self.points: list[str] = []
        self.requests: list[object] = []

    def Export(  # noqa: N802  gRPC's name
        self, request: ExportMetricsServiceRequest, context: grpc.ServicerContext
    ) -> ExportMetricsServiceResponse:
        self.metadata = dict(context.invocation_metadata())
        metrics = request.resource_metrics[0].scope_metrics[0].metrics
        points = [point for metric in metrics for point in metric.sum.data_points if point.attributes]
        self.points += [point.attributes[0].value.string_value for point in points]
        self.requests.append(request)
        return ExportMetricsServiceResponse()


@contextmanager
def running_grpc_collector(credentials: grpc.ServerCredentials | None = None) -> Iterator[GrpcCollector]:
    """Run one on a free loopback port, with gRPC's own bound on a message, which is the collectors': 4 MiB.

    Args:
        credentials: For TLS; its certificate must be for "localhost".
    """
    service = GrpcCollector()
    server = grpc.server(ThreadPoolExecutor(1))
    add_MetricsServiceServicer_to_server(service, server)  # type: ignore[no-untyped-call]
    if credentials is None:
        service.port = server.add_insecure_port("localhost:0")
    else:
        service.port = server.add_secure_port("localhost:0", credentials)
    server.start()
    try:
        yield service
    finally:
        server.stop(None).wait()
