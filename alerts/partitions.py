"""Alerts about exporters that share a fleet: whether each of its parts is kept, once."""

from alerts.fleet import ONE_TARGET, SIZE, THERE
from alerts.rule import Alert, Severity, Subject
from alerts.windows import LINGER, Windows

_DASHBOARD = "/d/tickrmeter-exporter"


def partition_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them."""
    told = "tickrmeter_partitions"
    return (
        Alert(
            "TickrMeterPartitionMissing",
            f"{SIZE} - {THERE} > 0",
            Severity.CRITICAL,
            Subject.EXPORTER,
            "A part of the fleet is kept by no exporter.",
            "{{ $value }} of {{ $labels.partitions }} partitions cannot be scraped: nothing is known of their"
            " devices, and there are no figures of the whole fleet.",
            _DASHBOARD,
            w("5m"),
            linger=w(LINGER),
        ),
        Alert(
            "TickrMeterPartitionTwice",
            f'count without ({ONE_TARGET}) (tickrmeter_partition_info{{partitions!="1"}}) > 1',
            Severity.CRITICAL,
            Subject.EXPORTER,
            "A part of the fleet is kept by several exporters.",
            "Partition {{ $labels.partition }} of {{ $labels.partitions }} is kept by {{ $value }} exporters:"
            " what is added up over exporters counts it as often.",
            _DASHBOARD,
            w("5m"),
        ),
        Alert(
            "TickrMeterPartitionsDiffer",
            f"max without ({ONE_TARGET}) ({told}) != min without ({ONE_TARGET}) ({told})",
            Severity.WARNING,
            Subject.EXPORTER,
            "Exporters disagree on how many share the fleet.",
            "Some are told that there are {{ $value }} partitions, others that there are fewer: devices are"
            " counted twice or not at all where figures are added up over all of them.",
            _DASHBOARD,
            w("30m"),
        ),
    )
