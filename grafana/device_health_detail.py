"""The sections of *Device health* that need figures for each device (`metrics.detail = "device"`)."""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import Panel

from alerts.recording import (
    BATTERY_BOUNDS,
    LOW_BATTERY,
    LOWEST_BATTERIES,
    MOST_WIFI_LOST,
    PICKED,
    UPTIME_BOUNDS,
)
from grafana.dashboard import DEVICE
from grafana.link import link_to
from grafana.panel import Properties, bars, note, rows, trend
from grafana.query import SETTLED_SECONDS, Query, distribution, select, settled, table

CHARGE = ((None, "red"), (LOW_BATTERY, "yellow"), (2 * LOW_BATTERY, "green"))
"""Percent of a battery."""
LOW_BATTERIES = ((0.05, "yellow"), (0.1, "red"))
"""Shares of the fleet: from 10 % on TickrMeterBatteriesLow fires."""
SILENT = ((120, "yellow"), (300, "red"))
"""Seconds: at 300, unless set otherwise, a device leaves the exporter."""

_HOUR = 3_600
_DAY = 86_400
_SAME_DEVICE = "on (job, instance, device_id)"

_FIRMWARE = 'firmware_version=~"$firmware_version"'
_BATTERY = "tickrmeter_device_battery_level"
_UPTIME = "tickrmeter_device_uptime_seconds"
_WIFI_LOST_COUNT = "tickrmeter_device_wifi_lost_count"
_WIFI_LOST = "instance:tickrmeter_device_wifi_lost:rate15m"

_NEEDS_DETAIL = (
    'The panels below need figures for each device, so they show "No data" when the exporter runs with'
    ' `metrics.detail = "symbol"`. That is no fault: all other sections work in both levels of detail.'
)


def power() -> tuple[Panel, ...]:
    """Return the section on batteries, supply and uptime."""
    lowest = settled(LOWEST_BATTERIES, _FIRMWARE)
    return (
        note("If power and uptime show no data", _NEEDS_DETAIL),
        bars(
            "Battery levels",
            "Devices by what their battery has left: the bar 30 % counts those above 20 % and up to 30 %."
            " Good: most are on the right. Red bars are about to go dark unless they charge.",
            [distribution(f"sum by (le) ({select(f'instance:{_BATTERY}_bucket:count')})")],
            decimals=0,
            upright=True,
            overrides=_battery_bars(),
        ),
        bars(
            "Uptimes",
            "Devices by how long they have run since their last boot; a bar counts those up to its time and"
            " above that of the bar to its left. A high bar at the left means that many have just booted.",
            [distribution(f"sum by (le) ({select(f'instance:{_UPTIME}_bucket:count')})")],
            decimals=0,
            upright=True,
            overrides=_uptime_bars(),
        ),
        trend(
            "Low batteries",
            f"Share of the devices with less than {LOW_BATTERY} % left that do not charge. Red from a tenth.",
            [Query(f"max by (instance) ({select(f'instance:{_BATTERY}_low:ratio')})", "{{instance}}")],
            unit="percentunit",
            steps=LOW_BATTERIES,
        ),
        trend(
            "Supply level (VIN)",
            "As the devices report it: the middle device, and the bounds below which 5 % and 95 % of the"
            " devices lie (of several exporters: the middle, the highest and the lowest of theirs). Good:"
            " steady lines. A sinking lowest line means weak power supplies.",
            [
                Query(f"{how}{select('instance:tickrmeter_device_vin_level:quantile', matcher)})", name)
                for how, matcher, name in (
                    ("max(", 'quantile="0.95"', "95 % are below"),
                    ("quantile(0.5, ", 'quantile="0.5"', "middle"),
                    ("min(", 'quantile="0.05"', "5 % are below"),
                )
            ],
            unit="none",
        ),
        rows(
            "Lowest batteries that do not charge",
            f"The {PICKED} devices of each exporter that go dark first, picked once a minute; shown are those"
            " with the chosen firmware. Click a device to see all about it.",
            [
                table(_of(_BATTERY, lowest, by="device_id, firmware_version")),
                table(_of("tickrmeter_device_vin_level", lowest)),
                table(_of(_UPTIME, lowest)),
                table(_since_seen(lowest)),
            ],
            key="device_id",
            others=("firmware_version",),
            columns=(("Battery", "percent"), ("VIN", "none"), ("Uptime", "s"), ("Last seen ago", "s")),
            sort_by="Battery",
            descending=False,
            links={"device_id": link_to(DEVICE, "device_id")},
            steps={"Battery": CHARGE, "Last seen ago": SILENT},
        ),
    )


def wifi() -> tuple[Panel, ...]:
    """Return the section on losses of the wifi."""
    most = settled(MOST_WIFI_LOST)
    # Not of the last hour's boots: one loss in a minute is no thousand a day.
    a_day = f"{settled(_WIFI_LOST_COUNT)} / {_SAME_DEVICE} ({settled(_UPTIME)} > {_HOUR}) * {_DAY}"
    return (
        note("If wifi shows no data", _NEEDS_DETAIL),
        rows(
            "Devices that lose their wifi most",
            f"The {PICKED} devices of each exporter with the most losses, picked once a minute. One that has"
            " run for long has had time to lose it, so look at the losses a day as well (no figure within an"
            " hour of a boot): yellow from 10, red from 50. Such a device is too far from its access point,"
            " or is faulty. Click a device to see all about it.",
            [
                table(_of(_WIFI_LOST_COUNT, most)),
                table(f"max by (device_id) ({a_day} and {_SAME_DEVICE} {most})"),
                table(_of(_UPTIME, most)),
                table(_of(_BATTERY, most, by="device_id, firmware_version")),
                table(_since_seen(most)),
            ],
            key="device_id",
            others=("firmware_version",),
            columns=(
                ("Wifi losses", "locale"),
                ("Losses a day", "locale"),
                ("Uptime", "s"),
                ("Battery", "percent"),
                ("Last seen ago", "s"),
            ),
            sort_by="Wifi losses",
            links={"device_id": link_to(DEVICE, "device_id")},
            steps={
                "Losses a day": ((10, "yellow"), (50, "red")),
                "Battery": CHARGE,
                "Last seen ago": SILENT,
            },
            width=16,
        ),
        trend(
            "Wifi losses an hour",
            "In the whole fleet, 15 minutes at a time, beside the mean of the day before. Three times the"
            " mean is a spike: then something that all devices share has failed.",
            [
                Query(f"sum({select(_WIFI_LOST)}) * {_HOUR}", "now"),
                Query(f"sum(avg_over_time({select(_WIFI_LOST)}[1d])) * {_HOUR}", "mean of a day"),
            ],
            width=8,
        ),
    )


# A query that picked the devices itself (`bottomk`) would not pick those of the next query: of equal readings
# any may win. So a rule records the set, and all join on it, as it and the readings were half a minute ago.
def _of(metric: str, devices: str, *, by: str = "device_id") -> str:
    """Return a reading of the devices of a recorded set, by the exporter whose set it is."""
    return f"max by ({by}) ({settled(metric)} and {_SAME_DEVICE} {devices})"


def _since_seen(devices: str) -> str:
    """Return how long each device had been silent then."""
    return f"time() - {SETTLED_SECONDS} - {_of('tickrmeter_device_last_seen_timestamp', devices)}"


def _battery_bars() -> Mapping[str, Properties]:
    """Return the looks of each bucket, which is named after its `le`."""
    return {
        str(bound): {
            "displayName": f"{bound} %",
            "color": {"mode": "fixed", "fixedColor": "red" if bound <= LOW_BATTERY else "green"},
        }
        for bound in BATTERY_BOUNDS
    }


def _uptime_bars() -> Mapping[str, Properties]:
    """Return the looks of each bucket, which is named after its `le`."""
    longest = next(reversed(UPTIME_BOUNDS))
    names = {str(seconds): f"up to {name}" for name, seconds in UPTIME_BOUNDS.items()}
    return {le: {"displayName": name} for le, name in (names | {"+Inf": f"above {longest}"}).items()}
