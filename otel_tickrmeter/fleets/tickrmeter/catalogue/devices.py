"""Instruments that observe the known devices."""

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, gauge
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.heartbeat import KEPT

_DEVICE = {"device_id": ANY}


def devices() -> tuple[Instrument, ...]:
    """The rows about devices."""
    source = "device registry"
    unreported = "never reported"
    return (
        gauge(
            names.DEVICES_ONLINE_TOTAL,
            "{device}",
            "tickrmeter_devices_online_total",
            "Devices online now.",
            {"firmware_version": ANY, "iv": ANY, "flash_id": ANY},
            source=source,
        ),
        gauge(
            names.DEVICE_BATTERY_LEVEL,
            "{percent}",
            "tickrmeter_device_battery_level",
            "Battery level in percent, 0 to 100.",
            {"device_id": ANY, "firmware_version": ANY},
            source=source,
            absent=unreported,
        ),
        *(
            gauge(
                shown.name,
                shown.unit,
                shown.exposed,
                shown.description,
                _DEVICE,
                source=source,
                absent=unreported,
            )
            for shown in (reading.gauge for reading in KEPT)
            if shown is not None
        ),
        gauge(
            names.DEVICE_BOOT_COUNT,
            "{boot}",
            "tickrmeter_device_boot_count",
            "Boots as the device reports them, else as the exporter saw them.",
            _DEVICE,
            source=source,
            absent="neither reported nor seen",
        ),
        gauge(
            names.DEVICE_LAST_SEEN_TIMESTAMP,
            "{unix_second}",
            "tickrmeter_device_last_seen_timestamp",
            "Unix time of the device's last own message, in seconds.",
            _DEVICE,
            source=source,
        ),
        gauge(
            names.DEVICES_BY_FIRMWARE_TOTAL,
            "{device}",
            "tickrmeter_devices_by_firmware_total",
            "Known devices by firmware and inner firmware version.",
            {"firmware_version": ANY, "iv": ANY},
            source=source,
        ),
        gauge(
            names.DEVICES_BY_CHARGING_STATE_TOTAL,
            "{device}",
            "tickrmeter_devices_by_charging_state_total",
            "Known devices by charging state.",
            {"charging_state": ("charging", "discharging", "unknown")},
            source=source,
        ),
        gauge(
            names.DEVICES_BY_FLASH_ID_TOTAL,
            "{device}",
            "tickrmeter_devices_by_flash_id_total",
            "Known devices by flash id.",
            {"flash_id": ANY},
            source=source,
        ),
        gauge(
            names.DEVICE_SYMBOLS_DISPLACED,
            "{symbol}",
            "tickrmeter_device_symbols_displaced",
            "Symbols of the device that gave way to others of its own; of the ten devices with the most.",
            _DEVICE,
            source=source,
            absent="none gave way",
        ),
    )
