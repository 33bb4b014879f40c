"""How firmware generations spell their heartbeats: the same readings under other names and types."""

from collections.abc import Mapping
from dataclasses import dataclass

from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Reading


@dataclass(frozen=True, slots=True)
class Spelling:
    """One generation. `names` maps a reading to its payload field; what is missing is never reported.

    `as_text` says that figures are sent as strings.
    """

    names: Mapping[str, str]
    as_text: bool

    def wire(self, readings: Mapping[str, Reading]) -> dict[str, Reading]:
        """The payload fields that carry these readings."""
        return {self.names[name]: self._value(value) for name, value in readings.items()}

    def _value(self, value: Reading) -> Reading:
        if not self.as_text:
            return value
        return str(int(value)) if isinstance(value, bool) else str(value)


GENERATIONS: tuple[Spelling, ...] = (
    Spelling(
        {
            "firmware_version": "firmware_version",
            "inner_version": "iv",
            "flash_id": "flash_id",
            "battery": "battery",
            "charging": "charging",
            "vin": "vin",
            "uptime": "uptime",
            "wifi_lost": "wifi_lost",
        },
        as_text=True,
    ),
    Spelling(
        {
            "firmware_version": "firmwareVersion",
            "inner_version": "innerVersion",
            "flash_id": "flashId",
            "battery": "batteryLevel",
            "charging": "isCharging",
            "vin": "vinLevel",
            "uptime": "upTime",
            "wifi_lost": "wifiLost",
            "boot_count": "bootCount",
        },
        as_text=False,
    ),
    Spelling(
        {
            "firmware_version": "firmware",
            "inner_version": "inner_firmware_version",
            "flash_id": "flashid",
            "battery": "bat",
            "charging": "charging_status",
            "vin": "VIN",
            "uptime": "uptime_seconds",
            "wifi_lost": "wifi_lost_count",
            "boot_count": "boot_count",
        },
        as_text=True,
    ),
    Spelling(
        {
            "firmware_version": "fw",
            "inner_version": "inner_version",
            "battery": "battery_level",
            "vin": "vin_level",
            "uptime": "up_time",
            "wifi_lost": "wifi_lost_counter",
        },
        as_text=False,
    ),
)
"""Generations in turn for the firmware versions of a fleet, the newest version first."""
