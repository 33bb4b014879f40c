"""Deliveries at QoS 2 that the broker may send again: a message counts when it comes first.

Of each only its packet id and a digest is kept until the broker releases it, never the message: a broker that
releases none could else fill the memory with 65,535 of them (MQTT 5, section 4.3.3, leaves the choice).
"""


class Exchanges:
    """The exchanges of a session that are not over; they outlast a connection, as the session does."""

    def __init__(self) -> None:
        self._digests: dict[int, int] = {}

    def forget(self) -> None:
        """A new session: its packet ids have nothing to do with those of the last one."""
        self._digests.clear()

    def begins(self, packet_id: int, topic: bytes, payload: bytes) -> bool:
        """Whether this delivery is the first of its message.

        Another message under the same packet id is one: the broker has given up the one before.
        """
        digest = hash((topic, payload))  # 64 bits, keyed: good for this process, and nobody can aim at it
        first = self._digests.get(packet_id) != digest
        self._digests[packet_id] = digest
        return first

    def released(self, packet_id: int) -> None:
        """The broker will not send it again."""
        self._digests.pop(packet_id, None)
