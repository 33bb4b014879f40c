"""What a full queue loses first, and that all of it is accounted for, in whatever order it comes and goes."""

import copy
import struct
from collections.abc import Iterator, Sequence

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.mqtt.outbox import Outbox
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.message import Dropped, Foreign, LinkEvent, Message, Subscribed, Watermark

HEAD = struct.Struct("!BI")
EVERYTHING = 1 << 20

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.lists(st.booleans(), min_size=1, max_size=12)),
        st.tuples(st.just("add"), st.lists(st.booleans(), min_size=1, max_size=12)),
        st.tuples(st.just("room"), st.integers(0, 120)),
        st.tuples(st.sampled_from(["settle", "event", "foreign"]), st.none()),
    ),
    max_size=40,
)


def gives_way(message: Message) -> bool:
    return message.topic == b"telemetry"


class Channel:
    """Takes as many bytes as it has room for.

    Attributes:
        taken: All that it took.
        under_way: Bytes that are missing of what it has begun to take.
    """

    def __init__(self, room: int = 0) -> None:
        self.room = room
        self.taken = b""
        self.under_way = 0

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise BlockingIOError
        size = min(self.room, len(data))
        self.room -= size
        self.taken += bytes(data[:size])
        self.under_way = len(data) - size
        return size


def items(stream: bytes) -> Iterator[list[Message] | LinkEvent]:
    yield from FrameDecoder().feed(stream)


def messages(stream: bytes) -> list[Message]:
    return [message for item in items(stream) if isinstance(item, list) for message in item]


def waiting(outbox: Outbox, channel: Channel) -> list[Message]:
    """What waits and has not begun to be sent."""
    rest, drained = copy.deepcopy(outbox), Channel(EVERYTHING)
    rest.send(drained.write)
    rest.settle(0, None, 0)
    rest.send(drained.write)
    return messages(drained.taken[channel.under_way :])


@given(STEPS, st.integers(1, 12), st.sampled_from([EVERYTHING, 200]))
def test_what_may_not_give_way_is_lost_only_when_nothing_may(
    plan: Sequence[tuple[str, list[bool] | int | None]], bound: int, most_bytes: int
) -> None:
    outbox, channel = Outbox(bound, most_bytes, gives_way), Channel()
    added: list[Message] = []
    foreign = events = 0
    for what, amount in [*plan, ("room", EVERYTHING), ("settle", None), ("settle", None)]:
        if what == "add":
            assert isinstance(amount, list)
            for giving in amount:
                added.append(Message(b"telemetry" if giving else b"state", b"payload", len(added)))
                outbox.add_message(added[-1])
            left = waiting(outbox, channel)
            stays = {each for each in added[-len(amount) :] if not gives_way(each)}
            if stays - {*left}:
                assert not any(map(gives_way, left))
        elif what == "room":
            assert isinstance(amount, int)
            channel.room += amount
            outbox.send(channel.write)
        elif what == "foreign":
            outbox.count_foreign(len(added))
            foreign += 1
        elif what == "event":
            outbox.add_event(Subscribed(len(added)))
            events += 1
        else:
            outbox.settle(len(added), len(added), len(added))
            outbox.send(channel.write)
        assert outbox.queue_size <= bound
    out = [*items(channel.taken)]
    assert account(out) == len(added)
    assert sum(item.count for item in out if isinstance(item, Foreign)) == foreign
    assert sum(isinstance(item, Subscribed) for item in out) == events
    assert outbox.idle
    assert outbox.queue_size == 0
    assert capacity(outbox) == capacity(Outbox(bound, most_bytes, gives_way))


def capacity(outbox: Outbox) -> int:
    """How many messages it takes, of those that stay."""
    for number in range(20):
        outbox.add_message(Message(b"state", b"payload", number))
    return outbox.queue_size


def account(out: Sequence[list[Message] | LinkEvent]) -> int:
    """How many messages were delivered or told as dropped: all, before anything that came behind them."""
    delivered = dropped = 0
    last = -1
    for item in out:
        if isinstance(item, list):
            for message in item:
                assert message.arrived_ns > last
                last = message.arrived_ns
            delivered += len(item)
            assert item
        elif isinstance(item, Dropped):
            dropped += item.count
        elif isinstance(item, Watermark):
            assert item.at_ns == delivered + dropped
        elif isinstance(item, Subscribed):
            assert last < item.at_ns
            last = item.at_ns - 1
    return delivered + dropped


@given(st.lists(st.booleans(), max_size=60), st.integers(1, 20))
def test_of_what_gives_way_the_oldest_stay(kinds: Sequence[bool], bound: int) -> None:
    outbox, channel = Outbox(bound, gives_way=gives_way), Channel()
    model: list[Message] = []
    for number, giving in enumerate(kinds):
        message = Message(b"telemetry" if giving else b"state", b"payload", number)
        outbox.add_message(message)
        if len(model) == bound:
            lost = next((each for each in reversed(model) if gives_way(each)), None)
            if gives_way(message) or lost is None:
                continue
            model.remove(lost)
        model.append(message)
    assert waiting(outbox, channel) == model
