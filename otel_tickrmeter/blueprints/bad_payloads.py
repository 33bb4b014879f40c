"""Messages that are none: of each kind that devices, or somebody's script, have come up with."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from otel_tickrmeter.simulate.planned import Planned

_BOARD = "SIM_FAULT"
# Not a TickrMeter's own topic: what is no answer there may be a command.
_TOPICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "tickrmeter": ("STOCKPRICEUPDATE", "DEVICESTATUS_RES", "TICKRMETERBOOT"),
        "autocore": tuple(f"autocore/{_BOARD}/{each}" for each in ("status", "telemetry", "relay/0/status")),
    }
)
_WHOLE = b'{"device": "5CCF7F0000FA", "device_id": "SIM_FAULT", "symbol": "AAPL"}'
MALFORMED: Mapping[str, bytes] = MappingProxyType(
    {
        "empty": b"",
        "no_json": b"hello",
        "cut_off": _WHOLE[:-9],
        "one_too_much": _WHOLE + b"}",
        "no_utf8": b"\xff\xfe" + _WHOLE,
        "binary": bytes(range(256)),
        "a_list": b"[" + _WHOLE + b"]",
        "a_number": b"17",
        "null": b"null",
        "nested": b"[" * 20_000,
        "oversize": b'{"device": "' + b"x" * 100_000 + b'"}',
    }
)
"""By what is wrong with them."""


def bad_messages(fleet: str, of_each: int) -> Iterator[Planned[str]]:
    """So many of each kind on each of some topics of the fleet, all due at once."""
    for _ in range(of_each):
        for topic in _TOPICS[fleet]:
            for kind, payload in MALFORMED.items():
                yield Planned(0.0, topic, payload, kind)
