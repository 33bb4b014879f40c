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
