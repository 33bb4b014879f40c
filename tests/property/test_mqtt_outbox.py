from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.mqtt.outbox import Outbox
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.message import Dropped, Foreign, LinkEvent, Message, Watermark

steps = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(1, 30)),
        st.tuples(st.just("foreign"), st.integers(1, 30)),
        st.tuples(st.just("room"), st.integers(0, 3000)),
        st.tuples(st.just("settle"), st.just(0)),
    ),
    max_size=60,
)


@given(steps, st.integers(1, 40))
def test_delivered_and_dropped_add_up_to_added_in_order(plan: list[tuple[str, int]], bound: int) -> None:
    outbox = Outbox(bound)
    decoder = FrameDecoder()
    out: list[list[Message] | LinkEvent] = []
    room = added = foreign = 0

    def write(data: memoryview) -> int:
        nonlocal room
        if not room:
            raise BlockingIOError
        taken = min(room, len(data))
        room -= taken
        out.extend(decoder.feed(bytes(data[:taken])))
        return taken

    for now, (what, amount) in enumerate([*plan, ("room", 1 << 20), ("settle", 0), ("settle", 0)]):
        if what == "add":
            for _ in range(amount):
                outbox.add_message(Message(b"t", b"payload", added))
                added += 1
        elif what == "foreign":
            for _ in range(amount):
                outbox.count_foreign(now)
            foreign += amount
        elif what == "room":
            room += amount
            outbox.send(write)
        else:
            outbox.settle(now, added, added)
            outbox.send(write)
        assert outbox.queue_size <= bound

    assert account(out) == added
    assert sum(item.count for item in out if isinstance(item, Foreign)) == foreign
    assert outbox.idle
    assert outbox.empty


def account(out: list[list[Message] | LinkEvent]) -> int:
    accounted = 0  # each message is either next in the stream or in the next count of drops
    for item in out:
        if isinstance(item, list):
            for message in item:
                assert message.arrived_ns == accounted
                accounted += 1
        elif isinstance(item, Dropped):
            accounted += item.count
        elif not isinstance(item, Foreign):
            assert isinstance(item, Watermark)
            assert item.at_ns == accounted  # everything before a watermark has been told of
    return accounted
