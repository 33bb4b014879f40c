"""The dashboard *Device*: everything that is known about one device, and how its symbols fare."""

from grafana_foundation_sdk.models.dashboard import Panel

from grafana.backend import ANSWERED, SLOW
from grafana.dashboard import (
    BACKEND,
    DEVICE,
    Annotation,
    Made,
    Section,
    alerts,
    connection_changes,
    make_dashboard,
)
from grafana.device_health_detail import CHARGE, SILENT
from grafana.link import link_to
from grafana.panel import figure, heat, note, rows, trend
from grafana.query import Form, Query, select, table
from grafana.variable import datasource, device_id, instance, job

_ONLINE_SECONDS = 120
_DEVICE = 'device_id="$device_id"'
_MINUTE = 60

_LATENCY = "tickrmeter_stock_update_latency_seconds"
_REQUESTS = "tickrmeter_stock_update_requests_total"
_RESPONSES = "tickrmeter_stock_update_responses_total"
_BOOT_COUNT = "tickrmeter_device_boot_count"
_LAST_SEEN = "tickrmeter_device_last_seen_timestamp"


def one_device() -> Made:
    """Return the dashboard."""
    return make_dashboard(
        DEVICE,
        "TickrMeter / Device",
        "Everything that is known about one device: its readings, and how the symbols that it shows fare.",
        (datasource(), job(), instance(), device_id()),
        (
            Section("Now (device detail)", _now()),
            Section("Readings over time (device detail)", _readings()),
            Section("Its symbols (device detail)", _symbols()),
        ),
        annotations=(alerts('component="devices"'), _boots(), connection_changes()),
    )


def _boots() -> Annotation:
    count = select(_BOOT_COUNT, _DEVICE)
    # A device that does not count its boots has no figure before the first one that the exporter saw.
    uptime = select("tickrmeter_device_uptime_seconds", _DEVICE)
    return Annotation(
        "Boots",
        f"changes({count}[$__rate_interval]) > 0 or resets({uptime}[$__rate_interval]) > 0",
        "{{device_id}} booted.",
        "purple",
    )


def _newest(metric: str) -> str:
    # Of the exporters that saw the device; most often there is one.
    return f"max({select(metric, _DEVICE)})"


def _now() -> tuple[Panel, ...]:
    silence = f"time() - {_newest(_LAST_SEEN)}"
    return (
        note(
            "Device detail",
            "Choose a device at the top, or come here from a table of *TickrMeter / Device health*."
            ' Everything here needs figures for each device: it shows "No data" when the exporter runs with'
            ' `metrics.detail = "symbol"`, and for a device that has been silent for so long (five minutes,'
            " unless set otherwise) that the exporter has forgotten it.",
        ),
        figure(
            "State",
            f"Online: heard from within the last {_ONLINE_SECONDS} seconds. Silent: not since then. Gone: not"
            " known to the exporter any more, so off or without a network for minutes, or never seen.",
            # The last part is there in device detail only: without it nothing can be said of a device.
            Query(
                f"(({silence}) < bool {_ONLINE_SECONDS}) or - (count({select(_LAST_SEEN)}) > bool 0)",
                instant=True,
            ),
            mappings={1: ("Online", "green"), 0: ("Silent", "yellow"), -1: ("Gone", "red")},
            width=6,
        ),
        figure(
            "Last seen ago",
            "Time since the device's last own message. Good: less than two minutes.",
            Query(silence, instant=True),
            unit="s",
            steps=SILENT,
            width=6,
        ),
        figure(
            "Battery",
            "Red below 20 %: it goes dark soon unless it charges.",
            Query(_newest("tickrmeter_device_battery_level"), instant=True),
            unit="percent",
            steps=CHARGE,
            width=6,
        ),
        figure(
            "Power",
            "Whether the device says that it charges.",
            Query(_newest("tickrmeter_device_charging_status"), instant=True),
            mappings={1: ("Charging", "green"), 0: ("On battery", "blue")},
            width=6,
        ),
        figure(
            "Uptime",
            "Since the last boot, as the device reports it. Minutes are fine after an update; otherwise it"
            " has crashed or lost its power.",
            Query(_newest("tickrmeter_device_uptime_seconds"), instant=True),
            unit="s",
            steps=((None, "yellow"), (600, "green")),
            width=6,
        ),
        figure(
            "Boots",
            "As the device counts them, else as the exporter saw them. The number alone says little: what"
            " matters is whether it grows. No data: it does not count them, and none was seen.",
            Query(_newest(_BOOT_COUNT), instant=True),
            unit="none",
            width=6,
        ),
        figure(
            "Wifi losses",
            "As the device counts them. Look below whether they grow: ten a day are too many.",
            Query(_newest("tickrmeter_device_wifi_lost_count"), instant=True),
            unit="none",
            width=6,
        ),
        figure(
            "Supply level (VIN)",
            "As the device reports it. Compare it with the fleet's on *TickrMeter / Device health*.",
            Query(_newest("tickrmeter_device_vin_level"), instant=True),
            unit="none",
            decimals=2,
            width=6,
        ),
    )


def _readings() -> tuple[Panel, ...]:
    battery = select("tickrmeter_device_battery_level", _DEVICE)
    return (
        trend(
            "Battery over time, by firmware",
            "What is left of the battery. The line changes its colour and its name when the device gets"
            " another firmware. Good: it rises while the device charges, and falls slowly otherwise.",
            [Query(f"max by (firmware_version) ({battery})", "firmware {{firmware_version}}")],
            unit="percent",
            steps=CHARGE,
        ),
        trend(
            "Charging over time",
            "1 while the device charges, 0 while it runs on its battery. Quick changes mean a loose plug.",
            [Query(_newest("tickrmeter_device_charging_status"), "charging")],
            unit="none",
            width=6,
        ),
        trend(
            "Supply level over time",
            "As the device reports it. Good: two steady levels, one with the plug in and one without.",
            [Query(_newest("tickrmeter_device_vin_level"), "VIN")],
            unit="none",
            width=6,
        ),
        trend(
            "Uptime over time",
            "Grows steadily and falls to zero at each boot. Good: one long slope.",
            [Query(_newest("tickrmeter_device_uptime_seconds"), "uptime")],
            unit="s",
            width=6,
        ),
        trend(
            "Boots over time",
            "Each step is a boot. Good: a flat line, with a step at each update.",
            [Query(_newest(_BOOT_COUNT), "boots")],
            unit="none",
            width=6,
        ),
        trend(
            "Wifi losses over time",
            "Each step is a loss of the wifi. Good: a flat line. It may start anew at a boot.",
            [Query(_newest("tickrmeter_device_wifi_lost_count"), "wifi losses")],
            unit="none",
            width=6,
        ),
        trend(
            "Last seen ago over time",
            "Seconds since the device's last message. Good: low teeth. A gap in the line: the exporter had"
            " forgotten the device.",
            [Query(f"time() - {_newest(_LAST_SEEN)}", "last seen ago")],
            unit="s",
            steps=SILENT,
            width=6,
        ),
    )


def _symbols() -> tuple[Panel, ...]:
    requests, answers, total, count = (
        f"sum by (symbol) (increase({select(metric, _DEVICE)}[$__range]))"
        for metric in (_REQUESTS, _RESPONSES, f"{_LATENCY}_sum", f"{_LATENCY}_count")
    )
    return (
        rows(
            "Symbols of this device",
            "How often it asked for each symbol within the time range, how often it was answered, and how"
            " long the answers took. If one symbol is bad here, look at whether it is bad for all devices:"
            " click it. If all are bad, the device or its network is the cause.",
            [
                # Whole numbers: an increase is estimated, and 5.26 requests look like a fault.
                table(f"round({requests})"),
                table(f"round({answers})"),
                table(f"clamp_max({answers} / ({requests} > 0), 1)"),
                table(f"{total} / ({count} > 0)"),
            ],
            key="symbol",
            columns=(
                ("Requests", "locale"),
                ("Answers", "locale"),
                ("Answered", "percentunit"),
                ("Mean response time", "s"),
            ),
            sort_by="Mean response time",
            links={"symbol": link_to(BACKEND, "symbol")},
            steps={"Answered": ANSWERED, "Mean response time": SLOW},
            height=8,
        ),
        trend(
            "Requests by symbol",
            "How often the device asks for each symbol, per minute. Good: even. No line: it does not show"
            " that symbol any more, or is off.",
            [Query(_per_minute(_REQUESTS), "{{symbol}}")],
            unit="cpm",
            stacked=True,
        ),
        trend(
            "Answers by symbol",
            "How often the device is answered, per minute. Good: the same as the requests.",
            [Query(_per_minute(_RESPONSES), "{{symbol}}")],
            unit="cpm",
            stacked=True,
        ),
        trend(
            "Mean response time by symbol",
            "Time from a request to its answer. Yellow line: two seconds, what an update should take at most."
            " Red line: ten seconds.",
            [Query(_mean_latency(), "{{symbol}}")],
            unit="s",
            steps=SLOW,
        ),
        heat(
            "Response times over time",
            "All answers to this device: the more a cell stands out, the more took that long (seconds).",
            Query(
                f"sum by (le) (increase({select(f'{_LATENCY}_bucket', _DEVICE)}[$__rate_interval]))",
                "{{le}}",
                form=Form.BUCKETS,
            ),
            axis_unit="s",
        ),
    )


def _per_minute(metric: str) -> str:
    return f"sum by (symbol) (rate({select(metric, _DEVICE)}[$__rate_interval])) * {_MINUTE}"


def _mean_latency() -> str:
    total, count = (
        f"sum by (symbol) (rate({select(f'{_LATENCY}_{part}', _DEVICE)}[$__rate_interval]))"
        for part in ("sum", "count")
    )
    return f"{total} / ({count} > 0)"
