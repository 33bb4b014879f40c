"""What one stream becomes for partitions that share a fleet, and whether their figures add up to one's."""

from collections import defaultdict
from collections.abc import Iterable, Sequence

import pytest

from otel_tickrmeter.mqtt.outbox import Outbox
from otel_tickrmeter.mqtt.sieve import sieve
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.message import LinkEvent, Message, Watermark
from otel_tickrmeter.stream.partition import OwnerRule, Partition
from tests.support.exposition_text import Exposition, Key

FOREIGN = "tickrmeter_foreign_messages_total"
OF_EACH = (
    *("tickrmeter_partition_info", "tickrmeter_partitions", FOREIGN, "tickrmeter_queue_size"),
    *("tickrmeter_mqtt_", "tickrmeter_receiver_", "tickrmeter_exposition_", "tickrmeter_build_info"),
    *("tickrmeter_config_", "tickrmeter_queue_dropped_", "process_", "system_", "http_", "tickrmeter_otlp_"),
    *("tickrmeter_http_", "tickrmeter_dead_letters_", "tickrmeter_log_", "autocore_mqtt_", "target_info"),
    *("autocore_queue_", "autocore_database_", "autocore_notifications_", "autocore_automation_"),
    *("autocore_spool_", "autocore_retention_", "autocore_dead_letters", "tickrmeter_state_", "dagda_"),
)
"""Beginnings of names: each exporter's own, whatever it keeps of the fleet."""
NEVER_ADDED = (
    *("tickrmeter_stock_update_avg_latency_seconds", "tickrmeter_symbol_avg_latency_seconds"),
    *("tickrmeter_symbol_avg_response_time", "tickrmeter_stock_update_p95_latency_seconds"),
    *("tickrmeter_stock_update_p99_latency_seconds", "tickrmeter_symbol_response_rate"),
    *(
        "tickrmeter_symbol_anomaly",
        "tickrmeter_symbol_anomaly_score",
        "tickrmeter_symbol_latency_trend_ratio",
    ),
    *("tickrmeter_stock_update_slowest_symbol_seconds", "tickrmeter_slowest_symbols_ranking"),
    "tickrmeter_stock_update_answers_missing",
)
"""Of a symbol's or the fleet's window of outcomes: no sum of those of partitions means anything."""


def received(
    steps: Iterable[Message | LinkEvent], rules: Sequence[OwnerRule], partition: Partition
) -> list[Message | LinkEvent]:
    """What the main process of this partition's exporter gets, by way of sieve, outbox and frames."""
    outbox = Outbox(1_000_000, 1 << 30)
    decoder = FrameDecoder()
    found: list[Message | LinkEvent] = []

    def write(data: memoryview) -> int:
        for item in decoder.feed(bytes(data)):
            found.extend(item if isinstance(item, list) else [item])
        return len(data)

    take = sieve(rules, partition, outbox.add_message, outbox.count_foreign)
    for step in steps:
        if isinstance(step, Message):
            take(step)
        elif isinstance(step, Watermark):
            outbox.settle(step.at_ns, step.at_ns, step.heard_ns)
        else:
            outbox.add_event(step)
        outbox.send(write)
    outbox.settle(0, None, 0)
    outbox.send(write)
    return found


def what_differs(whole: Exposition, parts: Sequence[Exposition]) -> dict[Key, tuple[float, float]]:
    """The counters, histograms and gauges that can be added and do not: the sum, and what one exporter has.

    Args:
        whole: What one exporter shows that keeps everything.
        parts: What those of the partitions show.
    """
    sums: dict[Key, float] = defaultdict(float)
    for part in parts:
        for key, value in part.samples.items():
            sums[key] += value
    # What stands at zero may have no series where it never happened.
    return {
        key: (sums.get(key, 0.0), whole.samples.get(key, 0.0))
        for key in {*sums, *whole.samples}
        if _adds_up(key) and sums.get(key, 0.0) != pytest.approx(whole.samples.get(key, 0.0), rel=1e-9)
    }


def heard_by(part: Exposition, messages: str) -> float:
    """Messages of its own, by the counter of this name, and foreign ones."""
    own = sum(value for (name, _), value in part.samples.items() if name == messages)
    return own + part.samples[FOREIGN, frozenset()]


def _adds_up(key: Key) -> bool:
    name = key[0]
    return name not in NEVER_ADDED and not name.startswith(OF_EACH)
