"""What a message is by its topic, and what it meant, once decoded."""

from enum import StrEnum
from typing import Any, NamedTuple

from otel_tickrmeter.stream.reason import ErrorReason


class MessageType(StrEnum):
    """What a message is, by its topic; the value is its `message_type` label.

    On a device's own topic, what names no symbol is a DEVICE_COMMAND.
    """

    STOCK_REQUEST = "stock_request"
    STOCK_RESPONSE = "stock_response"
    DEVICE_COMMAND = "device_command"
    DEVICE_STATUS = "device_status"
    DEVICE_BOOT = "device_boot"
    DEVICE_BOOTED = "device_booted"
    HTTP_STREAM = "http_stream"
    IGNORED = "ignored"


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

    What cannot be read as online is not: then `online` is False, and there is a fault. `readings` has those
    of `heartbeat.KEPT`, in that order: battery as percent (0 to 100), uptime in seconds, the other figures as
    the device reports them. `faults` has the reason of each field that is there and cannot be read.
    """

    device_id: str
    online: bool | None
    firmware_version: str | None
    readings: tuple[Any, ...]
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
