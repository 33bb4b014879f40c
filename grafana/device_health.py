"""The dashboard *Device health*: how many devices are online, of which make, and which are not well."""

from grafana_foundation_sdk.models.dashboard import Panel

from alerts.recording import LOW_BATTERY
from grafana.dashboard import (
    DEVICES,
    Annotation,
    Made,
    Section,
    alerts,
    connection_changes,
    make_dashboard,
)
from grafana.device_health_detail import LOW_BATTERIES, power, wifi
from grafana.link import link_to
from grafana.panel import bars, figure, heat, pie, rows, trend
from grafana.query import Form, Query, select, table
from grafana.variable import datasource, firmware_version, instance, job

_FIRMWARE = 'firmware_version=~"$firmware_version"'
_HOUR = 3_600
_DAY = 86_400

_ONLINE = "instance:tickrmeter_devices_online:sum"
_ONLINE_BY_FIRMWARE = "firmware:tickrmeter_devices_online:sum"
_KNOWN_BY_FIRMWARE = "firmware:tickrmeter_devices_known:sum"
_BOOTS = "instance:tickrmeter_device_boots:rate15m"
_WIFI_LOST = "instance:tickrmeter_device_wifi_lost:rate15m"
_BOOT_DURATION = "tickrmeter_device_boot_duration_seconds_bucket"
_BATTERY = "tickrmeter_device_battery_level"

_TIMEOUTS = ((0.01, "yellow"), (0.05, "red"))
"""Shares: what the objective of update success allows, and five times that."""
_SLOW_BOOT = ((30, "yellow"), (60, "red"))
_AGAINST_YESTERDAY = ((None, "red"), (-0.2, "yellow"), (-0.05, "green"))


def device_health() -> Made:
    """Return the dashboard."""
    return make_dashboard(
        DEVICES,
        "TickrMeter / Device health",
        "How many devices are online, whether a firmware release is worse than the others, and which devices"
        " need help.",
        (datasource(), job(), instance(), firmware_version()),
        (
            Section("At a glance", _glance()),
            Section("Devices online", _online()),
            Section("What the fleet is made of", _shares()),
            Section("Is a release worse than the last?", _releases()),
            Section("Boots", _boots()),
            Section("Power and uptime (device detail)", power()),
            Section("Wifi (device detail)", wifi()),
        ),
        annotations=(alerts('component="devices"'), _boots_spiking(), connection_changes()),
    )


def _boots_spiking() -> Annotation:
    # But for the offset as in TickrMeterRebootsSpiking: three boots where there was one are no spike.
    rate, known = select(_BOOTS), select("instance:tickrmeter_devices_known:sum")
    return Annotation(
        "Boots",
        f"{rate} > 3 * avg_over_time({rate}[1d])"
        f" and {rate} * {_HOUR} > 0.05 * {known} and {rate} * {_HOUR / 4:g} > 5",
        "Devices boot far more often than over the last day ({{instance}}).",
        "purple",
    )


def _of_firmware(metric: str) -> str:
    return f"sum by (firmware_version) ({select(metric, _FIRMWARE)})"


def _glance() -> tuple[Panel, ...]:
    online = f"sum({select(_ONLINE)})"
    timeouts, ended = (
        f"sum({select(f'firmware:tickrmeter_stock_update_{what}:rate30m', _FIRMWARE)})"
        for what in ("timeouts", "outcomes")
    )
    return (
        figure(
            "Online",
            "Devices with the chosen firmware that were heard from lately and did not say goodbye.",
            Query(f"sum({select(_ONLINE_BY_FIRMWARE, _FIRMWARE)})"),
            decimals=0,
            width=3,
        ),
        figure(
            "Against yesterday",
            "How many more (+) or fewer (-) devices of the whole fleet are online than at this time"
            " yesterday. Yellow from 5 % fewer, red from 20 %. No data until the exporter has run for a day.",
            Query(f"{online} / (sum({select(_ONLINE)} offset 1d) > 0) - 1"),
            unit="percentunit",
            steps=_AGAINST_YESTERDAY,
        ),
        figure(
            "Not answered in time",
            "Share of the requests by devices with the chosen firmware, last 30 minutes. The objective allows"
            " 1 %.",
            Query(f"({timeouts} or 0 * {ended}) / ({ended} > 0)"),
            unit="percentunit",
            steps=_TIMEOUTS,
        ),
        figure(
            "Boots/h",
            "In the whole fleet, at the pace of the last 15 minutes. A jump means that devices crash or that"
            " their power failed; an update makes each device boot once.",
            Query(f"sum({select(_BOOTS)}) * {_HOUR}"),
            decimals=0,
            width=3,
        ),
        figure(
            "Low charge (device detail)",
            f"Share of the devices with less than {LOW_BATTERY} % left that do not charge: they go dark soon."
            " Red from a tenth of the fleet.",
            Query(f"max({select(f'instance:{_BATTERY}_low:ratio')})"),
            unit="percentunit",
            steps=LOW_BATTERIES,
            width=5,
        ),
        figure(
            "Wifi loss/h (device detail)",
            "In the whole fleet, at the pace of the last 15 minutes. A jump in many homes at once points to"
            " the firmware or to the backend, not to the homes.",
            Query(f"sum({select(_WIFI_LOST)}) * {_HOUR}"),
            decimals=0,
            width=5,
        ),
    )


def _online() -> tuple[Panel, ...]:
    return (
        trend(
            "Devices online by firmware",
            "The height of all areas is the number of devices online. During a release one area grows as"
            " another shrinks; if the whole shrinks, devices are being lost.",
            [Query(_of_firmware(_ONLINE_BY_FIRMWARE), "{{firmware_version}}")],
            stacked=True,
        ),
        trend(
            "Fleet size against yesterday",
            "The whole fleet beside the same time a day ago. Good: both lines lie close together. A line of"
            " today that falls away from yesterday's is an outage, of the devices' network or of ours.",
            [
                Query(f"sum({select(_ONLINE)})", "today"),
                Query(f"sum({select(_ONLINE)} offset 1d)", "yesterday"),
            ],
        ),
    )


def _shares() -> tuple[Panel, ...]:
    by_firmware = select("tickrmeter_devices_by_firmware_total", _FIRMWARE)
    by_flash_id = select("tickrmeter_devices_by_flash_id_total")
    by_charging_state = select("tickrmeter_devices_by_charging_state_total")
    return (
        pie(
            "Firmware",
            "Known devices by firmware version. Many old versions mean that updates do not reach all.",
            Query(f"sum by (firmware_version) ({by_firmware})", "{{firmware_version}}", instant=True),
        ),
        pie(
            "Inner version",
            "Known devices with the chosen firmware by their inner firmware version.",
            Query(f"sum by (iv) ({by_firmware})", "{{iv}}", instant=True),
        ),
        pie(
            "Flash id",
            "Known devices by the kind of their flash memory. A fault that follows one kind is a fault of the"
            " hardware.",
            Query(f"sum by (flash_id) ({by_flash_id})", "{{flash_id}}", instant=True),
        ),
        pie(
            "Charging",
            'Known devices by what they say about their power; "unknown" have not said anything.',
            Query(f"sum by (charging_state) ({by_charging_state})", "{{charging_state}}", instant=True),
        ),
    )


def _releases() -> tuple[Panel, ...]:
    timeouts, ended = (
        _of_firmware(f"firmware:tickrmeter_stock_update_{what}:rate30m") for what in ("timeouts", "outcomes")
    )
    # Firmware that has never timed out has no timeouts at all, not 0 of them.
    timed_out = f"({timeouts} or 0 * {ended}) / ({ended} > 0)"
    elsewhere = select("firmware:tickrmeter_stock_update_timeouts_elsewhere:ratio_rate30m", _FIRMWARE)
    outcomes = select("tickrmeter_stock_update_outcomes_total", _FIRMWARE)
    boots = select("tickrmeter_device_boots_total", _FIRMWARE)
    streams = select("tickrmeter_http_stream_requests_total", _FIRMWARE)
    known = _of_firmware(_KNOWN_BY_FIRMWARE)
    return (
        rows(
            "Firmware versions compared",
            "A release is worse than the last if its requests time out more often than those of all other"
            " versions (yellow from 1 %, red from 5 %), if its devices boot more often, or if they take"
            " longer to boot. Timeouts are of the last 30 minutes, boots of the time range above. Click a"
            " version to look at it alone.",
            [
                table(_of_firmware(_ONLINE_BY_FIRMWARE)),
                table(timed_out),
                table(f"max by (firmware_version) ({elsewhere})"),
                table(f"sum by (firmware_version) (rate({boots}[$__range])) * {_DAY} / {known}"),
                table(_boot_quantile("0.95", "$__range")),
            ],
            key="firmware_version",
            columns=(
                ("Online", "locale"),
                ("Timed out", "percentunit"),
                ("Timed out, all others", "percentunit"),
                ("Boots a day, each device", "none"),
                ("Boot, 95 % within", "s"),
            ),
            sort_by="Timed out",
            links={"firmware_version": link_to(DEVICES, "firmware_version")},
            steps={"Timed out": _TIMEOUTS, "Boot, 95 % within": _SLOW_BOOT},
            height=8,
        ),
        trend(
            "Requests not answered in time, by firmware",
            "Share over 30 minutes at a time. Good: below 1 %, and all versions alike, for then only the"
            " backend matters. One version above the others is a regression.",
            [Query(timed_out, "{{firmware_version}}")],
            unit="percentunit",
            steps=_TIMEOUTS,
            width=8,
        ),
        trend(
            "Outcomes of requests",
            "How the requests of the chosen firmware end, per second. The timeouts should be a thin edge.",
            [
                Query(
                    f"sum by (outcome) (rate({outcomes}[$__rate_interval]))",
                    "{{outcome}}",
                )
            ],
            unit="reqps",
            stacked=True,
            width=8,
        ),
        trend(
            "Price streams over HTTP",
            "Requests for a stream per second, by firmware. Each is a device that asks for prices over HTTP"
            " instead of MQTT; neither is wrong, but a jump comes from a release or from trouble with MQTT.",
            [
                Query(
                    f"sum by (firmware_version) (rate({streams}[$__rate_interval]))",
                    "{{firmware_version}}",
                )
            ],
            unit="reqps",
            stacked=True,
            width=8,
        ),
    )


def _boot_quantile(quantile: str, window: str) -> str:
    buckets = f"rate({select(_BOOT_DURATION, _FIRMWARE)}[{window}])"
    # A version that has not booted has no quantile, not NaN: that would be an empty bar.
    return f"histogram_quantile({quantile}, sum by (le, firmware_version) ({buckets})) >= 0"


def _boots() -> tuple[Panel, ...]:
    boots = select("tickrmeter_device_boots_total", _FIRMWARE)
    buckets = f"sum by (le) (increase({select(_BOOT_DURATION, _FIRMWARE)}[$__rate_interval]))"
    return (
        trend(
            "Boots an hour by firmware",
            "At the pace of each moment. Single peaks during a release are its updates; a version that keeps"
            " booting crashes.",
            [
                Query(
                    f"sum by (firmware_version) (rate({boots}[$__rate_interval])) * {_HOUR}",
                    "{{firmware_version}}",
                )
            ],
            stacked=True,
        ),
        trend(
            "Boots an hour against their mean",
            "The whole fleet, 15 minutes at a time, beside the mean of the day before. Three times the mean"
            " is a spike: it is marked in all panels.",
            [
                Query(f"sum({select(_BOOTS)}) * {_HOUR}", "now"),
                Query(f"sum(avg_over_time({select(_BOOTS)}[1d])) * {_HOUR}", "mean of a day"),
            ],
        ),
        heat(
            "Boot durations",
            "From power-up to ready: the more a cell stands out, the more boots took that long (seconds)."
            " A bright line that moves up means that booting has become slower.",
            Query(buckets, "{{le}}", form=Form.BUCKETS),
            axis_unit="s",
        ),
        bars(
            "Boot duration by firmware",
            "Half and 95 % of the boots within the time range took no longer than this, within the accuracy"
            " of the buckets. Yellow from 30 seconds, red from 60.",
            [
                Query(_boot_quantile("0.5", "$__range"), "{{firmware_version}}, half", instant=True),
                Query(_boot_quantile("0.95", "$__range"), "{{firmware_version}}, 95 %", instant=True),
            ],
            unit="s",
            steps=_SLOW_BOOT,
        ),
    )
