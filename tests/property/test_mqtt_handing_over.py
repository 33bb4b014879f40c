"""What the receiver has read, and acknowledged, is handed over within a bound, whatever comes when.

This is all that a kill of the receiver may lose (docs/reliability.md, C11). Its own loop runs on a clock that
moves only where it waits; link and channel are scripted.
"""

from collections.abc import Callable, Iterable, Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from otel_tickrmeter.mqtt import receiver
from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.receiver import Receiver
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.message import Message

KEPT_SECONDS = 0.05
PAUSES = (0.002, 0.01)
"""Those of the fleets; with the former they are the bound that is documented."""
_BEGIN = 1_000.0
_END_SECONDS = 1.0
_ROUNDING = 1e-6


class World:
    """A clock, a broker that sends at set times, and a channel that notes when what was handed over.

    It stands for the modules `time` and `select`, for the link and for the channel.
    """

    def __init__(self, arrivals: Iterable[float]) -> None:
        self.now = _BEGIN
        self.waiting = [_BEGIN + at for at in arrivals]
        self.end = max(self.waiting, default=_BEGIN) + _END_SECONDS
        self.read_at: list[float] = []
        self.handed_over_at: list[float] = []
        self.is_open, self.heard_ns = True, 0
        self._frames = FrameDecoder()
        self._deliver: Callable[[Message], None] = lambda _: None

    def link(
        self, _config: object, _watch: object, deliver: Callable[[Message], None], *_: object
    ) -> "World":
        self._deliver = deliver
        return self

    def monotonic(self) -> float:
        return self.now

    def monotonic_ns(self) -> int:
        return int(self.now * 1e9)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def select(
        self, _readers: object, writers: Sequence[object], _none: object, seconds: float
    ) -> tuple[list["World"], list[object], list[object]]:
        assert not writers  # the channel always has room
        self.now = max(self.now, min([self.now + seconds, *self.waiting[:1]]))
        return ([self] if self.now >= self.end else []), [], []

    @property
    def queued(self) -> int:
        return len(self.read_at)

    def read(self, _slept: float) -> int:
        while self.waiting and self.waiting[0] <= self.now:
            self.waiting.pop(0)
            self.read_at.append(self.now)
            self._deliver(Message(b"t", b"p", self.monotonic_ns(), qos=1))
        return self.monotonic_ns()

    def send(self, data: memoryview) -> int:
        for item in self._frames.feed(bytes(data)):
            if isinstance(item, list):
                self.handed_over_at += [self.now] * len(item)
        return len(data)

    def recv(self, _size: int) -> bytes:
        return b""

    def write(self) -> bool:
        return False

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return lambda *_: None


def kept_for(arrivals: Iterable[float], pause: float) -> list[float]:
    """For how many seconds the receiver had each message."""
    world = World(arrivals)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(receiver, "time", world)
        patch.setattr(receiver, "select", world)
        patch.setattr(receiver, "Link", world.link)
        Receiver(ReceiverConfig("broker", 1883, "us", (), read_pause=pause), world).run()  # type: ignore[arg-type]
    assert len(world.handed_over_at) == len(world.read_at)
    return [sent - read for read, sent in zip(world.read_at, world.handed_over_at, strict=True)]


@given(
    gaps=st.lists(st.integers(0, 300).map(lambda ms: ms / 1_000), max_size=60),
    pause=st.sampled_from(PAUSES),
)
@example(gaps=[0.001] * 200, pause=0.01)
@example(gaps=[0.0] * 40, pause=0.002)
def test_no_message_waits_for_longer_than_a_flush_and_a_look(gaps: list[float], pause: float) -> None:
    arrivals = [sum(gaps[: place + 1]) for place in range(len(gaps))]
    assert all(kept <= KEPT_SECONDS + pause + _ROUNDING for kept in kept_for(arrivals, pause))


def test_it_does_wait_so_that_many_go_at_once() -> None:
    kept = kept_for([ms / 1_000 for ms in range(1_000)], PAUSES[0])
    assert max(kept) >= KEPT_SECONDS - PAUSES[0]
