"""The dashboard *Jobs*: what runs beside the exporter, how far it is, and whether the controller keeps up."""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import Panel

from grafana.dashboard import JOBS, Made, Section, alerts, exporter_starts, make_dashboard
from grafana.panel import bars, figure, rows, trend
from grafana.query import SETTLED_SECONDS, Query, select, select_ours, settled, table
from grafana.variable import datasource, instance, job

_STATUS: Mapping[float, tuple[str, str]] = {
    0: ("off", "text"),
    1: ("running", "green"),
    2: ("stopping", "orange"),
}
_COLOURS = {
    "idle": "text",
    "in_progress": "blue",
    "completed": "green",
    "paused": "yellow",
    "stopped": "orange",
}


def jobs() -> Made:
    """Return the dashboard."""
    return make_dashboard(
        JOBS,
        "Jobs",
        "Load tests, faults, replays and work at the database beside the exporter: what runs, how far it is,"
        " how it ended, and whether the controller keeps up.",
        (datasource(), job(), instance()),
        (
            Section("Now", _now(), of_fleet=False),
            Section("Workers", _workers(), of_fleet=False),
            Section("The controller", _controller(), of_fleet=False),
        ),
        annotations=(alerts('component="jobs"'), exporter_starts()),
    )


def _now() -> tuple[Panel, ...]:
    by_status = select("dagda_workers_by_status")
    ended = select("dagda_worker_outcomes_total", 'outcome="failed"')
    progress = select("dagda_worker_progress_ratio")
    working = select("dagda_workers_by_status", 'status="in_progress"')
    return (
        figure(
            "Controller",
            "Whether jobs can be asked for. Off: dagda.enabled is false, or the exporter has stopped.",
            Query(f"max({select('dagda_status')})", instant=True),
            mappings=_STATUS,
            width=6,
        ),
        figure(
            "Shards",
            "Processes that look after jobs now: started on demand, ended a minute after their last job.",
            Query(f"sum({select('dagda_shards_total')})", instant=True),
            width=6,
        ),
        figure(
            "In progress",
            "Jobs that work now. What is paused or waits to be started does not count.",
            # No shard has run yet: nothing does.
            Query(
                f"sum({working}) or 0 * sum({select('dagda_shards_total')})",
                instant=True,
            ),
            width=6,
        ),
        figure(
            "Failed",
            "Jobs that failed within the time range. Good: none.",
            Query(f"sum(increase({ended}[$__range]))", instant=True),
            steps=((1, "red"),),
            decimals=0,
            width=6,
        ),
        bars(
            "How far jobs are",
            "Work done of the work that is known: a full bar is all of it. The twenty jobs with most left,"
            " so that those which are done make room. One that has ended stays for a quarter of an hour.",
            [
                Query(
                    f"bottomk(20, max by (worker_id, blueprint) ({progress}))",
                    "{{blueprint}} {{worker_id}}",
                    instant=True,
                )
            ],
            unit="percentunit",
            decimals=0,
        ),
        trend(
            "Progress over time",
            "Work done of the work that is known. A line that lies flat below the top is a job that is paused"
            " or stuck.",
            [Query(progress, "{{blueprint}} {{worker_id}}")],
            unit="percentunit",
        ),
        trend(
            "Workers by status",
            "Jobs that are known: until a quarter of an hour after their end.",
            [Query(f"sum by (status) ({by_status})", "{{status}}")],
            stacked=True,
            width=24,
            overrides={
                status: {"color": {"mode": "fixed", "fixedColor": colour}}
                for status, colour in _COLOURS.items()
            },
        ),
    )


def _workers() -> tuple[Panel, ...]:
    ticks = select("dagda_worker_ticks_total")
    operations = select("dagda_worker_operations_total")
    outcomes = select("dagda_worker_outcomes_total")
    return (
        rows(
            "Known workers",
            "How far each is, and for how many seconds of the time range it was at work.",
            [
                table(f"sum by (worker_id, blueprint) ({settled('dagda_worker_progress_ratio')})"),
                table(
                    f"sum by (worker_id, blueprint) (increase({ticks}[$__range] offset {SETTLED_SECONDS}s))"
                ),
            ],
            key="worker_id",
            columns=(("Progress", "percentunit"), ("At work", "s")),
            sort_by="Progress",
            others=("blueprint",),
            descending=False,
            width=12,
        ),
        trend(
            "How jobs ended",
            "By kind and by how. Stopped: somebody wanted it to end.",
            [
                Query(
                    f"sum by (blueprint, outcome) (increase({outcomes}[$__rate_interval])) > 0",
                    "{{blueprint}}: {{outcome}}",
                )
            ],
            counted=True,
        ),
        trend(
            "What was asked, and what came of it",
            "Unauthorized: a token that is not known, or somebody else's job. Error: it was refused, or it"
            " failed.",
            [
                Query(
                    f"sum by (operation, status) (increase({operations}[$__rate_interval])) > 0",
                    "{{operation}}: {{status}}",
                )
            ],
            counted=True,
        ),
        trend(
            "Requests for jobs over HTTP",
            "Answers of the interface by status. 401 and 403: a token; 409: not in this state; 503: no room.",
            [
                Query(
                    f"sum by (endpoint, status) (rate({_asked()}[$__rate_interval])) > 0",
                    "{{endpoint}}: {{status}}",
                )
            ],
            unit="reqps",
        ),
    )


def _asked() -> str:
    return select("http_requests_total", 'endpoint=~"/api/v1/dagda.*"')


def _controller() -> tuple[Panel, ...]:
    handled = select("dagda_worker_processing_duration_seconds_bucket")
    ticks = select("dagda_tick_processing_duration_seconds_bucket")
    skipped, restarts, merged = (
        select(f"dagda_{name}_total") for name in ("ticks_skipped", "shard_restarts", "messages_merged")
    )
    return (
        trend(
            "Messages waiting",
            "What operators want (dagda_inbox), and what shards say (worker_inbox). At 1,000 operators are"
            " refused, and shards wait. Good: near 0.",
            [Query(f"max by (queue_type) ({select('dagda_message_queue_size')})", "{{queue_type}}")],
            steps=((500, "yellow"), (1000, "red")),
        ),
        trend(
            "Handling of a message, 95th percentile",
            "How long the controller, which shares a thread with the exporter, takes for a message. Good: far"
            " below 0.1 s.",
            [
                Query(
                    "histogram_quantile(0.95, sum by (message_type, le)"
                    f" (rate({handled}[$__rate_interval])))",
                    "{{message_type}}",
                )
            ],
            unit="s",
            steps=((0.1, "red"),),
        ),
        trend(
            "Ticks of a shard, 95th percentile",
            "Once a second a shard asks its workers how they are; so long that takes.",
            [
                Query(
                    f"histogram_quantile(0.95, sum by (shard_id, le) (rate({ticks}[$__rate_interval])))",
                    "shard {{shard_id}}",
                )
            ],
            unit="s",
        ),
        trend(
            "Signs of trouble",
            "Ticks skipped: a shard was still busy with the last one. Restarts: its process ended by itself,"
            " and what ran on it failed. Merged: progress that came faster than it was taken; no loss.",
            [
                Query(f"sum by (shard_id) (increase({skipped}[$__rate_interval]))", "skipped, {{shard_id}}"),
                Query(
                    f"sum by (shard_id) (increase({restarts}[$__rate_interval]))", "restarts, {{shard_id}}"
                ),
                Query(f"sum(increase({merged}[$__rate_interval]))", "merged"),
            ],
            counted=True,
        ),
        trend(
            "Processor",
            "Of the machine: jobs use what the exporter leaves them.",
            [Query(select_ours("system_cpu_usage_percent", 'cpu="total"'), "{{instance}}")],
            unit="percent",
            steps=((80, "red"),),
        ),
    )
