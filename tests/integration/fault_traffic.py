"""A fleet and its backend in one thread, every answer of which can be withheld or delayed at any time."""

import heapq
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import NamedTuple, Self

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion

from otel_tickrmeter.stream.message import Message
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import device_ids
from tests.support.wire import answer, request, status

DEVICES = 60
FIRMWARES = ("62p", "63p", "64p")
SYMBOLS = ("BTC", "AAPL", "MSFT", "NVDA", "TSLA", "ETH", "AMZN", "GOOG")
FIRST, LAST = SYMBOLS[0], SYMBOLS[-3:]
"""Every device asks for the first symbol; those with the last firmware else only for the last three."""

PERIOD_SECONDS = 14.0
"""Each device asks for each of its symbols so often, whatever becomes of it: once the request before has
timed out, so that none is superseded."""
REQUEST_TIMEOUT_SECONDS = 13.0
_SLOW_SECONDS = 11.5
_QUICK_SECONDS = 0.05
_HEARTBEAT_SECONDS = 3.0
_TICK_SECONDS = 0.1
_SYMBOLS_EACH = 4
_SEED = 4


class _Device(NamedTuple):
    id: str
    firmware: str
    symbols: tuple[str, ...]


class FaultTraffic:
    """Publishes while the context lasts; a broker that is away is waited for, and what was due is not sent.

    Faults, to be set at any time: `silent` is the symbol not answered, `mute_firmware` the firmware whose
    requests are not answered. While `attack` is set, strangers publish invented devices, and a known device
    seems to ask for invented symbols.
    """

    def __init__(self, broker: Mosquitto) -> None:
        self.silent = self.mute_firmware = ""
        self.attack = False
        self._slow, self._slow_since = "", 0.0
        self._waiting: list[Message] = []
        self._port = broker.port
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._number = count()
        self._stop = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._thread = threading.Thread(target=self._run)
        self._devices = [_device(number, name) for number, name in enumerate(device_ids(DEVICES))]

    def __enter__(self) -> Self:
        spread = random.Random(_SEED)  # noqa: S311  not for secrets
        for number, device in enumerate(self._devices):
            # Evenly, so that there is no silence between them.
            self._at(number / DEVICES * _HEARTBEAT_SECONDS, partial(self._heartbeat, device))
            for symbol in device.symbols:
                self._at(
                    _HEARTBEAT_SECONDS + spread.uniform(0, PERIOD_SECONDS), partial(self._ask, device, symbol)
                )
        self._at(0.0, self._intrude)
        self._at(0.0, self._catch_up)
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._client.disconnect()
        self._client.loop_stop()

    def slow_down(self, symbol: str) -> None:
        """From now on its answers take longer and longer, up to 11.5 s.

        Not all of it at once: there would be no answer for so long, and a symbol without any is silent.
        """
        self._slow_since, self._slow = time.monotonic(), symbol

    def heal(self) -> None:
        """Ends every fault."""
        self._slow = self.silent = self.mute_firmware = ""
        self.attack = False

    def _run(self) -> None:
        while True:
            due, _, act = heapq.heappop(self._agenda)
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            act()

    def _at(self, seconds: float, act: Callable[[], None]) -> None:
        """Puts it on the agenda, so many seconds from now."""
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._number), act))

    def _send(self, message: Message) -> None:
        if self._client.is_connected():
            self._client.publish(message.topic.decode(), message.payload)

    def _ask(self, device: _Device, symbol: str) -> None:
        self._at(PERIOD_SECONDS, partial(self._ask, device, symbol))
        self._send(request(0, device.id, symbol))
        answered = answer(0, device.id, symbol)
        if symbol == self.silent or device.firmware == self.mute_firmware:
            self._waiting.append(answered)
        else:
            self._at(self._latency_seconds(symbol), partial(self._send, answered))

    def _catch_up(self) -> None:
        """A backend that works again answers what has waited; late, where it has timed out meanwhile."""
        self._at(_TICK_SECONDS, self._catch_up)
        if not self.silent and not self.mute_firmware:
            while self._waiting:
                self._send(self._waiting.pop())

    def _latency_seconds(self, symbol: str) -> float:
        if symbol != self._slow:
            return _QUICK_SECONDS
        return min(_SLOW_SECONDS, _QUICK_SECONDS + 2 * (time.monotonic() - self._slow_since))

    def _heartbeat(self, device: _Device) -> None:
        self._at(_HEARTBEAT_SECONDS, partial(self._heartbeat, device))
        said = {"firmware_version": device.firmware, "inner_version": "1.4", "battery": "78"}
        self._send(status(0, device.id, status="online", charging="0", wifi_lost=3, boot_count=2, **said))

    def _intrude(self) -> None:
        self._at(_TICK_SECONDS, self._intrude)
        if self.attack:
            number = next(self._number)
            self._send(status(0, f"{0xBAD000000000 + number:012X}", status="online", battery="78"))
            self._send(request(0, self._devices[0].id, f"FAKE{number}"))


def _device(number: int, name: str) -> _Device:
    firmware = FIRMWARES[number % len(FIRMWARES)]
    others = LAST if firmware == FIRMWARES[-1] else SYMBOLS[1:]
    first = number // len(FIRMWARES)
    asked = {others[(first + step) % len(others)] for step in range(_SYMBOLS_EACH - 1)}
    return _Device(name, firmware, (FIRST, *sorted(asked)))
