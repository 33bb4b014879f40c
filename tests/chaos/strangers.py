"""Who publishes what nobody should: poison, floods, inventions, forgeries."""

import json
import random
import threading
from collections.abc import Callable, Iterator
from typing import Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from tests.chaos.fleet import DEVICES, SYMBOLS
from tests.integration.bad_messages import CASES
from tests.integration.mosquitto import Mosquitto

Wire = tuple[str, bytes] | tuple[str, bytes, int, bool]
"""Topic and payload; then, where that is asked for, quality of service and whether the broker keeps it."""

_LARGEST_BYTES = 200_000
_BATCH = 50
_PAUSE_SECONDS = 0.1


class Strangers:
    """Publishes what `make` gives at QoS 0, some 500 a second, while the context lasts."""

    def __init__(self, broker: Mosquitto, make: Callable[[], Iterator[Wire]]) -> None:
        self._messages = make()
        self._port = broker.port
        self._stop = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._client.connect_async("127.0.0.1", self._port, keepalive=600)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def _run(self) -> None:
        while not self._stop.wait(_PAUSE_SECONDS):
            for _ in range(_BATCH if self._client.is_connected() else 0):
                self._client.publish(*next(self._messages))


def _asks(device: str, symbol: str) -> Wire:
    return "STOCKPRICEUPDATE", json.dumps({"device": device, "symbol": symbol}).encode()


def poison(chance: random.Random) -> Iterator[Wire]:
    """Everything that is known to mean nothing, and bytes that nobody has thought of."""
    cases = [case for case in CASES if len(case.payload) < _LARGEST_BYTES and len(case.topic) < 1000]
    topics = sorted({case.topic for case in cases})
    while True:
        case = chance.choice(cases)
        yield case.topic, case.payload
        spoiled = bytearray(chance.choice(cases).payload[:1000] or b"{")
        spoiled[chance.randrange(len(spoiled))] = chance.randrange(256)
        yield chance.choice(topics), bytes(spoiled)


def flood(chance: random.Random) -> Iterator[Wire]:
    """One device that asks as fast as it can."""
    while True:
        yield _asks("F100D0000000", f"FLOOD{chance.randrange(5)}")


def inventions(chance: random.Random) -> Iterator[Wire]:
    """A new device, symbol, firmware, flash id or topic each time."""
    while True:
        device, name = f"{chance.randrange(16**12):012X}", f"{chance.randrange(16**6):X}"
        yield _asks(device, f"NEW{name}")
        status = {"device": device, "firmware_version": name, "flash_id": name, "iv": name, "battery": 50}
        yield "DEVICESTATUS_RES", json.dumps(status).encode()
        yield f"made-up-{name}", b"{}"


def silence(chance: random.Random) -> Iterator[Wire]:
    """Requests that nobody answers, by more pairs than there is room for."""
    while True:
        yield _asks(f"51E0000000{chance.randrange(60):02X}", f"MUTE{chance.randrange(40)}")


def forgeries(chance: random.Random) -> Iterator[Wire]:
    """Answers that the backend has not given."""
    while True:
        symbol = chance.choice([*SYMBOLS, "FORGED"])
        yield chance.choice(DEVICES), json.dumps({"symbol": symbol, "price": "$0"}).encode()
        for _ in range(9):
            yield f"{chance.randrange(16**12):012X}", b'{"symbol":"FORGED"}'


def retained(chance: random.Random) -> Iterator[Wire]:
    """Answers that the broker keeps, for whoever subscribes, and at every reconnect: 2,000 topics of them."""
    while True:
        symbol = chance.choice([*SYMBOLS, "FORGED"])
        yield chance.choice(DEVICES), json.dumps({"symbol": symbol, "price": "$0"}).encode(), 0, True
        for _ in range(9):
            yield f"BEEF{chance.randrange(2000):08X}", b'{"symbol":"FORGED"}', 0, True


KINDS = (poison, flood, inventions, silence, forgeries, retained)
