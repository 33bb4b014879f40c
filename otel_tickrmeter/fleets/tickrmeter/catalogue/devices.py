"""Instruments that observe the known devices."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, gauge

_DEVICE = {"device_id": ANY}


def devices() -> tuple[Instrument, ...]:
    """Return the rows about devices."""
    source = "device registry"
    unreported = "never reported"
    return (
        gauge(
            "tickrmeter.devices.online.total",
            "{device}",
            "tickrmeter_devices_online_total",
            "Devices online now.",
            {"firmware_version": ANY, "iv": ANY, "flash_id": ANY},
            source=source,
        ),
        gauge(
            "tickrmeter.device.battery.level",
            "{percent}",
            "tickrmeter_device_battery_level",
            "Battery level in percent, 0 to 100.",
            {"device_id": ANY, "firmware_version": ANY},
            source=source,
            absent=unreported,
        ),
        gauge(
            "tickrmeter.device.charging.status",
            "{status}",
            "tickrmeter_device_charging_status",
            "Whether the device is charging: 1 charging, 0 not.",
            _DEVICE,
            source=source,
            absent=unreported,
        ),
        gauge(
            "tickrmeter.device.uptime",
            "s",
            "tickrmeter_device_uptime_seconds",
            "Uptime as the device reports it.",
            _DEVICE,
            source=source,
            absent=unreported,
        ),
        gauge(
            "tickrmeter.device.wifi_lost.count",
            "{loss}",
            "tickrmeter_device_wifi_lost_count",
            "Losses of the wifi connection as the device reports them.",
            _DEVICE,
            source=source,
            absent=unreported,
        ),
        gauge(
            "tickrmeter.device.vin.level",
            "{level}",
            "tickrmeter_device_vin_level",
            "Supply level (VIN) as the device reports it.",
            _DEVICE,
            source=source,
            absent=unreported,
        ),
        gauge(
            "tickrmeter.device.boot.count",
            "{boot}",
            "tickrmeter_device_boot_count",
            "Boots as the device reports them, else as the exporter saw them.",
            _DEVICE,
            source=source,
            absent="neither reported nor seen",
        ),
        gauge(
            "tickrmeter.device.last_seen.timestamp",
            "{unix_second}",
            "tickrmeter_device_last_seen_timestamp",
            "Unix time of the device's last own message, in seconds.",
            _DEVICE,
            source=source,
        ),
        gauge(
            "tickrmeter.devices.by_firmware.total",
            "{device}",
            "tickrmeter_devices_by_firmware_total",
            "Known devices by firmware and inner firmware version.",
            {"firmware_version": ANY, "iv": ANY},
            source=source,
        ),
        gauge(
            "tickrmeter.devices.by_charging_state.total",
            "{device}",
            "tickrmeter_devices_by_charging_state_total",
            "Known devices by charging state.",
            {"charging_state": ("charging", "discharging", "unknown")},
            source=source,
        ),
        gauge(
            "tickrmeter.devices.by_flash_id.total",
            "{device}",
            "tickrmeter_devices_by_flash_id_total",
            "Known devices by flash id.",
            {"flash_id": ANY},
            source=source,
        ),
        gauge(
            "tickrmeter.device.symbols.displaced",
            "{symbol}",
            "tickrmeter_device_symbols_displaced",
            "Symbols of the device that gave way to others of its own; of the ten devices with the most.",
            _DEVICE,
            source=source,
            absent="none gave way",
        ),
    )
