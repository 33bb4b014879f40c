"""The recording rules: what dashboards and alerts would else aggregate over every device, each time.

`without (device_id)`, not `by (...)`: the same rule serves both levels of detail and keeps every label that a
scrape configuration adds.
"""

from alerts.fleet import elsewhere, fleet_recordings
from alerts.rule import Group, Recording
from alerts.windows import Windows

OBJECTIVE_WINDOWS = ("5m", "30m", "1h", "2h", "6h", "1d", "3d")
"""Those of the burn-rate alerts."""

SLOW_SECONDS = "2.0"
"""An update is slow beyond this bound of a latency bucket."""

BATTERY_BOUNDS = (10, 20, 30, 40, 50, 60, 70, 80, 90, 100)
UPTIME_BOUNDS = {"1h": 3_600, "6h": 21_600, "1d": 86_400, "7d": 604_800, "30d": 2_592_000, "90d": 7_776_000}
LOW_BATTERY = 20
"""Percent, as in BATTERY_BOUNDS; a device below it that does not charge goes dark soon."""

PICKED = 10
"""Devices of each exporter in a recorded set."""
LOWEST_BATTERIES = "device:tickrmeter_device_battery_level:bottomk"
MOST_WIFI_LOST = "device:tickrmeter_device_wifi_lost_count:topk"
"""Recorded sets: tables about such devices join on them, for two queries need not pick the same ones."""


def recording_groups(windows: Windows) -> tuple[Group, ...]:
    """Return every recording rule."""
    return (
        Group("tickrmeter.updates", _updates(windows), windows("1m")),
        Group("tickrmeter.objectives", _objectives(windows), windows("1m")),
        Group("tickrmeter.history", _history(windows), windows("5m")),
        Group("tickrmeter.devices", _devices(windows), windows("1m")),
        Group("tickrmeter.exporter", _exporter(windows), windows("1m")),
        # Last, for tests that evaluate groups in turn; it goes by what all others record.
        Group("tickrmeter.fleet", fleet_recordings(windows), windows("1m")),
    )


def _updates(w: Windows) -> tuple[Recording, ...]:
    latency = "tickrmeter_stock_update_latency_seconds"
    by_symbol = f"symbol:{latency}"
    fleet = f"instance:{latency}"
    rate = f"[{w('5m')}]"
    return (
        *(
            Recording(f"symbol:{metric}:rate5m", f"sum without (device_id) (rate({metric}_total{rate}))")
            for metric in ("tickrmeter_stock_update_requests", "tickrmeter_stock_update_responses")
        ),
        Recording(
            "symbol:tickrmeter_stock_update_timeout:rate5m",
            f"rate(tickrmeter_stock_update_timeout_total{rate})",
        ),
        *(
            Recording(f"{by_symbol}_{part}:rate5m", f"sum without (device_id) (rate({latency}_{part}{rate}))")
            for part in ("bucket", "sum", "count")
        ),
        *(
            Recording(f"{fleet}_{part}:rate5m", f"sum without (symbol) ({by_symbol}_{part}:rate5m)")
            for part in ("bucket", "sum", "count")
        ),
        # Nothing answered: no mean, rather than 0 / 0.
        *(
            Recording(f"{level}:mean5m", f"{level}_sum:rate5m / ({level}_count:rate5m > 0)")
            for level in (by_symbol, fleet)
        ),
    )


def _objectives(w: Windows) -> tuple[Recording, ...]:
    outcomes = "tickrmeter_stock_update_outcomes"
    latency = "instance:tickrmeter_stock_update_latency_seconds"
    rules = [
        Recording(
            f"instance:{outcomes}:rate5m",
            f"sum without (firmware_version) (rate({outcomes}_total[{w('5m')}]))",
        )
    ]
    for window in OBJECTIVE_WINDOWS:
        of = f"sum without (firmware_version, outcome) (rate({outcomes}_total%s[{w(window)}]))"
        timeouts, ended = of % '{outcome="timeout"}', of % ""
        rules.append(
            Recording(
                f"instance:tickrmeter_stock_update_timeouts:ratio_rate{window}",
                # There is no series of timeouts before the first one.
                f"({timeouts} or 0 * {ended}) / ({ended} > 0)",
            )
        )
    for window in OBJECTIVE_WINDOWS:
        # From recorded rates: three days of every device's buckets are too much to ask for.
        quick = f'sum_over_time({latency}_bucket:rate5m{{le="{SLOW_SECONDS}"}}[{w(window)}])'
        rules.append(
            Recording(
                f"instance:tickrmeter_stock_update_slow:ratio_rate{window}",
                f"1 - sum without (le) ({quick}) / (sum_over_time({latency}_count:rate5m[{w(window)}]) > 0)",
            )
        )
    return tuple(rules)


def _history(w: Windows) -> tuple[Recording, ...]:
    """Of each symbol over a day that ended an hour ago: an incident is not measured by itself."""
    mean = "symbol:tickrmeter_stock_update_latency_seconds:mean5m"
    past = f"{mean}[{w('1d')}] offset {w('1h')}"
    # A mean of a few minutes is no history: 180 are three hours of one a minute.
    enough = f"and count_over_time({past}) >= 180"
    return (
        Recording("symbol:tickrmeter_stock_update_latency_seconds:mean1d", f"avg_over_time({past}) {enough}"),
        Recording(
            "symbol:tickrmeter_stock_update_latency_seconds:stddev1d", f"stddev_over_time({past}) {enough}"
        ),
        Recording(
            "symbol:tickrmeter_stock_update_responses:mean1d",
            f"avg_over_time(symbol:tickrmeter_stock_update_responses:rate5m[{w('1d')}] offset {w('1h')})",
        ),
    )


def _devices(w: Windows) -> tuple[Recording, ...]:
    battery = "tickrmeter_device_battery_level"
    uptime = "tickrmeter_device_uptime_seconds"
    vin = "tickrmeter_device_vin_level"
    outcomes = f"sum without (outcome) (rate(tickrmeter_stock_update_outcomes_total%s[{w('30m')}]))"
    timeouts, ended = outcomes % '{outcome="timeout"}', outcomes % ""
    of_firmware = "firmware:tickrmeter_stock_update_%s:rate30m"
    own_timeouts, own_ended = of_firmware % "timeouts", of_firmware % "outcomes"
    rest_ended = of_firmware % "outcomes_elsewhere"
    # A bare comparison keeps the series that hold; `bool` gives 0 for the rest, so empty buckets exist.
    return (
        *_picked(),
        Recording(
            "firmware:tickrmeter_devices_online:sum",
            "sum without (iv, flash_id) (tickrmeter_devices_online_total)",
        ),
        Recording(
            "instance:tickrmeter_devices_online:sum",
            # A firmware version without a device online has no series, so with none online there is no sum.
            "sum without (firmware_version) (firmware:tickrmeter_devices_online:sum)"
            " or 0 * tickrmeter_mqtt_connected",
        ),
        Recording(
            "firmware:tickrmeter_devices_known:sum",
            "sum without (iv) (tickrmeter_devices_by_firmware_total)",
        ),
        Recording(
            "instance:tickrmeter_devices_known:sum",
            "sum without (firmware_version) (firmware:tickrmeter_devices_known:sum)",
        ),
        *(
            Recording(
                f"instance:{battery}_bucket:count",
                f"sum without (device_id, firmware_version) ({battery} <= bool {bound})",
                {"le": str(bound)},
            )
            for bound in BATTERY_BOUNDS
        ),
        Recording(
            f"instance:{battery}_low:ratio",
            f"sum without (device_id, firmware_version) (({battery} < bool {LOW_BATTERY})"
            " * ignoring (firmware_version) group_left () (1 - tickrmeter_device_charging_status))"
            f" / count without (device_id, firmware_version) ({battery})",
        ),
        *(
            Recording(
                f"instance:{uptime}_bucket:count",
                f"sum without (device_id) ({uptime} <= bool {seconds})",
                {"le": str(seconds)},
            )
            for seconds in UPTIME_BOUNDS.values()
        ),
        Recording(f"instance:{uptime}_bucket:count", f"count without (device_id) ({uptime})", {"le": "+Inf"}),
        *(
            Recording(
                f"instance:{vin}:quantile",
                f"quantile without (device_id) ({quantile}, {vin})",
                {"quantile": quantile},
            )
            for quantile in ("0.05", "0.5", "0.95")
        ),
        # As reported it is a gauge, but it counts up from each boot, as a counter does.
        Recording(
            "instance:tickrmeter_device_wifi_lost:rate15m",
            f"sum without (device_id) (rate(tickrmeter_device_wifi_lost_count[{w('15m')}]))",
        ),
        Recording(
            "instance:tickrmeter_device_boots:rate15m",
            f"sum without (firmware_version) (rate(tickrmeter_device_boots_total[{w('15m')}]))",
        ),
        Recording(own_ended, ended),
        # There is no series of timeouts before the first one.
        Recording(own_timeouts, f"{timeouts} or 0 * {own_ended}"),
        Recording(
            "firmware:tickrmeter_stock_update_timeouts:ratio_rate30m", f"{own_timeouts} / ({own_ended} > 0)"
        ),
        # Of all other firmware: a release that most devices run must not hide behind its own share.
        Recording(rest_ended, elsewhere(own_ended)),
        Recording(
            "firmware:tickrmeter_stock_update_timeouts_elsewhere:ratio_rate30m",
            f"({elsewhere(own_timeouts)}) / ({rest_ended} > 0)",
        ),
    )


def _picked() -> tuple[Recording, ...]:
    """Return the sets of devices to look at first: as many of each exporter, however many are equally bad."""
    battery = "tickrmeter_device_battery_level"
    of_each = "without (device_id, firmware_version)"
    # With the firmware version, which a dashboard chooses by.
    on_battery = f"{battery} unless ignoring (firmware_version) (tickrmeter_device_charging_status == 1)"
    return (
        Recording(LOWEST_BATTERIES, f"bottomk {of_each} ({PICKED}, {on_battery})"),
        Recording(MOST_WIFI_LOST, f"topk without (device_id) ({PICKED}, tickrmeter_device_wifi_lost_count)"),
    )


def _exporter(w: Windows) -> tuple[Recording, ...]:
    messages = f"rate(tickrmeter_messages_total[{w('5m')}])"
    # A retained or repeated delivery is set aside by rule, not because anything is wrong with it.
    errors = f'rate(tickrmeter_message_errors_total{{reason!~"retained|duplicate"}}[{w("5m")}])'
    return (
        Recording("instance:tickrmeter_messages:rate5m", f"sum without (message_type) ({messages})"),
        Recording(
            "instance:tickrmeter_message_errors:ratio_rate5m",
            # There is no series of errors before the first one.
            f"(sum without (message_type, reason) ({errors}) or 0 * instance:tickrmeter_messages:rate5m)"
            " / (instance:tickrmeter_messages:rate5m > 0)",
        ),
    )
