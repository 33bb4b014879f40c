"""What a message meant, once decoded."""

from typing import NamedTuple

from otel_tickrmeter.core.reason import ErrorReason


class StockRequest(NamedTuple):
    """A device asks for the price of a symbol."""

    device_id: str
    symbol: str


class StockResponse(NamedTuple):
    """The backend answers a device."""

    device_id: str
    symbol: str


class DeviceStatus(NamedTuple):
    """A heartbeat. A reading that it does not carry, or not readably, is None.

    Battery is percent (0 to 100), uptime seconds; the other figures are as the device reports them. What
    cannot be read as online is not: then `online` is False, and there is a fault.
    `faults` has the reason of each field that is there and cannot be read.
    """

    device_id: str
    online: bool | None
    firmware_version: str | None
    inner_version: str | None
    flash_id: str | None
    battery: float | None
    charging: bool | None
    vin: float | None
    uptime: float | None
    wifi_lost: float | None
    boot_count: float | None
    faults: tuple[ErrorReason, ...]


class DeviceCommand(NamedTuple):
    """The backend tells a device something else than a price: settings, an update, a restart."""

    device_id: str


class DeviceBoot(NamedTuple):
    """A device has powered up."""

    device_id: str


class DeviceBooted(NamedTuple):
    """The same boot has finished."""

    device_id: str


class HttpStream(NamedTuple):
    """A device asks for a price stream over HTTP."""

    device_id: str


Event = StockRequest | StockResponse | DeviceCommand | DeviceStatus | DeviceBoot | DeviceBooted | HttpStream
