"""Alerts about jobs and their controller. The first three are a published document's, as they stand."""

from alerts.rule import Alert, Severity, Subject
from alerts.windows import Windows

_DASHBOARD = "/d/jobs?var-instance={{ $labels.instance | urlquery }}"


def job_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them."""
    return (*_published(w), *_shards(w), *_work(w))


def _alert(
    name: str,
    expression: str,
    hold: str,
    summary: str,
    description: str,
    *,
    severity: Severity = Severity.WARNING,
) -> Alert:
    return Alert(name, expression, severity, Subject.JOBS, summary, description, _DASHBOARD, hold)


def _published(w: Windows) -> tuple[Alert, ...]:
    bucket = f"dagda_worker_processing_duration_seconds_bucket[{w('5m')}]"
    return (
        _alert(
            "DagdaCpuHigh",
            'system_cpu_usage_percent{cpu="total"} > 80',
            w("5m"),
            "The processors of the exporter's machine are busy.",
            "{{ $value | humanize }} % of them, for 5 minutes: jobs, and figures, may come late.",
        ),
        _alert(
            "DagdaWorkerFailures",
            f'rate(dagda_worker_operations_total{{status="error"}}[{w("5m")}]) > 0.1',
            "",
            "Jobs fail, or are asked for what cannot be: {{ $labels.operation }}.",
            "For 5 minutes more often than once in ten seconds.",
        ),
        _alert(
            "DagdaMessageProcessingSlow",
            f"histogram_quantile(0.95, rate({bucket})) > 0.1",
            "",
            "The job controller is slow to handle {{ $labels.message_type }}.",
            "The slowest twentieth takes more than {{ $value | humanizeDuration }}.",
        ),
    )


def _shards(w: Windows) -> tuple[Alert, ...]:
    return (
        _alert(
            "DagdaShardRestarting",
            f"round(increase(dagda_shard_restarts_total[{w('15m')}])) > 2",
            "",
            "Shard {{ $labels.shard_id }} of the job controller dies again and again.",
            "{{ $value | humanize }} times within a quarter of an hour; what ran on it has failed.",
        ),
        _alert(
            "DagdaShardBusy",
            f"increase(dagda_ticks_skipped_total[{w('5m')}]) > {w.seconds('1m')}",
            w("5m"),
            "Shard {{ $labels.shard_id }} of the job controller does not keep up.",
            "It was too busy for {{ $value | humanize }} ticks of the last 5 minutes.",
        ),
        _alert(
            "DagdaQueueFilling",
            "dagda_message_queue_size > 500",
            w("2m"),
            "Messages wait for the job controller.",
            "{{ $value | humanize }} in {{ $labels.queue_type }}. At 1,000 operators are refused,"
            " and shards wait.",
        ),
    )


def _work(w: Windows) -> tuple[Alert, ...]:
    tidied = f'increase(dagda_worker_outcomes_total{{blueprint="retention",outcome="completed"}}[{w("3h")}])'
    tidied_in_all = f"sum by (job, instance) ({tidied})"
    old_enough = f"time() - process_start_time_seconds > {w.seconds('3h')}"
    return (
        _alert(
            "DagdaRetentionLate",
            f"{tidied_in_all} < 0.5 and on (job, instance) autocore_database_up"
            f" and on (job, instance) ({old_enough})",
            w("10m"),
            "The database is not tidied up.",
            "No retention job was completed for three hours: what has aged stays, and the database grows.",
        ),
        _alert(
            "DagdaWorkerStuck",
            f"dagda_worker_progress_ratio < 1 and changes(dagda_worker_progress_ratio[{w('1h')}]) == 0"
            f" and rate(dagda_worker_ticks_total[{w('1h')}]) > 0.9",
            "",
            "A job makes no progress: {{ $labels.blueprint }} {{ $labels.worker_id }}.",
            "It works, and for an hour it has stood at {{ $value | humanizePercentage }}.",
            severity=Severity.INFO,
        ),
    )
