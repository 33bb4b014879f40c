"""Panels of *Exporter* about its settings, and about clients that come to no terms with it."""

from grafana_foundation_sdk.models.dashboard import Panel

from grafana.panel import trend
from grafana.query import Query, select


def service() -> tuple[Panel, ...]:
    """Return the section on settings that were read again, and on handshakes that failed."""
    read_at = select("tickrmeter_config_last_reload_success_timestamp_seconds")
    successful = select("tickrmeter_config_last_reload_successful")
    failures = select("tickrmeter_http_tls_handshake_failures_total")
    return (
        trend(
            "Settings taken over",
            "1 if the settings were taken over when they were last read, 0 if they were at fault: then those"
            " of before go on. The log names file and line.",
            [Query(f"min by (instance) ({successful})", "{{instance}}")],
            unit="none",
            width=8,
        ),
        trend(
            "Age of the settings",
            "Time since settings were last taken over. Falls to 0 with each reload that succeeds, and at a"
            " start.",
            [Query(f"time() - max by (instance) ({read_at})", "{{instance}}")],
            unit="s",
            width=8,
        ),
        trend(
            "Failed TLS handshakes",
            "Clients of the HTTP server with which no encrypted connection came about. client_refused: they"
            " do not trust the exporter's certificate, which may have run out. No data without a web"
            " configuration.",
            [Query(f"sum by (reason) (rate({failures}[$__rate_interval]))", "{{reason}}")],
            unit="cps",
            width=8,
        ),
    )
