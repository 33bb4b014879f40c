"""What a heartbeat may carry: one table for the decoder, the device, the gauges and the default spellings.

A reading is added here. What is to be shown of it beyond a gauge of each device has its own row and callback.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.fleets.tickrmeter import readings


@dataclass(frozen=True, slots=True)
class Gauge:
    """The gauge that shows a reading of each device as it was reported last."""

    name: str
    unit: str
    exposed: str
    description: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading.

    Attributes:
        name: What it is called in `[messages.fields]`.
        read: Reads it from a JSON value that is not null; raises FieldError.
        spellings: Names of payload fields, in the order in which they are looked for.
        gauge: Shows it; None where it is shown in another way, or not by device.
    """

    name: str
    read: Callable[[object], Any]
    spellings: tuple[str, ...]
    gauge: Gauge | None = None


STATUS = Reading("status", readings.read_online, ("status",))
"""Whether the device says that it is online; a heartbeat's own, no reading that is kept."""

FIRMWARE_VERSION = Reading(
    "firmware_version",
    readings.read_text,
    ("firmware_version", "firmwareVersion", "firmware", "fw_version", "fw"),
)
"""Kept apart from the others: versions are told apart up to a bound, and series carry them."""

KEPT: tuple[Reading, ...] = (
    Reading(
        "inner_version",
        readings.read_text,
        ("inner_version", "innerVersion", "inner_firmware_version", "iv"),
    ),
    Reading("flash_id", readings.read_text, ("flash_id", "flashId", "flashid")),
    Reading("battery", readings.read_battery, ("battery", "battery_level", "batteryLevel", "bat")),
    Reading(
        "charging",
        readings.read_flag,
        ("charging", "charging_status", "is_charging", "isCharging"),
        Gauge(
            "tickrmeter.device.charging.status",
            "{status}",
            "tickrmeter_device_charging_status",
            "Whether the device is charging: 1 charging, 0 not.",
        ),
    ),
    Reading(
        "vin",
        readings.read_supply,
        ("vin", "VIN", "vin_level", "vinLevel"),
        Gauge(
            "tickrmeter.device.vin.level",
            "{level}",
            "tickrmeter_device_vin_level",
            "Supply level (VIN) as the device reports it.",
        ),
    ),
    Reading(
        "uptime",
        readings.read_duration,
        ("uptime", "uptime_seconds", "upTime", "up_time"),
        Gauge(
            "tickrmeter.device.uptime",
            "s",
            "tickrmeter_device_uptime_seconds",
            "Uptime as the device reports it.",
        ),
    ),
    Reading(
        "wifi_lost",
        readings.read_count,
        ("wifi_lost", "wifi_lost_count", "wifiLost", "wifilost", "wifi_lost_counter"),
        Gauge(
            "tickrmeter.device.wifi_lost.count",
            "{loss}",
            "tickrmeter_device_wifi_lost_count",
            "Losses of the wifi connection as the device reports them.",
        ),
    ),
    Reading("boot_count", readings.read_count, ("boot_count", "bootCount", "bootcount", "boots")),
)
"""The readings that are kept of a device, in the order of `DeviceStatus.readings`."""

PLACES: Mapping[str, int] = MappingProxyType({reading.name: place for place, reading in enumerate(KEPT)})
"""Where each of them is in that order."""

NOTHING: tuple[None, ...] = (None,) * len(KEPT)
"""The readings of a device that has reported none."""

READINGS: tuple[Reading, ...] = (STATUS, FIRMWARE_VERSION, *KEPT)
"""All of them."""

DEFAULT_FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {reading.name: reading.spellings for reading in READINGS}
)
"""Payload field names of each reading, as they are looked for: the defaults of `[messages.fields]`."""
