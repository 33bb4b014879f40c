"""Instruments about the process, its machine and its HTTP server."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.exporter import names
from otel_tickrmeter.http.protect.failure import HandshakeFailure

HTTP_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


def process() -> tuple[Instrument, ...]:
    """The rows about the process."""
    source = "process"
    return (
        gauge(
            names.SYSTEM_CPU_USAGE,
            "%",
            "system_cpu_usage_percent",
            "Busy share of each processor and of all of them, in percent.",
            {"cpu": ANY},
            source=source,
            absent="in the first five seconds",
        ),
        gauge(
            names.SYSTEM_MEMORY_USAGE,
            "By",
            "system_memory_usage_bytes",
            "Memory of the machine.",
            {"type": ("used", "available")},
            source=source,
        ),
        gauge(
            names.SYSTEM_MEMORY_TOTAL,
            "By",
            "system_memory_total_bytes",
            "Memory of the machine in all.",
            {"type": ("total",)},
            source=source,
        ),
        counter(
            names.HTTP_REQUESTS,
            "{request}",
            "http_requests_total",
            "HTTP requests answered.",
            {"method": ANY, "endpoint": ANY, "status": ANY},
            source="HTTP server",
        ),
        Instrument(
            names.HTTP_DURATION,
            Kind.HISTOGRAM,
            "s",
            "http_request_duration_seconds",
            "Time from a complete HTTP request to the end of its answer.",
            {"method": ANY, "endpoint": ANY},
            "HTTP server",
            buckets=HTTP_BUCKETS,
        ),
        counter(
            names.HTTP_HANDSHAKE_FAILURES,
            "{handshake}",
            "tickrmeter_http_tls_handshake_failures_total",
            "TLS handshakes with clients of the HTTP server that failed.",
            {"reason": tuple(HandshakeFailure)},
            source="HTTP server",
            absent="there is no web_config_file",
        ),
        Instrument(
            names.PROCESS_CPU,
            Kind.OBSERVABLE_COUNTER,
            "s",
            "process_cpu_seconds_total",
            "CPU time of the exporter's processes, user and system.",
            source=source,
        ),
        gauge(
            names.PROCESS_RESIDENT_MEMORY,
            "By",
            "process_resident_memory_bytes",
            "Resident memory of the exporter's processes.",
            source=source,
        ),
        gauge(
            names.PROCESS_OPEN_FDS,
            "{descriptor}",
            "process_open_fds",
            "Open file descriptors of the exporter's processes.",
            source=source,
        ),
        gauge(
            names.PROCESS_START_TIME,
            "s",
            "process_start_time_seconds",
            "Unix time at which the exporter started.",
            source=source,
        ),
    )
