"""Alerts about exporters that share a fleet: whether each part is kept, once, and it is one."""

from alerts.fleet import ONE_TARGET, SIZE, THERE, UNASSIGNED
from alerts.rule import Alert, Severity, Subject
from alerts.windows import LINGER, Windows

_DASHBOARD = "/d/tickrmeter-exporter"


def partition_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them."""
    told = "tickrmeter_partitions"
    alone = 'on (job, instance) tickrmeter_partition_info{partitions="1"}'
    keeping = " or ".join(
        f"count without ({ONE_TARGET}) ({devices} > 0 and {alone}) > 1"
        for devices in ("instance:tickrmeter_devices_known:sum", "sum without (status) (autocore_devices)")
    )
    return (
        Alert(
            "TickrMeterFleetUnknown",
            f"max without ({ONE_TARGET}) (tickrmeter_mqtt_connected)"
            " unless fleet:tickrmeter_mqtt_connected:min",
            Severity.CRITICAL,
            Subject.EXPORTER,
            "There are no figures of the whole fleet.",
            "Exporters are scraped, and nothing is recorded of all of them together: alerts about symbols,"
            " devices and firmware cannot fire.",
            _DASHBOARD,
            w("15m"),
            whole=True,
        ),
        Alert(
            "TickrMeterFleetsMixed",
            keeping,
            Severity.WARNING,
            Subject.EXPORTER,
            "Several fleets are judged as one.",
            "{{ $value }} exporters have a whole fleet each, and no label tells the fleets apart: what is"
            " said of the fleet is said of all of them together.",
            _DASHBOARD,
            w("30m"),
            whole=True,
        ),
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
            whole=True,
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
            whole=True,
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
            whole=True,
        ),
        Alert(
            "TickrMeterKafkaPartitionsUnassigned",
            f"{UNASSIGNED} > 0",
            Severity.CRITICAL,
            Subject.EXPORTER,
            "Partitions of the topic are kept by no handler.",
            "{{ $value }} partitions are assigned to no handler that can be scraped: nothing is known of"
            " their devices, and there are no figures of the whole fleet.",
            _DASHBOARD,
            w("5m"),
            linger=w(LINGER),
            whole=True,
        ),
        Alert(
            "TickrMeterKafkaLag",
            "tickrmeter_kafka_lag_seconds > 60",
            Severity.WARNING,
            Subject.EXPORTER,
            "A handler is far behind its receiver.",
            "What {{ $labels.instance }} shows is {{ $value | humanizeDuration }} old: it does not keep up,"
            " Kafka gives it nothing, or the receiver is gone.",
            _DASHBOARD,
            w("5m"),
            linger=w(LINGER),
        ),
        Alert(
            "TickrMeterKafkaUndelivered",
            f"increase(tickrmeter_kafka_undelivered_messages_total[{w('10m')}]) > 0",
            Severity.WARNING,
            Subject.EXPORTER,
            "Kafka refuses messages of a receiver.",
            "{{ $value | humanize }} messages in ten minutes were refused at {{ $labels.instance }}: handlers"
            " count them as dropped.",
            _DASHBOARD,
            linger=w(LINGER),
        ),
    )
