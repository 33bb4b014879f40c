"""A process with paho's own loop and a callback that counts: the least that anything on paho costs.

Job: `port`, and optionally `filter` and `qos`. It subscribes to what the exporter subscribes to, with the
exporter's protocol version.
Replies when subscribed; then each line on its standard input names a number of messages, and it replies
when it has received that many in all.
"""

import sys
import threading

from paho.mqtt.client import Client, ConnectFlags, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from benchmarks.rig.worker import read_job, reply


class Loop:
    """Counts messages."""

    def __init__(self, port: int, topic_filter: str, qos: int) -> None:
        self.received = 0
        self._subscription = topic_filter, qos
        self._client = Client(
            CallbackAPIVersion.VERSION2, client_id="benchmark-paho", protocol=MQTTProtocolVersion.MQTTv5
        )
        self._client.on_connect = self._on_connect
        self._client.on_subscribe = self._on_subscribe
        self._client.on_message = self._on_message
        self._client.connect("127.0.0.1", port)

    def run(self) -> None:
        """Receive for ever."""
        self._client.loop_forever()

    def _on_connect(
        self, client: Client, _data: object, _flags: ConnectFlags, _code: ReasonCode, _more: Properties | None
    ) -> None:
        client.subscribe(*self._subscription)

    def _on_subscribe(self, *_: object) -> None:
        reply(subscribed=True)

    def _on_message(self, _client: Client, _data: object, _message: MQTTMessage) -> None:
        self.received += 1


def main() -> None:
    """Do the job of the command line."""
    job = read_job()
    loop = Loop(job["port"], job.get("filter", "+"), job.get("qos", 0))
    # The waiting is done here, so that the callback has nothing to compare.
    threading.Thread(target=loop.run, daemon=True).start()
    pause = threading.Event()
    for line in sys.stdin:
        while loop.received < int(line):
            pause.wait(0.1)
        reply(received=loop.received)


if __name__ == "__main__":
    main()
