"""What a fleet sends, made up on the fly from numbers: a million devices take no memory.

A *round* has every pair of device and symbol ask and be answered once, every device report all of its
readings once, and now and then a boot and a stream. It ends with nothing open, so rounds may follow one
another and all counts are known beforehand.
"""

from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import gcd
from typing import NamedTuple, Self

_LAG = 200
"""Requests that are open at one time: at 1,000 messages a second an answer takes about half a second."""
_BOOT_EVERY = 100
_STREAM_EVERY = 50
_FIRMWARES = (b"61b", b"62p", b"63a", b"63c", b"64")
_FLASH_IDS = 8


class Wire(NamedTuple):
    """A message as it is published; `kind` is its `message_type` at the exporter."""

    kind: str
    topic: bytes
    payload: bytes


@dataclass(frozen=True, slots=True)
class Shape:
    """A fleet: devices numbered from `first_device`, each with so many of the `symbols`."""

    devices: int
    symbols_each: int
    symbols: int = 500
    first_device: int = 0

    @property
    def pairs(self) -> int:
        """Pairs of device and symbol."""
        return self.devices * self.symbols_each

    def as_job(self) -> dict[str, int]:
        """Return what `from_job` takes."""
        return asdict(self)

    @classmethod
    def from_job(cls, job: dict[str, int]) -> Self:
        """Return the shape that `as_job` described."""
        return cls(**job)

    def pair(self, number: int) -> tuple[bytes, bytes]:
        """Return device id and symbol of a pair, 0 to `pairs` - 1."""
        device, place = divmod(number, self.symbols_each)
        # 167 is prime to 500: eight places of a device are eight symbols.
        return self.device(device), b"SYM%d" % ((7 * device + 167 * place) % self.symbols)

    def device(self, number: int) -> bytes:
        """Return a device id, 0 to `devices` - 1."""
        return b"%012X" % (self.first_device + number)


def request(device: bytes, symbol: bytes) -> Wire:
    """A device asks for a price."""
    payload = b'{"type":"UPDATE","device":"%s","symbol":"%s"}' % (device, symbol)
    return Wire("stock_request", b"STOCKPRICEUPDATE", payload)


def answer(device: bytes, symbol: bytes) -> Wire:
    """The backend answers it."""
    payload = b'{"symbol":"%s","price":"$118593","type":"UPDATE","change":"+1.25%%"}' % symbol
    return Wire("stock_response", device, payload)


def heartbeat(device: bytes, number: int) -> Wire:
    """A device reports every reading there is; `number` varies the values."""
    payload = (
        b'{"status":"online","firmware_version":"%s","device":"%s","battery":"%d","iv":"1.%d",'
        b'"flash_id":"F%d","charging":"%d","uptime":"%d","wifi_lost":"%d","vin":"5.1","boot_count":"%d"}'
    ) % (
        _FIRMWARES[number % len(_FIRMWARES)],
        device,
        number % 101,
        number % 3,
        number % _FLASH_IDS,
        number % 2,
        3600 + number,
        number % 7,
        1 + number % 40,
    )
    return Wire("device_status", b"DEVICESTATUS_RES", payload)


def one_round(shape: Shape) -> Iterator[Wire]:
    """Yield a round, its pairs in an order without pattern to the tables they end in."""
    stride = _stride(shape.pairs)
    unanswered: deque[tuple[bytes, bytes]] = deque()
    for number in range(shape.pairs):
        device, symbol = shape.pair(number * stride % shape.pairs)
        yield request(device, symbol)
        unanswered.append((device, symbol))
        if len(unanswered) > _LAG:
            yield answer(*unanswered.popleft())
        reporting, place = divmod(number, shape.symbols_each)
        if place == 0:
            yield heartbeat(shape.device(reporting), reporting)
        if number % _STREAM_EVERY == 0:
            yield Wire("http_stream", b"HTTPSTREAMSTOCKS", b'{"device":"%s","params":{"n":5}}' % device)
        if number % _BOOT_EVERY == 0:
            booting = b'{"type":"BOOT","device":"%s"}' % device
            yield Wire("device_boot", b"TICKRMETERBOOT", booting)
            yield Wire("device_booted", b"DEVICE_BOOTED", booting)
    while unanswered:
        yield answer(*unanswered.popleft())


def heartbeats(shape: Shape, *, topic_of_its_own: bool) -> Iterator[Wire]:
    """Yield a heartbeat of every device; exporters that take the identity from the topic need one each."""
    for number in range(shape.devices):
        device = shape.device(number)
        wire = heartbeat(device, number)
        yield wire._replace(topic=b"status/" + device) if topic_of_its_own else wire


def _stride(count: int) -> int:
    """Return a step that visits all of `count` places; the golden section scatters neighbours widely."""
    stride = max(1, int(count * 0.618))
    while gcd(stride, count) != 1:
        stride += 1
    return stride
