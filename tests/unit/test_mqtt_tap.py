"""The tap on a stream that takes as much as a test lets it."""

import pytest

from otel_tickrmeter.mqtt.tap import MAX_UNREAD_ANSWERS, PINGREQ, PINGRESP, Tap

PUBACK = b"\x40\x02\x00\x01"


class Narrow:
    """A `Stream` that takes `room` bytes, and then blocks."""

    def __init__(self, room: int = 1000) -> None:
        self.room = room
        self.sent = b""

    def receive(self) -> bytes:
        raise BlockingIOError

    def send(self, data: bytes | bytearray) -> int:
        if not self.room:
            raise BlockingIOError
        taken = bytes(data[: self.room])
        self.room -= len(taken)
        self.sent += taken
        return len(taken)

    def flush(self) -> bool:
        return False

    def fileno(self) -> int:
        return -1

    def close(self) -> None:
        pass


class Broken(Narrow):
    """A `Stream` whose far end is gone."""

    def send(self, data: bytes | bytearray) -> int:
        raise BrokenPipeError(len(data))


def test_answers_belong_to_the_questions_in_their_order() -> None:
    tap = Tap(Narrow())
    tap.send(PINGREQ)  # paho's
    tap.ping()
    tap.hand_over(PINGRESP)
    assert not tap.answered
    tap.hand_over(PINGRESP)
    assert tap.answered


def test_an_answer_without_a_question_answers_nothing() -> None:
    tap = Tap(Narrow())
    tap.hand_over(PINGRESP)
    tap.ping()
    assert not tap.answered


def test_a_ping_waits_for_room_and_goes_before_what_comes_later() -> None:
    stream = Narrow(room=1)
    tap = Tap(stream)
    tap.ping()
    assert tap.flush()
    with pytest.raises(BlockingIOError):
        tap.send(PUBACK)
    stream.room = 1000
    assert tap.send(PUBACK) == len(PUBACK)
    assert not tap.flush()
    assert stream.sent == PINGREQ + PUBACK


def test_a_ping_never_lands_inside_a_packet() -> None:
    stream = Narrow(room=3)
    tap = Tap(stream)
    assert tap.send(PUBACK) == 3
    stream.room = 1000
    tap.ping()
    assert tap.send(PUBACK[3:]) == 1
    assert not tap.flush()
    assert stream.sent == PUBACK + PINGREQ


def test_acknowledgements_go_at_once_and_wait_for_room() -> None:
    stream = Narrow(room=1000)
    tap = Tap(stream)
    tap.acknowledge([PUBACK, b"\x50\x02\xab\xcd"])
    assert stream.sent == b"\x40\x02\x00\x01\x50\x02\xab\xcd"
    stream.room = 2
    tap.acknowledge([b"\x40\x02\x00\x07"])
    assert tap.flush()
    stream.room = 1000
    assert not tap.flush()
    assert stream.sent.endswith(b"\x40\x02\x00\x07")


def test_a_broker_that_is_owed_more_than_all_acknowledgements_does_not_read() -> None:
    tap = Tap(Narrow(room=0))
    tap.acknowledge([PUBACK] * 65_535)
    assert not tap.unread
    tap.acknowledge([PUBACK])
    assert tap.unread


def test_nor_does_one_that_lets_the_answers_of_paho_wait() -> None:
    stream = Narrow(room=0)
    tap = Tap(stream)
    for _ in range(2):
        for _ in range(MAX_UNREAD_ANSWERS):
            tap.hand_over(b"\xc0\x00")
            with pytest.raises(BlockingIOError):
                tap.send(PINGRESP)
        assert not tap.unread
        stream.room = 2
        tap.send(PINGRESP)
    for _ in range(MAX_UNREAD_ANSWERS + 1):
        with pytest.raises(BlockingIOError):
            tap.send(PINGRESP)
        tap.hand_over(b"\xc0\x00")
    assert tap.unread


def test_a_ping_into_a_broken_stream_is_left_to_the_reading() -> None:
    tap = Tap(Broken())
    tap.ping()
    assert isinstance(tap.failure, BrokenPipeError)
    assert not tap.flush()
