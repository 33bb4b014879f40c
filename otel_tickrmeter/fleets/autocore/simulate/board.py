"""One simulated device: what it is, and what is true of it now."""

from random import Random

from otel_tickrmeter.fleets.autocore.simulate.clock import BAD_CLOCKS, Clock, Timepiece
from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import Subject, Switched
from otel_tickrmeter.fleets.autocore.simulate.said import Said

FIRMWARES = ("1.4.2", "1.5.0", "2.0.1")
_LONGEST_UPTIME_SECONDS = 10 * 86_400.0


class Board:
    """A simulated device. Times are seconds after the start of the run.

    Attributes:
        id: Its id.
        kept: Whether the broker keeps something of it from before.
        firmware: Its version, as a place in FIRMWARES.
        relays: The states of those that were switched.
        started: When it was started.
        newest: When it last spoke, by topic.
        just_late: Topics on which its last message was late.
        quiet_until: When it speaks again.
        back_at: When it is there again; None: it is there.
    """

    def __init__(self, device_id: str, options: SimulateOptions, rng: Random) -> None:
        self.id = device_id
        self.kept = rng.random() < options.retained
        self.firmware = rng.randrange(len(FIRMWARES))
        self.relays: dict[int, bool] = {}
        self.started = -rng.uniform(3600, _LONGEST_UPTIME_SECONDS)
        self.memory_free = rng.uniform(12_000, 90_000)
        self.wifi_signal = rng.uniform(-84, -45)
        self.temperature = rng.uniform(15, 30)
        self.voltage = rng.uniform(11.8, 14.2)
        self.timepiece = Timepiece(_choose_clock(options, rng), rng)
        self.newest: dict[str, float] = {}
        self.just_late: set[str] = set()
        self.quiet_until = 0.0
        self.back_at: float | None = None

    @property
    def clock(self) -> Clock:
        """How it keeps time."""
        return self.timepiece.clock

    @property
    def firmware_version(self) -> str:
        """Its firmware."""
        return FIRMWARES[self.firmware]

    def uptime(self, at: float) -> float:
        """How long it has been running then."""
        return at - self.started

    def said(self, message: Said, at: float) -> None:
        """Note what it has said in time."""
        self.newest[message.topic] = at
        self.just_late.discard(message.topic)
        self.knows(message.subject)

    def knows(self, subject: Subject) -> None:
        """Let what it tells be so."""
        if isinstance(subject, Switched):
            self.relays[subject.relay] = subject.state


def _choose_clock(options: SimulateOptions, rng: Random) -> Clock:
    choice = rng.random()
    if choice < options.bad_clocks:
        return rng.choice(BAD_CLOCKS)
    return Clock.OFF if choice < options.bad_clocks + options.clocks_off else Clock.RIGHT
