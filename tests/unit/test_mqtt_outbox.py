import pytest

from otel_tickrmeter.mqtt.outbox import BATCH_BYTES, Outbox
from otel_tickrmeter.stream.frames import FrameDecoder
from otel_tickrmeter.stream.message import Dropped, Foreign, LinkEvent, Message, Subscribed, Watermark


class Channel:
    """Takes `room` bytes, then no more; decodes what it took."""

    def __init__(self, room: int = 1 << 30) -> None:
        self.room = room
        self.items: list[list[Message] | LinkEvent] = []
        self._decoder = FrameDecoder()

    def write(self, data: memoryview) -> int:
        if not self.room:
            raise BlockingIOError
        taken = min(self.room, len(data))
        self.room -= taken
        self.items += self._decoder.feed(bytes(data[:taken]))
        return taken


def message(number: int, payload: bytes = b"") -> Message:
    return Message(b"t", payload, number)


def test_a_batch_waits_for_settle_and_a_watermark_follows_it() -> None:
    outbox, channel = Outbox(10), Channel()
    outbox.add_message(message(1))
    outbox.add_message(message(2))
    outbox.send(channel.write)
    assert channel.items == []
    outbox.settle(9, 8, 8)
    outbox.send(channel.write)
    assert channel.items == [[message(1), message(2)], Watermark(8, 2, 8)]
    assert outbox.empty
    assert outbox.queue_size == 0


def test_an_event_keeps_its_place() -> None:
    outbox, channel = Outbox(10), Channel()
    outbox.add_message(message(1))
    outbox.add_event(Subscribed(2))
    outbox.add_message(message(3))
    outbox.settle(4, None, 0)
    outbox.send(channel.write)
    assert channel.items == [[message(1)], Subscribed(2), [message(3)]]


def test_the_newest_are_dropped_and_counted_before_what_comes_later() -> None:
    outbox, channel = Outbox(2), Channel()
    for number in range(5):
        outbox.add_message(message(number))
    outbox.settle(9, 8, 8)
    outbox.send(channel.write)
    assert channel.items == [[message(0), message(1)]]  # no watermark: three are unaccounted for
    outbox.add_message(message(5))
    outbox.settle(10, 9, 9)
    outbox.send(channel.write)
    assert channel.items[1:] == [Dropped(5, 3), [message(5)], Watermark(9, 1, 9)]


def test_drops_are_reported_when_nothing_comes_after_them() -> None:
    outbox, channel = Outbox(1), Channel()
    outbox.add_message(message(0))
    outbox.add_message(message(1))
    outbox.settle(2, None, 0)
    outbox.send(channel.write)
    assert not outbox.empty
    outbox.settle(3, 2, 2)
    outbox.send(channel.write)
    assert channel.items[1:] == [Dropped(3, 1), Watermark(2, 0, 2)]


def test_the_bound_in_bytes_holds_as_well() -> None:
    outbox = Outbox(1_000, max_bytes=100)
    for number in range(10):
        outbox.add_message(message(number, bytes(50)))
    assert outbox.queue_size == 2


def gives_way(given: Message) -> bool:
    return given.payload == b"telemetry"


def test_of_what_gives_way_the_newest_is_dropped_for_others_and_told_before_its_batch() -> None:
    outbox, channel = Outbox(3, gives_way=gives_way), Channel()
    for number, payload in enumerate([b"telemetry", b"telemetry", b"", b"telemetry", b"", b""]):
        outbox.add_message(message(number, payload))
    outbox.settle(9, 8, 8)
    outbox.send(channel.write)
    # Of the first the time is not over before the last that is missing: whoever spoke in that was not silent.
    assert channel.items == [
        Dropped(3, 3),
        [message(2), message(4), message(5)],
        Watermark(8, 3, 8),
    ]


def test_what_gives_way_does_so_in_closed_batches_too_before_what_follows_them() -> None:
    outbox, channel = Outbox(2, gives_way=gives_way), Channel()
    outbox.add_message(message(1, b"telemetry"))
    outbox.settle(2, 1, 1)
    outbox.add_message(message(3))
    outbox.add_message(message(4))
    outbox.settle(6, 5, 5)
    outbox.send(channel.write)
    assert channel.items == [Dropped(1, 1), Watermark(1, 1, 1), [message(3), message(4)], Watermark(5, 2, 5)]


def test_what_has_begun_to_be_sent_does_not_give_way() -> None:
    outbox, channel = Outbox(1, gives_way=gives_way), Channel(room=8)
    outbox.add_message(message(1, b"telemetry"))
    outbox.settle(2, None, 0)
    outbox.send(channel.write)
    outbox.add_message(message(3))
    channel.room = 1_000
    outbox.send(channel.write)
    outbox.settle(4, None, 0)
    outbox.send(channel.write)
    assert channel.items == [[message(1, b"telemetry")], Dropped(4, 1)]


def test_what_gives_way_makes_room_in_bytes_as_well() -> None:
    outbox, channel = Outbox(1_000, max_bytes=100, gives_way=gives_way), Channel()
    for number in range(7):
        outbox.add_message(message(number, b"telemetry"))
    assert outbox.queue_size == 4
    outbox.add_message(message(7, bytes(60)))
    assert outbox.queue_size == 4
    outbox.add_message(message(8))  # the one before is as large as three of those that give way
    outbox.settle(9, None, 0)
    outbox.send(channel.write)
    assert channel.items == [Dropped(6, 7), [message(7, bytes(60)), message(8)]]


def test_a_frame_that_is_half_sent_still_waits() -> None:
    outbox, channel = Outbox(10), Channel(room=8)
    outbox.add_message(message(1))
    outbox.settle(2, None, 0)
    outbox.send(channel.write)
    assert (outbox.blocked, outbox.queue_size, channel.items) == (True, 1, [])
    channel.room = 1_000
    outbox.send(channel.write)
    assert (outbox.blocked, outbox.queue_size, channel.items) == (False, 0, [[message(1)]])


def test_watermarks_do_not_pile_up_behind_a_channel_without_room() -> None:
    outbox, channel = Outbox(10), Channel(room=0)
    outbox.add_event(Subscribed(1))
    outbox.send(channel.write)
    for now in range(2, 100):
        outbox.settle(now, now, now)
        outbox.send(channel.write)
    channel.room = 1_000
    outbox.send(channel.write)
    outbox.settle(100, 100, 100)
    outbox.send(channel.write)
    assert channel.items == [Subscribed(1), Watermark(100, 0, 100)]


def test_what_is_foreign_wakes_nobody_and_is_told_with_the_next_watermark() -> None:
    outbox, channel = Outbox(10), Channel()
    for number in range(100_000):
        outbox.count_foreign(number)
    assert (outbox.ripe, outbox.empty, outbox.idle) == (False, True, False)
    outbox.send(channel.write)
    assert channel.items == []
    outbox.add_message(message(1))
    outbox.settle(9, 8, 8)
    outbox.send(channel.write)
    assert channel.items == [[message(1)], Foreign(99_999, 100_000), Watermark(8, 1, 8)]
    assert outbox.idle
    outbox.settle(11, 10, 10)
    outbox.send(channel.write)
    assert channel.items[3:] == [Watermark(10, 0, 10)]


def test_what_is_foreign_waits_for_a_channel_with_room() -> None:
    outbox, channel = Outbox(10), Channel(room=0)
    outbox.add_event(Subscribed(1))
    outbox.send(channel.write)
    for now in range(2, 10):
        outbox.count_foreign(now)
        outbox.settle(now, now, now)
        outbox.send(channel.write)
    channel.room = 1_000
    outbox.send(channel.write)
    outbox.settle(10, 10, 10)
    outbox.send(channel.write)
    assert channel.items == [Subscribed(1), Foreign(9, 8), Watermark(10, 0, 10)]


def test_what_is_foreign_keeps_its_place_before_an_event() -> None:
    outbox, channel = Outbox(10), Channel()
    outbox.add_message(message(1))
    outbox.count_foreign(2)
    outbox.add_event(Subscribed(3))
    outbox.send(channel.write)
    assert channel.items == [[message(1)], Foreign(2, 1), Subscribed(3)]


@pytest.mark.parametrize("payload", [bytes(100), bytes(BATCH_BYTES)])
def test_a_large_batch_is_closed_and_ripe(payload: bytes) -> None:
    outbox, channel = Outbox(10_000), Channel()
    assert not outbox.ripe
    while not outbox.ripe:
        outbox.add_message(message(1, payload))
    outbox.send(channel.write)
    assert len(channel.items) == 1
