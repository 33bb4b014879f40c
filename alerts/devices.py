"""Alerts about the devices, by their firmware."""

from alerts.recording import LOW_BATTERY
from alerts.rule import Alert, Severity, Subject
from alerts.windows import Windows

_DASHBOARD = "/d/tickrmeter-devices"
_OF_INSTANCE = f"{_DASHBOARD}?var-instance={{{{ $labels.instance | urlquery }}}}"
_OF_FIRMWARE = f"{_DASHBOARD}?var-firmware_version={{{{ $labels.firmware_version | urlquery }}}}"
_ONLINE = "fleet:tickrmeter_devices_online:sum"
_ONLINE_BY_FIRMWARE = "fleet_firmware:tickrmeter_devices_online:sum"


def device_alerts(w: Windows) -> tuple[Alert, ...]:
    """Return them."""
    return (*_fleet(w), *_firmware(w), *_health(w))


def _alert(
    name: str,
    expression: str,
    hold: str,
    summary: str,
    description: str,
    *,
    severity: Severity = Severity.WARNING,
    dashboard: str = _DASHBOARD,
    whole: bool = True,
) -> Alert:
    return Alert(
        name, expression, severity, Subject.DEVICES, summary, description, dashboard, hold, whole=whole
    )


def _fleet(w: Windows) -> tuple[Alert, ...]:
    # Ten minutes apart, so that a quick drop is not part of what it is compared with.
    before = f"avg_over_time({_ONLINE}[{w('1h')}] offset {w('10m')})"
    return (
        _alert(
            "TickrMeterFleetDrop",
            f"{_ONLINE} < 0.8 * {before} and {before} > 20",
            w("5m"),
            "Many devices have gone offline.",
            "{{ $value | humanize }} devices are online: less than 80 % of the last hour's mean.",
            severity=Severity.CRITICAL,
        ),
    )


def _firmware(w: Windows) -> tuple[Alert, ...]:
    own = "fleet_firmware:tickrmeter_stock_update_timeouts:ratio_rate30m"
    elsewhere = "fleet_firmware:tickrmeter_stock_update_timeouts_elsewhere:ratio_rate30m"
    hour_ago = f"{_ONLINE_BY_FIRMWARE} offset {w('1h')}"
    now = f"({_ONLINE_BY_FIRMWARE} or 0 * {hour_ago})"
    lost = f"{hour_ago} - {now}"
    # 100 outcomes in the window on either side, else one timeout makes a regression, or none a healthy rest.
    enough = " and ".join(
        f"fleet_firmware:tickrmeter_stock_update_{outcomes}:rate30m * {w.seconds('30m')} > 100"
        for outcomes in ("outcomes", "outcomes_elsewhere")
    )
    return (
        _alert(
            "TickrMeterFirmwareTimesOut",
            f"{own} > 2 * {elsewhere} and {own} > {elsewhere} + 0.02 and {enough}",
            w("10m"),
            "Firmware {{ $labels.firmware_version }} times out more than the rest of the fleet.",
            "{{ $value | humanizePercentage }} of the requests from firmware {{ $labels.firmware_version }}"
            " were not answered in time: more than twice the share of all other versions.",
            dashboard=_OF_FIRMWARE,
        ),
        _alert(
            "TickrMeterFirmwareLosesDevices",
            f"({lost}) > 0.2 * {hour_ago} and ({lost}) > 10"
            # Devices that were updated are online under another version: the fleet must be smaller, too.
            f" and ({lost}) < ignoring (firmware_version) group_left ()"
            f" 2 * ({_ONLINE} offset {w('1h')} - {_ONLINE})",
            w("10m"),
            "Firmware {{ $labels.firmware_version }} is losing devices.",
            "{{ $value | humanize }} devices with firmware {{ $labels.firmware_version }} went offline within"
            " an hour: more than a fifth of them, and the fleet is smaller, so they were not updated.",
            dashboard=_OF_FIRMWARE,
        ),
    )


def _health(w: Windows) -> tuple[Alert, ...]:
    low = "instance:tickrmeter_device_battery_level_low:ratio"
    return (
        _alert(
            "TickrMeterBatteriesLow",
            f"{low} > 0.1",
            w("30m"),
            "Many devices have a low battery and do not charge.",
            f"{{{{ $value | humanizePercentage }}}} of the devices have less than {LOW_BATTERY} % left and do"
            " not charge.",
            dashboard=_OF_INSTANCE,
            whole=False,
        ),
        *(
            _alert(
                name,
                f"{rate} * {w.seconds('1h')} > 0.05 * fleet:tickrmeter_devices_known:sum"
                f" and {rate} > 3 * avg_over_time({rate}[{w('1d')}] offset {w('1h')})"
                # In a small fleet one device is already 5 %.
                f" and {rate} * {w.seconds('15m')} > 5",
                w("10m"),
                summary,
                description,
            )
            for name, rate, summary, description in (
                (
                    "TickrMeterWifiLossesSpiking",
                    "fleet:tickrmeter_device_wifi_lost:rate15m",
                    "Devices lose their wifi far more often than over the last day.",
                    (
                        "{{ $value | humanize }} wifi losses an hour in the fleet: more than three times the"
                        " mean of the last day."
                    ),
                ),
                (
                    "TickrMeterRebootsSpiking",
                    "fleet:tickrmeter_device_boots:rate15m",
                    "Devices reboot far more often than over the last day.",
                    (
                        "{{ $value | humanize }} boots an hour in the fleet: more than three times the mean"
                        " of the last day."
                    ),
                ),
            )
        ),
    )
