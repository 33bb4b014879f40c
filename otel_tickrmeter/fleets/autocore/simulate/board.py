"""One simulated device: what it is, and what is true of it now."""

from random import Random

from otel_tickrmeter.fleets.autocore.simulate.clock import BAD_CLOCKS, Clock, Timepiece
from otel_tickrmeter.fleets.autocore.simulate.options import DEVICES, SimulateOptions
from otel_tickrmeter.fleets.autocore.simulate.planned import Listed, ShutOff, Subject, Switched

FIRMWARES = ("1.4.2", "1.5.0", "2.0.1")
RELAYS_OF_FIELD = 16
"""Of a board of the layout `devices`."""
_LONGEST_UPTIME_SECONDS = 10 * 86_400.0


class Board:
    """A simulated device. Times are seconds after the start of the run.

    Attributes:
        id: Its id.
        layout: How it speaks.
        kept: Whether the broker keeps something of it from before.
        firmware: Its version, as a place in FIRMWARES.
        relays: The states of those that were switched.
        started: When it was started.
        newest: When it last spoke, by topic.
        just_late: Topics on which its last message was late.
        quiet_until: When it speaks again.
        back_at: When it is there again; None: it is there.
    """

    def __init__(self, device_id: str, layout: str, options: SimulateOptions, rng: Random) -> None:
        self.id = device_id
        self.layout = layout
        self.kept = rng.random() < options.retained
        self.firmware = rng.randrange(len(FIRMWARES))
        # Those of the other layout are off until somebody switches them, and nobody knows of them until then.
        self.relays = dict.fromkeys(range(RELAYS_OF_FIELD), False) if layout == DEVICES else {}
        self.started = -rng.uniform(3600, _LONGEST_UPTIME_SECONDS)
        self.memory_free = rng.uniform(12_000, 90_000)
        self.wifi_signal = rng.uniform(-84, -45)
        self.temperature = rng.uniform(15, 30)
        self.voltage = rng.uniform(11.8, 14.2)
        self.current = 2.5
        self.sticks = rng.random() < options.stuck
        self.shifted = False
        self.measured = 0
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

    def said(self, topic: str, subject: Subject, at: float) -> None:
        """Note what it has said in time; it is so."""
        self.newest[topic] = at
        self.just_late.discard(topic)
        if isinstance(subject, Switched):
            self.relays[subject.relay] = subject.state
        elif isinstance(subject, ShutOff):
            self.relays[subject.relay] = False
        elif isinstance(subject, Listed):
            self.relays.update(subject.states)


def _choose_clock(options: SimulateOptions, rng: Random) -> Clock:
    choice = rng.random()
    if choice < options.bad_clocks:
        return rng.choice(BAD_CLOCKS)
    return Clock.OFF if choice < options.bad_clocks + options.clocks_off else Clock.RIGHT
