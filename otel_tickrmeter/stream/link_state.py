"""What is known of the broker connection, for readiness, health and their instruments."""

from dataclasses import dataclass

SILENT_SECONDS = 5.0
"""A receiving process that says nothing for so long may not read the broker: fifty times its interval."""


@dataclass(slots=True)
class LinkState:
    """What is known of the broker connection. Times are monotonic nanoseconds.

    `trouble` says in words why it is not usable; it is empty while subscribed. `doubt` says why what is
    not heard proves nothing, although it is subscribed. `contested` says that another client takes the
    session from us again and again; it stays until a connection has lasted. `lost_ns` is when it
    was lost the last time, None as long as it never was. `silence_seconds` is the age
    of the receiving process' last sign of life. `protocol` is the version of MQTT, empty while not connected.
    `dropped` counts messages that found no place in the receive queue. `log_trouble` says why the log between
    receiver and handlers cannot be used, where there is one, `undelivered` counts
    what it never took, and `forwarding` messages are on their way to it. `broker` is the place it is at, for
    people. `by_log` means that it is a receiver's connection, of which the log tells us: we have none.
    """

    started_ns: int
    broker: str = ""
    by_log: bool = False
    subscribed_ns: int | None = None
    lost_ns: int | None = None
    earlier_ns: int = 0
    last_message_ns: int | None = None
    queue_size: int = 0
    trouble: str = "not connected to the broker yet"
    doubt: str = ""
    contested: str = ""
    silence_seconds: float = 0.0
    protocol: str = ""
    dropped: int = 0
    log_trouble: str = ""
    undelivered: int = 0
    forwarding: int = 0

    @property
    def usable(self) -> bool:
        """Connected and subscribed, the broker answers, and the receiving process reads it."""
        return self.subscribed_ns is not None and not self.doubt and not self.silent

    @property
    def silent(self) -> bool:
        """Whether the receiving process may have stopped to read."""
        return self.silence_seconds >= SILENT_SECONDS

    @property
    def unusable_reason(self) -> str:
        """Why it cannot be relied on, in words; empty when it can."""
        if self.log_trouble:
            return self.log_trouble
        if self.contested and self.contested not in self.trouble:
            return f"{self.trouble}; {self.contested}" if self.trouble else self.contested
        silence = f"the receiving process has said nothing for {self.silence_seconds:.0f} s"
        return self.trouble or self.doubt or (silence if self.silent else "")

    @property
    def down_since_ns(self) -> int | None:
        """Since when there is none: since it was lost, else since the start; None while there is one."""
        if self.subscribed_ns is not None:
            return None
        return self.started_ns if self.lost_ns is None else self.lost_ns

    def up_share(self, now_ns: int) -> float:
        """Share of the time since the start in which the connection was usable, 0 to 1."""
        since_ns = now_ns if self.subscribed_ns is None else self.subscribed_ns
        up_ns = self.earlier_ns + now_ns - since_ns
        return min(1.0, up_ns / max(1, now_ns - self.started_ns))

    def tell_of_log(self, trouble: str) -> None:
        """Note why the log cannot be used; "" when it can."""
        self.log_trouble = trouble

    def down(self, at_ns: int, trouble: str) -> None:
        """Note that the connection is not usable any more."""
        if self.subscribed_ns is not None:
            self.earlier_ns += at_ns - self.subscribed_ns
            self.lost_ns = at_ns
        self.subscribed_ns = None
        self.trouble = trouble
        self.doubt = ""
        self.protocol = ""
