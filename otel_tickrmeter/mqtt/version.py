"""Which version of MQTT to speak, when the settings leave it to the broker.

MQTT 5 first, because its answers say more. A broker that refuses it, or that breaks off as soon as it has
seen the CONNECT, is tried with 3.1.1 at once. Pure: times come in as arguments, in nanoseconds.
"""

from typing import Literal

from otel_tickrmeter.stream.second import SECOND_NS

Version = Literal["5", "3.1.1"]

AT_ONCE_SECONDS = 2.0
"""A connection that ends unanswered so soon after CONNECT may have ended for its version."""

AGAIN_SECONDS = 3600.0
"""A broker that was found to speak 3.1.1 only is asked for MQTT 5 again at a reconnect after that time: it
may have been replaced by a newer one."""


class VersionChoice:
    """The version of the present attempt, and of the next.

    `current` is that of the present one.
    """

    def __init__(self, setting: Literal["auto", "5", "3.1.1"]) -> None:
        self._auto = setting == "auto"
        self._known_until_ns: int | None = None
        self.current: Version = "5" if setting == "auto" else setting

    def begin(self, now_ns: int) -> Version:
        """The version for an attempt that begins now."""
        if self._known_until_ns is not None and now_ns >= self._known_until_ns:
            self._start_over()
        return self.current

    def answered(self, now_ns: int) -> None:
        """The broker understood: it sent a CONNACK of this version, whatever it said."""
        if self._auto and self.current == "3.1.1" and self._known_until_ns is None:
            self._known_until_ns = now_ns + int(AGAIN_SECONDS * SECOND_NS)

    def refused(self) -> bool:
        """It did not understand, or broke off unanswered; whether to try the other version at once."""
        if self._auto and self.current == "5":
            self.current = "3.1.1"
            return True
        self.failed()
        return False

    def failed(self) -> None:
        """There was no connection, or no answer: that says nothing about the version."""
        if self._auto and self._known_until_ns is None:
            self._start_over()

    def _start_over(self) -> None:
        self.current = "5"
        self._known_until_ns = None
