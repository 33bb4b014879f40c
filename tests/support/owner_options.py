"""What the owners of messages are told of a fleet, as its settings have it by default."""

from typing import Any

from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS as AUTOCORE_FIELDS
from otel_tickrmeter.fleets.autocore.topics import LAYOUTS
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS


def of_tickrmeters(pattern: str = "^[0-9A-Fa-f]{12}$", prefix: str = "") -> dict[str, Any]:
    return {
        "topic_prefix": prefix,
        "device_id_form": "mac",
        "device_id_pattern": pattern,
        "fields": DEFAULT_FIELDS,
    }


def of_boards(prefix: str = "") -> dict[str, Any]:
    return {
        "layouts": LAYOUTS,
        "fields": AUTOCORE_FIELDS,
        "relay_offset": None,
        "topic_prefix": prefix,
    }
