"""The sections of *Device health* that need figures for each device (`metrics.detail = "device"`)."""

from collections.abc import Mapping

from grafana_foundation_sdk.models.dashboard import Panel

from alerts.recording import BATTERY_BOUNDS, LOW_BATTERY, UPTIME_BOUNDS
from grafana.dashboard import DEVICE
from grafana.link import link_to
from grafana.panel import Properties, bars, note, rows, trend
from grafana.query import Query, distribution, select, table

CHARGE = ((None, "red"), (LOW_BATTERY, "yellow"), (2 * LOW_BATTERY, "green"))
"""Percent of a battery."""
LOW_BATTERIES = ((0.05, "yellow"), (0.1, "red"))
"""Shares of the fleet: from 10 % on TickrMeterBatteriesLow fires."""
SILENT = ((120, "yellow"), (300, "red"))
"""Seconds: at 300, unless set otherwise, a device leaves the exporter."""

_HOUR = 3_600
_DAY = 86_400
_WORST = 20
"""Rows of the tables of devices."""

_FIRMWARE = 'firmware_version=~"$firmware_version"'
_BATTERY = "tickrmeter_device_battery_level"
_UPTIME = "tickrmeter_device_uptime_seconds"
_WIFI_LOST = "instance:tickrmeter_device_wifi_lost:rate15m"

_NEEDS_DETAIL = (
    'The panels below need figures for each device, so they show "No data" when the exporter runs with'
    ' `metrics.detail = "symbol"`. That is no fault: all other sections work in both levels of detail.'
)


def power() -> tuple[Panel, ...]:
    """Return the section on batteries, supply and uptime."""
    # The same expression in every column, so that devices with equal readings are the same ones in each.
    charging = select("tickrmeter_device_charging_status")
    worst = (
        f"bottomk({_WORST}, min by (device_id, firmware_version) ({select(_BATTERY, _FIRMWARE)}"
        f" unless on (job, instance, device_id) ({charging} == 1)))"
    )
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
            " devices lie. Good: steady lines. A sinking lowest line means weak power supplies.",
            [
                Query(f"avg({select('instance:tickrmeter_device_vin_level:quantile', matcher)})", name)
                for matcher, name in (
                    ('quantile="0.95"', "95 % are below"),
                    ('quantile="0.5"', "middle"),
                    ('quantile="0.05"', "5 % are below"),
                )
            ],
            unit="none",
        ),
        rows(
            "Lowest batteries that do not charge",
            f"The {_WORST} devices with the chosen firmware that go dark first. Click a device to see all"
            " about it.",
            [
                table(worst),
                table(_of_those("tickrmeter_device_vin_level", worst)),
                table(_of_those(_UPTIME, worst)),
                table(_since_seen(worst)),
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
    worst = f"topk({_WORST}, max by (device_id) ({select('tickrmeter_device_wifi_lost_count')}))"
    uptime = f"max by (device_id) ({select(_UPTIME)})"
    battery = select(_BATTERY)
    return (
        note("If wifi shows no data", _NEEDS_DETAIL),
        rows(
            "Devices that lose their wifi most",
            f"The {_WORST} devices with the most losses, worst first. One that has run for long has had time"
            " to lose it, so look at the losses a day as well (no figure within an hour of a boot): yellow"
            " from 10, red from 50. Such a device is too far from its access point, or is faulty. Click a"
            " device to see all about it.",
            [
                table(worst),
                # Not of the last hour's boots: one loss in a minute is no thousand a day.
                table(f"{worst} / on (device_id) ({uptime} > {_HOUR}) * {_DAY}"),
                table(_of_those(_UPTIME, worst)),
                table(f"max by (device_id, firmware_version) ({battery}) and on (device_id) {worst}"),
                table(_since_seen(worst)),
            ],
            key="device_id",
            others=("firmware_version",),
            columns=(
                ("Wifi losses", "short"),
                ("Losses a day", "short"),
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


def _of_those(metric: str, devices: str) -> str:
    return f"max by (device_id) ({select(metric)}) and on (device_id) {devices}"


def _since_seen(devices: str) -> str:
    seen = select("tickrmeter_device_last_seen_timestamp")
    return f"time() - max by (device_id) ({seen}) and on (device_id) {devices}"


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
