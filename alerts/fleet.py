"""Recording rules of a whole fleet, however many exporters share it: without `instance`.

They are made of the levels below, and of one complete set of exporters: while there are two, as when their
number changes, of the one that has run for longer; while there is none there are no figures, rather than low
ones. What is added up is what can be: counts, rates and buckets. Means and shares are made of sums,
percentiles of summed buckets, and the connection is the worst one.
"""

from alerts.rule import Recording
from alerts.windows import Windows

ONE_TARGET = "instance, pod"
"""Labels that tell exporters of one fleet apart; Kubernetes adds the second."""

COMPLETE = "set:tickrmeter_partitions:complete"
"""When the last of a set was started, a second later for each of them, if all are there: Unix seconds."""
CHOSEN = "instance:tickrmeter_partition:chosen"
"""1 for each exporter whose figures are added up."""
SPARE = "instance:tickrmeter_partition:spare"
"""1 for each exporter that must not be added to those: its devices are theirs, too."""

NEVER_ADDED = frozenset(
    {
        *("tickrmeter_stock_update_avg_latency_seconds", "tickrmeter_symbol_avg_latency_seconds"),
        *("tickrmeter_symbol_avg_response_time", "tickrmeter_stock_update_p95_latency_seconds"),
        *("tickrmeter_stock_update_p99_latency_seconds", "tickrmeter_symbol_response_rate"),
        *("tickrmeter_symbol_anomaly", "tickrmeter_symbol_anomaly_score"),
        *("tickrmeter_symbol_latency_trend_ratio", "tickrmeter_stock_update_slowest_symbol_seconds"),
        *("tickrmeter_slowest_symbols_ranking", "tickrmeter_stock_update_answers_missing"),
        *("system_cpu_usage_percent", "system_memory_usage_bytes", "system_memory_total_bytes"),
    }
)
"""Gauges of which no sum over exporters means anything: of windows of outcomes, and of a whole machine."""

WINDOWS = ("5m", "1h")
"""Of the shares: now, and as the objectives are looked at."""
QUANTILES = ("0.5", "0.95", "0.99")

_INFO = "tickrmeter_partition_info"
_OF_SET = f"{ONE_TARGET}, partition"
_OF_EACH = f"{_INFO} * ignoring (partition, partitions) group_left () %s"
THERE = f"count without (partition) (max without ({ONE_TARGET}) ({_INFO}))"
"""How many different partitions are there, for each number of them that somebody is told."""
SIZE = f"max without ({_OF_SET}) ({_OF_EACH % 'tickrmeter_partitions'})"
"""That number."""

_ASSIGNED = "tickrmeter_kafka_partitions_assigned"
UNASSIGNED = (
    f"max without ({ONE_TARGET}) (tickrmeter_kafka_partitions)"
    f" - (sum without ({ONE_TARGET}) ({_ASSIGNED})"
    f" or 0 * max without ({ONE_TARGET}) (tickrmeter_kafka_partitions))"
)
"""Partitions of a topic that no handler keeps."""

_LATENCY = "tickrmeter_stock_update_latency_seconds"
_PARTS = ("bucket", "sum", "count")


def fleet_recordings(w: Windows) -> tuple[Recording, ...]:
    """Return them, those first that the others go by."""
    return (*_chosen(), *_link(), *_updates(), *_symbols(w), *_shares(w), *_devices(), *_boards(w))


def elsewhere(record: str) -> str:
    """Return what is recorded of all other firmware versions, where `record` is by firmware version."""
    return f"sum without (firmware_version) ({record}) - ignoring (firmware_version) group_right () {record}"


def _chosen() -> tuple[Recording, ...]:
    started = f"max without ({_OF_SET}) ({_OF_EACH % 'process_start_time_seconds'})"
    oldest = f"{COMPLETE} == ignoring (partitions) group_left () min without (partitions) ({COMPLETE})"
    return (
        # Two sets may be started within the hundredth of a second that this clock has.
        Recording(COMPLETE, f"{started} + ({SIZE} == {THERE})"),
        Recording(
            CHOSEN,
            f"max without (partition, partitions) ({_INFO} and ignoring ({_OF_SET}) ({oldest}))"
            # Handlers deal partitions of a topic among themselves: together they are one set. Beside a
            # complete set of exporters they count when that is gone.
            f" or ({_ASSIGNED} >= bool 0 and ignoring ({ONE_TARGET}) ({UNASSIGNED} == 0)"
            f" unless ignoring ({ONE_TARGET}) max without (partitions) ({COMPLETE}))",
        ),
        # None while no set is complete: what leaves these out then shows a part of the fleet, not nothing.
        Recording(
            SPARE,
            f"((max without (partition, partitions) ({_INFO}) or {_ASSIGNED} >= bool 0)"
            f" unless on (job, instance) {CHOSEN})"
            f" and ignoring ({ONE_TARGET}) max without ({ONE_TARGET}) ({CHOSEN})",
        ),
    )


def _of_chosen(expression: str, *besides: str, how: str = "sum") -> str:
    labels = ", ".join((ONE_TARGET, *besides))
    return f"{how} without ({labels}) ({expression} and on (job, instance) {CHOSEN})"


def _sum(record: str, *besides: str, level: str = "fleet") -> Recording:
    """Return the sum of what is recorded of each exporter under a name that begins with another level."""
    _, _, rest = record.partition(":")
    return Recording(f"{level}:{rest}", _of_chosen(record, *besides))


def _link() -> tuple[Recording, ...]:
    messages, errors = (
        "instance:tickrmeter_messages:rate5m",
        "instance:tickrmeter_message_errors:ratio_rate5m",
    )
    return (
        Recording("fleet:tickrmeter_mqtt_connected:min", _of_chosen("tickrmeter_mqtt_connected", how="min")),
        _sum(messages),
        Recording(
            "fleet:tickrmeter_message_errors:ratio_rate5m",
            f"{_of_chosen(f'({errors} * {messages})')} / ({_of_chosen(messages)} > 0)",
        ),
    )


def _updates() -> tuple[Recording, ...]:
    symbol, whole = f"fleet_symbol:{_LATENCY}", f"fleet:{_LATENCY}"
    return (
        *(
            _sum(f"symbol:tickrmeter_stock_update_{what}:rate5m", level="fleet_symbol")
            for what in ("requests", "responses", "timeout")
        ),
        *(_sum(f"symbol:{_LATENCY}_{part}:rate5m", level="fleet_symbol") for part in _PARTS),
        *(_sum(f"instance:{_LATENCY}_{part}:rate5m") for part in _PARTS),
        *(
            Recording(f"{level}:mean5m", f"{level}_sum:rate5m / ({level}_count:rate5m > 0)")
            for level in (symbol, whole)
        ),
        *(
            Recording(
                f"{whole}:quantile",
                f"histogram_quantile({quantile}, {whole}_bucket:rate5m)",
                {"quantile": quantile},
            )
            for quantile in QUANTILES
        ),
        Recording(
            "fleet:tickrmeter_stock_updates_pending:sum", _of_chosen("tickrmeter_stock_updates_pending")
        ),
    )


def _symbols(w: Windows) -> tuple[Recording, ...]:
    """What alerts about a symbol go by, besides its rates."""
    answered, timed_out = (
        f"symbol:tickrmeter_stock_update_{what}:rate5m" for what in ("responses", "timeout")
    )
    # There is no series of either before the first one.
    ended = f"(({answered} or 0 * {timed_out}) + ({timed_out} or 0 * {answered}))"
    part = f"{ended} / ignoring ({ONE_TARGET}) group_left () ({_of_chosen(ended)} > 0)"
    responses = "fleet_symbol:tickrmeter_stock_update_responses"
    return (
        Recording(
            "fleet_symbol:tickrmeter_symbol_response_rate:ratio",
            # Each exporter's counts for as much as the outcomes that it has seen. One alone counts for
            # exactly 1, so that its rate is what it was.
            _of_chosen(f"(tickrmeter_symbol_response_rate * ({part}))"),
        ),
        # Over a day that ended an hour ago: an incident is not measured by itself. Not the sum of what is
        # recorded of each exporter: new ones have no history, and the fleet has.
        Recording(f"{responses}:mean1d", f"avg_over_time({responses}:rate5m[{w('1d')}] offset {w('1h')})"),
    )


def _shares(w: Windows) -> tuple[Recording, ...]:
    found = [_sum("instance:tickrmeter_stock_update_outcomes:rate5m")]
    for window in WINDOWS:
        rate = f"rate(tickrmeter_stock_update_outcomes_total%s[{w(window)}])"
        besides = ("firmware_version", "outcome")
        timeouts = _of_chosen(rate % '{outcome="timeout"}', *besides)
        ended = _of_chosen(rate % "", *besides)
        found.append(
            Recording(
                f"fleet:tickrmeter_stock_update_timeouts:ratio_rate{window}",
                # There is no series of timeouts before the first one.
                f"({timeouts} or 0 * {ended}) / ({ended} > 0)",
            )
        )
    return tuple(found)


def _devices() -> tuple[Recording, ...]:
    battery, uptime = "tickrmeter_device_battery_level", "tickrmeter_device_uptime_seconds"
    low = f"instance:{battery}_low:ratio"
    # As many as have said how full they are.
    counted = f'instance:{battery}_bucket:count{{le="100"}}'
    firmware = "firmware:tickrmeter_stock_update_%s:rate30m"
    of_fleet = f"fleet_{firmware}"
    return (
        *(
            _sum(f"{level}:tickrmeter_devices_{what}:sum", level=above)
            for what in ("online", "known")
            for level, above in (("firmware", "fleet_firmware"), ("instance", "fleet"))
        ),
        _sum(f"instance:{battery}_bucket:count"),
        Recording(
            f"fleet:{battery}_low:ratio",
            f"{_of_chosen(f'({low} * ignoring (le) {counted})')} / ({_of_chosen(counted, 'le')} > 0)",
        ),
        _sum(f"instance:{uptime}_bucket:count"),
        _sum("instance:tickrmeter_device_wifi_lost:rate15m"),
        _sum("instance:tickrmeter_device_boots:rate15m"),
        *(_sum(firmware % what, level="fleet_firmware") for what in ("outcomes", "timeouts")),
        Recording(
            "fleet_firmware:tickrmeter_stock_update_timeouts:ratio_rate30m",
            f"{of_fleet % 'timeouts'} / ({of_fleet % 'outcomes'} > 0)",
        ),
        Recording(of_fleet % "outcomes_elsewhere", elsewhere(of_fleet % "outcomes")),
        Recording(
            "fleet_firmware:tickrmeter_stock_update_timeouts_elsewhere:ratio_rate30m",
            f"({elsewhere(of_fleet % 'timeouts')}) / ({of_fleet % 'outcomes_elsewhere'} > 0)",
        ),
    )


def _boards(w: Windows) -> tuple[Recording, ...]:
    """Of AutoCore: what is there of it, and what was lost."""
    lost = 'autocore_connectivity_changes_total{to="offline",cause=~"will|silence"}'
    return (
        Recording("fleet:autocore_devices:sum", _of_chosen("autocore_devices")),
        Recording(
            "fleet:autocore_messages:rate5m",
            _of_chosen(f"rate(autocore_messages_total[{w('5m')}])", "message_type"),
        ),
        Recording(
            "fleet:autocore_connections_lost:rate10m",
            _of_chosen(f"rate({lost}[{w('10m')}])", "to", "cause"),
        ),
    )
