"""How long a device has been silent; only what we could have heard counts (rule 4 of docs/autocore.md)."""


class Ear:
    """A clock that stands still while we can hear nothing, or nothing certain. Nanoseconds.

    After a connection was lost it gives every device its whole time again: what was silent before may have
    spoken meanwhile.

    Attributes:
        now_ns: What this clock says now.
        back_ns: What it said when we were last back.
    """

    def __init__(self) -> None:
        self._heard_ns = 0
        self._deaf_ns = 0
        self.now_ns = 0
        self.back_ns = 0

    def kept(self) -> tuple[int, int]:
        """What there is to keep of it: until when the broker was heard, and how long before it was not."""
        return self._heard_ns, self._deaf_ns

    def recall(self, heard_ns: int, deaf_ns: int, back_ns: int) -> None:
        """Go on from what was kept, and since when we were back; who was heard then is told by this clock."""
        self._heard_ns = heard_ns
        self._deaf_ns = deaf_ns
        self.now_ns = heard_ns - deaf_ns
        self.back_ns = back_ns

    def heard(self, heard_ns: int) -> None:
        """Everything that the broker sent before has been applied."""
        if heard_ns > self._heard_ns:
            self._heard_ns = heard_ns
            self.now_ns = heard_ns - self._deaf_ns

    def deaf_until(self, at_ns: int) -> None:
        """Since the last that was heard, messages may have been lost, or have waited unread."""
        if at_ns > self._heard_ns:
            self._deaf_ns += at_ns - self._heard_ns
            self._heard_ns = at_ns

    def away_until(self, at_ns: int) -> None:
        """There was no connection until then."""
        self.deaf_until(at_ns)
        self.back_ns = self.now_ns

    def silence_ns(self, seen_ns: int) -> int:
        """How long it is since this clock said `seen_ns`, or since we were back."""
        return self.now_ns - max(seen_ns, self.back_ns)
