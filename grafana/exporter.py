"""The dashboard *Exporter*: whether its figures can be relied on, and what it costs."""

from grafana_foundation_sdk.models.common import BigValueTextMode
from grafana_foundation_sdk.models.dashboard import Panel

from grafana.buckets import seconds_bars
from grafana.dashboard import (
    EXPORTER,
    Made,
    Section,
    alerts,
    connection_changes,
    exporter_starts,
    make_dashboard,
)
from grafana.exporter_field import answers, greedy_devices, link_of_processes, log, odd_messages
from grafana.exporter_service import service
from grafana.panel import bars, figure, heat, trend
from grafana.query import Form, Query, distribution, select, select_ours
from grafana.variable import datasource, instance, job
from otel_tickrmeter.exporter.catalogue.process import HTTP_BUCKETS

_RATE = "[$__rate_interval]"
_PROCESSING = select("tickrmeter_message_processing_duration_seconds_bucket")


def exporter() -> Made:
    """Return the dashboard."""
    return make_dashboard(
        EXPORTER,
        "TickrMeter / Exporter",
        "Whether the exporter is connected, keeps up, and shows fresh figures; what it rejects; what it"
        " costs.",
        (datasource(), job(), instance()),
        (
            Section("At a glance", _glance()),
            Section("Messages", (*_messages(), *odd_messages())),
            Section("Requests and answers", answers()),
            Section("Connection to the broker", (*_connection(), *link_of_processes()), of_fleet=False),
            Section("Exposition and scrapes", _exposition(), of_fleet=False),
            Section("Settings and clients", service(), of_fleet=False),
            Section("Identities and series", (*_identities(), *greedy_devices()), of_fleet=False),
            Section("Resources", (*_resources(), *log()), of_fleet=False),
        ),
        annotations=(alerts('component="exporter"'), connection_changes(), exporter_starts()),
    )


def _rate(metric: str, by: str = "", *matchers: str) -> str:
    grouping = f" by ({by})" if by else ""
    return f"sum{grouping} (rate({select(metric, *matchers)}{_RATE}))"


def _glance() -> tuple[Panel, ...]:
    last, age = (
        select(f"tickrmeter_{metric}")
        for metric in ("mqtt_last_message_timestamp_seconds", "exposition_age_seconds")
    )
    dropped = select("tickrmeter_queue_dropped_total")
    return (
        figure(
            "Broker",
            "Whether the exporter is connected to its broker and subscribed.",
            Query(f"min({select('tickrmeter_mqtt_connected')})", instant=True),
            unit="none",
            steps=((None, "red"), (1, "green")),
            mappings={1: ("connected", "green"), 0: ("disconnected", "red")},
        ),
        figure(
            "Last message",
            "How long before the figures of the last scrape were made the last message of any kind had come:"
            " the age of the scrape is no silence. A fleet is never silent for minutes.",
            Query(f"max(clamp_min(timestamp({last}) - {last} - {age}, 0))", instant=True),
            unit="s",
            steps=((60, "yellow"), (120, "red")),
        ),
        figure(
            "Messages",
            "Messages received per second, of all kinds.",
            Query(_rate("tickrmeter_messages_total")),
            unit="cps",
        ),
        figure(
            "Dropped",
            "Messages lost in the selected time because the exporter did not keep up. Anything but 0 is bad.",
            Query(f"sum(increase({dropped}[$__range]))", instant=True),
            decimals=0,
            steps=((1, "red"),),
        ),
        figure(
            "Age of what is shown",
            "How old the figures of the last scrape were: up to 5 seconds in device detail, 1 in symbol"
            " detail.",
            Query(f"max({select('tickrmeter_exposition_age_seconds')})"),
            unit="s",
            steps=((10, "yellow"), (30, "red")),
        ),
        figure(
            "Version",
            "The running version of the exporter.",
            Query(
                f"max by (version) ({select('tickrmeter_build_info')})",
                "{{version}}",
                instant=True,
            ),
            unit="none",
            text_mode=BigValueTextMode.NAME,
        ),
    )


def _messages() -> tuple[Panel, ...]:
    processing = f"sum by (le) (rate({_PROCESSING}{_RATE}))"
    duration = "tickrmeter_message_processing_duration_seconds"
    return (
        trend(
            "Messages by type",
            "Ignored ones are on topics that are neither one of the five nor a device's.",
            [Query(_rate("tickrmeter_messages_total", "message_type"), "{{message_type}}")],
            unit="cps",
            stacked=True,
        ),
        trend(
            "Messages set aside, by reason",
            "Messages, or single fields of a heartbeat, that could not be used. Retained and duplicate"
            " deliveries are expected after a reconnect; the other reasons mean that somebody sends what"
            " we do not understand.",
            [
                Query(
                    _rate("tickrmeter_message_errors_total", "message_type, reason"),
                    "{{reason}} in {{message_type}}",
                )
            ],
            unit="cps",
        ),
        trend(
            "Queue",
            "Messages that wait to be processed. It should be near 0, and is bounded by"
            " performance.buffer_size.",
            [
                Query(
                    f"max by (instance, queue) ({select('tickrmeter_queue_size')})", "{{queue}}, {{instance}}"
                )
            ],
            steps=((1_000, "yellow"), (10_000, "red")),
        ),
        trend(
            "Dropped messages",
            "Messages lost because the queue was full. Requests whose answer may be among them are"
            " abandoned.",
            [Query(_rate("tickrmeter_queue_dropped_total", "instance, queue"), "{{queue}}, {{instance}}")],
            unit="cps",
            steps=((0.001, "red"),),
        ),
        trend(
            "Processing time of a message",
            "Mean by type: reading, pairing and recording. Some ten microseconds are usual.",
            [
                Query(
                    f"{_rate(f'{duration}_sum', 'message_type')}"
                    f" / ({_rate(f'{duration}_count', 'message_type')} > 0)",
                    "{{message_type}}",
                )
            ],
            unit="s",
            steps=((0.001, "yellow"), (0.01, "red")),
        ),
        heat(
            "Distribution of processing times",
            "The more a cell stands out, the more messages took that long (seconds).",
            Query(processing, "{{le}}", form=Form.BUCKETS),
            unit="cps",
            axis_unit="s",
        ),
    )


def _connection() -> tuple[Panel, ...]:
    changes = select("tickrmeter_mqtt_connection_changes_total")
    return (
        trend(
            "Connected",
            "1 while connected to the broker and subscribed. In the gaps nothing of the fleet is seen.",
            [Query(f"min by (instance) ({select('tickrmeter_mqtt_connected')})", "{{instance}}")],
            unit="none",
        ),
        bars(
            "Connection changes",
            "Connections made, refused and lost in the selected time, with the reason.",
            [
                Query(
                    f"sum by (event, reason) (increase({changes}[$__range]))",
                    "{{event}}: {{reason}}",
                    instant=True,
                )
            ],
            decimals=0,
        ),
    )


def _exposition() -> tuple[Panel, ...]:
    scrape = select("http_request_duration_seconds_bucket", 'endpoint="/metrics"')
    return (
        trend(
            "Age of what a scrape shows",
            "Figures are gathered in the background; this is how old they were when scraped.",
            [Query(f"max by (instance) ({select('tickrmeter_exposition_age_seconds')})", "{{instance}}")],
            unit="s",
            steps=((10, "yellow"), (30, "red")),
        ),
        trend(
            "Size of the exposition",
            "Samples in a scrape. A full fleet of 8,000 devices has about 370,000 in device detail, and some"
            " 10,000 in symbol detail.",
            [Query(f"max by (instance) ({select('tickrmeter_exposition_series')})", "{{instance}}")],
        ),
        trend(
            "Scrape duration",
            "As Prometheus measures it, its own parsing included. It must stay below the scrape timeout.",
            [Query(f"max by (instance) ({select_ours('scrape_duration_seconds')})", "{{instance}}")],
            unit="s",
            steps=((5, "yellow"), (10, "red")),
            width=8,
        ),
        bars(
            "Distribution of answer times for /metrics",
            "Scrapes in the selected time by how long the exporter itself took; a bar's name is its upper"
            " bound.",
            [distribution(f"sum by (le) (increase({scrape}[$__range]))")],
            decimals=0,
            upright=True,
            width=16,
            overrides=seconds_bars(HTTP_BUCKETS),
        ),
    )


def _identities() -> tuple[Panel, ...]:
    return (
        trend(
            "Rejected identities",
            "Messages of devices or symbols that were not admitted. Reason pattern: the name does not look"
            " like"
            " one. Reasons max_...: a limit is reached, so the fleet has outgrown the settings or somebody"
            " invents names.",
            [
                Query(
                    _rate("tickrmeter_identities_rejected_total", "kind, reason"),
                    "{{kind}}: {{reason}}",
                )
            ],
            unit="cps",
            steps=((1, "yellow"),),
        ),
        trend(
            "Expired identities",
            "Devices and symbols that left, with all their series, because nothing was heard of them.",
            [Query(_rate("tickrmeter_series_expired_total", "kind"), "{{kind}}")],
            unit="cps",
        ),
    )


def _resources() -> tuple[Panel, ...]:
    started = select_ours("process_start_time_seconds")
    return (
        trend(
            "CPU",
            "Both processes together, in cores.",
            [
                Query(
                    f"sum by (instance) (rate({select('process_cpu_seconds_total')}{_RATE})"
                    f" and on (job, instance) {select('tickrmeter_build_info')})",
                    "{{instance}}",
                )
            ],
            unit="none",
            steps=((0.5, "yellow"), (0.9, "red")),
        ),
        trend(
            "Memory",
            "Resident memory of both processes together. It follows the number of series, and must not"
            " creep.",
            [
                Query(
                    f"max by (instance) ({select_ours('process_resident_memory_bytes')})",
                    "{{instance}}",
                )
            ],
            unit="bytes",
        ),
        trend(
            "Open file descriptors",
            "Of both processes together.",
            [Query(f"max by (instance) ({select_ours('process_open_fds')})", "{{instance}}")],
            width=8,
        ),
        trend(
            "CPU of the machine",
            "Busy share of each CPU of the machine that the exporter runs on.",
            [
                Query(
                    f"max by (instance, cpu) ({select('system_cpu_usage_percent')})",
                    "{{cpu}}, {{instance}}",
                )
            ],
            unit="percent",
            width=8,
        ),
        trend(
            "Time since start",
            "Falls to 0 when the exporter is restarted: requests open at that moment are not counted.",
            [Query(f"time() - max by (instance) ({started})", "{{instance}}")],
            unit="s",
            width=8,
        ),
    )
