"""A process that publishes pre-encoded traffic: paho is too slow to load anything at 15,000 a second.

Job: `port`, `shape`, `traffic` (`fleet`, `heartbeats`, `heartbeats by topic`, or `boards`), `count`, `rate`
(messages a second; 0 is flat out), `qos` (optional; 1 for boards and 0 for others), `stamps` (optional file
for the time of each send, monotonic nanoseconds).
The traffic is repeated until `count` are sent.
Replies once: `sent` by message type, `seconds`, `worst_lag_seconds` behind the pace.
"""

import socket
import time
from array import array
from collections import Counter
from collections.abc import Iterator
from itertools import cycle, islice
from pathlib import Path
from threading import Thread

from benchmarks.load.boards import boards
from benchmarks.load.traffic import Shape, Wire, heartbeats, one_round
from benchmarks.load.wire import DISCONNECT, await_acknowledged, connect, fence, publish_packet
from benchmarks.rig.worker import read_job, reply

BOARDS = "boards"
_LAST_ID = 65_535
_FLAT_OUT_MESSAGES = 64
_SHORTEST_SLEEP_SECONDS = 0.0005
"""Shorter ones would spend more CPU on waking up than on sending."""


def traffic_of(kind: str, shape: Shape) -> Iterator[Wire]:
    """Return one turn of the traffic.

    Raises:
        ValueError: There is no such kind.
    """
    if kind == "fleet":
        return one_round(shape)
    if kind in ("heartbeats", "heartbeats by topic"):
        return heartbeats(shape, topic_of_its_own=kind == "heartbeats by topic")
    if kind == BOARDS:
        return boards(shape.devices)
    raise ValueError(f"no such traffic: {kind}")


class Sender:
    """Sends at a pace, and keeps when.

    Attributes:
        stamps: When each message was sent: just before it was handed to the kernel.
        worst_lag_seconds: By how much the pace was missed at worst.
    """

    def __init__(self, link: socket.socket, packets: list[bytes], *, acknowledged: bool = False) -> None:
        self._link = link
        self._packets = packets
        self._acknowledged = acknowledged
        self.stamps = array("q")
        self.worst_lag_seconds = 0.0

    def send(self, count: int, rate: float) -> float:
        """Send `count` packets, `rate` a second or flat out (0); return the seconds it took."""
        packets = cycle(self._packets)
        acknowledged = Thread(target=await_acknowledged, args=(self._link, count), daemon=True)
        if self._acknowledged:
            acknowledged.start()
        start = time.monotonic()
        sent = 0
        while sent < count:
            now = time.monotonic()
            due = sent + _FLAT_OUT_MESSAGES if not rate else 1 + int((now - start) * rate)
            due = min(count, due)
            if due == sent:
                time.sleep(max(_SHORTEST_SLEEP_SECONDS, start + sent / rate - now))
                continue
            chunk = b"".join(islice(packets, due - sent))
            stamp = time.monotonic_ns()
            self._link.sendall(chunk)
            self.stamps.extend([stamp] * (due - sent))
            if rate:
                self.worst_lag_seconds = max(self.worst_lag_seconds, now - start - sent / rate)
            sent = due
        if self._acknowledged:
            acknowledged.join()
        fence(self._link)
        return time.monotonic() - start


def main() -> None:
    """Do the job of the command line."""
    job = read_job()
    wires = list(traffic_of(job["traffic"], Shape.from_job(job["shape"])))
    of_boards = job["traffic"] == BOARDS
    qos_1 = job.get("qos", int(of_boards)) == 1
    packets = [
        publish_packet(wire.topic, wire.payload, 1 + number % _LAST_ID if qos_1 else None)
        for number, wire in enumerate(wires)
    ]
    # Another name for each: a broker ends the older of two connections with the same one.
    link = connect(job["port"], f"benchmark-publisher-{'boards' if of_boards else 'fleet'}")
    sender = Sender(link, packets, acknowledged=qos_1)
    seconds = sender.send(job["count"], job["rate"])
    link.sendall(DISCONNECT)
    if job.get("stamps"):
        Path(job["stamps"]).write_bytes(sender.stamps.tobytes())
    turns, rest = divmod(job["count"], len(wires))
    sent = Counter({kind: turns * n for kind, n in Counter(wire.kind for wire in wires).items()})
    sent.update(wire.kind for wire in wires[:rest])
    reply(sent=sent, seconds=seconds, worst_lag_seconds=sender.worst_lag_seconds)


if __name__ == "__main__":
    main()
