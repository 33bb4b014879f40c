"""Which deliveries were handled before: the DUP flag alone says "perhaps sent before".

A broker sets it on whatever it sends again after a cut, also when the first attempt was lost on its way. Only
a packet id that came with the same topic and payload in this session makes a delivery a duplicate.
"""


class Handled:
    """The deliveries of a session by their packet ids: at most 65,535, which is all there are.

    At QoS 1 alone: at QoS 2 the exchange itself gives each message once (`exchanges.py`).
    """

    def __init__(self) -> None:
        self._digests: dict[int, int] = {}

    def forget(self) -> None:
        """A new session: its packet ids have nothing to do with those of the last one."""
        self._digests.clear()

    def repeats(self, packet_id: int, topic: bytes, payload: bytes, *, dup: bool) -> bool:
        """Whether this delivery was handled before; from now on it was."""
        digest = hash((topic, payload))  # 64 bits, keyed: good for this process, and nobody can aim at it
        repeated = dup and self._digests.get(packet_id) == digest
        self._digests[packet_id] = digest
        return repeated
