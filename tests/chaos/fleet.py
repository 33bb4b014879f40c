"""The devices that must be right at the end, their backend, and boards; each message has a number."""

import heapq
import json
import random
import threading
import time
from collections.abc import Callable
from functools import partial
from itertools import count, product
from typing import NamedTuple, Self

from paho.mqtt.client import Client, MQTTMessageInfo
from paho.mqtt.enums import CallbackAPIVersion

from tests.integration.mosquitto import Mosquitto

DEVICES = tuple(f"FEED{number:08X}" for number in range(30))
SYMBOLS = ("LEGIT-A", "LEGIT-B", "LEGIT-C")
"""Nobody else asks for these."""
PAIRS = tuple(product(DEVICES, SYMBOLS))
BOARDS = tuple(f"autocore/BOARD{number}/telemetry" for number in range(5))
"""The topics of their readings."""
NUMBER = "n"
"""The field that has the number of a message; for a board it is a sensor."""
REQUEST_TIMEOUT_SECONDS = 3.0
_HEARTBEAT_SECONDS = 4.0
_READING_SECONDS = 0.5


class Publication(NamedTuple):
    """A message that the broker was given, and when, by the monotonic clock."""

    number: int
    at: float
    info: MQTTMessageInfo


class Fleet:
    """Publishes at QoS 1 while the context lasts. While the broker is away nothing is.

    Most requests are answered soon; some never, late, twice, or asked again before.

    Attributes:
        sent: Everything, in order.
        battery: What each device said last.
    """

    def __init__(self, broker: Mosquitto, seed: int) -> None:
        self.sent: list[Publication] = []
        self.battery: dict[str, int] = {}
        self._chance = random.Random(seed)  # noqa: S311  the same fleet for the same seed
        self._number = count()
        self._turn = count()
        self._agenda: list[tuple[float, int, Callable[[], None]]] = []
        self._stop = threading.Event()
        self._port = broker.port
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.reconnect_delay_set(1, 1)
        self._client.max_inflight_messages_set(1000)
        self._client.max_queued_messages_set(0)
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        # A long keepalive: a broker that stands still for a while keeps us.
        self._client.connect("127.0.0.1", self._port, keepalive=600)
        self._client.loop_start()
        for device, symbol in PAIRS:
            self._in(1.0, partial(self._send, "STOCKPRICEUPDATE", device=device, symbol=symbol))
            self._in(1.1, partial(self._send, device, symbol=symbol))
        for device in DEVICES:
            self._in(self._chance.uniform(2, 4), partial(self._ask, device))
            self._in(self._chance.uniform(2, 3), partial(self._beat, device))
        for topic in BOARDS:
            self._in(0.0, partial(self._read, topic))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self.finish()
        self._client.disconnect()
        self._client.loop_stop()

    def finish(self) -> None:
        """Stop asking; every device says once more how it is, and the broker has it all."""
        self._stop.set()
        self._thread.join()
        for device in DEVICES:
            self._beat(device)
        for publication in self.sent[-len(DEVICES) :]:
            publication.info.wait_for_publish(30.0)

    def _run(self) -> None:
        while True:
            due, _, act = heapq.heappop(self._agenda)
            if self._stop.wait(max(0.0, due - time.monotonic())):
                return
            act()

    def _in(self, seconds: float, act: Callable[[], None]) -> None:
        heapq.heappush(self._agenda, (time.monotonic() + seconds, next(self._turn), act))

    def _send(self, topic: str, **content: object) -> None:
        if self._client.is_connected():
            number = next(self._number)
            payload = json.dumps({**content, NUMBER: number})
            self.sent.append(Publication(number, time.monotonic(), self._client.publish(topic, payload, 1)))

    def _ask(self, device: str) -> None:
        chance = self._chance
        symbol = chance.choice(SYMBOLS)
        self._in(chance.uniform(0.5, 2.5), partial(self._ask, device))
        self._send("STOCKPRICEUPDATE", type="UPDATE", device=device, symbol=symbol)
        fate = chance.random()
        answer = partial(self._send, device, symbol=symbol, price="$1", type="UPDATE")
        if fate < 0.05:
            return
        self._in(REQUEST_TIMEOUT_SECONDS * 1.5 if fate < 0.1 else chance.uniform(0.01, 0.3), answer)
        if fate > 0.95:
            self._in(0.4, answer)
        elif fate > 0.9:
            self._in(0.005, partial(self._send, "STOCKPRICEUPDATE", device=device, symbol=symbol))

    def _beat(self, device: str) -> None:
        self._in(_HEARTBEAT_SECONDS, partial(self._beat, device))
        battery = self._chance.randint(1, 100)
        if self._client.is_connected():
            self.battery[device] = battery
        self._send("DEVICESTATUS_RES", device=device, status="online", battery=battery, firmware_version="1")

    def _read(self, topic: str) -> None:
        self._in(_READING_SECONDS, partial(self._read, topic))
        self._send(topic, timestamp=time.time())
