"""How long the receiving process has not been heard of; pure, times come in as arguments, in seconds.

It says something ten times a second, if only a watermark. While it says nothing, nobody knows whether the
broker sent anything, and everything else looks well.
"""

LOOK_SECONDS = 0.5
"""A wait for the receiver ends after this, to count it."""

REPLACE_SECONDS = 15.0
"""A receiver that is silent for longer is replaced. Ten times what a starved one was seen to take."""

CONNECTING_REPLACE_SECONDS = 180.0
"""The same while there is no connection: it may be waiting for a name server, which nothing interrupts, and
which tries for 5 s, twice, each of its servers and search domains."""


class Silence:
    """Adds up the time in which we listened and heard nothing.

    Time in which this process did not run itself proves nothing: a wait counts at most twice as long as it
    was meant to take.
    """

    def __init__(self) -> None:
        self.seconds = 0.0

    def heard(self) -> None:
        """Something came."""
        self.seconds = 0.0

    def waited(self, seconds: float) -> None:
        """Nothing came, and after the wait there was nothing to read."""
        self.seconds += min(seconds, 2 * LOOK_SECONDS)

    def too_long(self, *, connected: bool) -> bool:
        """Whether the receiver is to be replaced."""
        return self.seconds >= (REPLACE_SECONDS if connected else CONNECTING_REPLACE_SECONDS)
