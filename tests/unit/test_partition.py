"""How devices are dealt to partitions: as others that hash so would, evenly, and with few that move."""

from collections import Counter
from fractions import Fraction

import pytest

from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.partition import (
    LONGEST_REMEMBERED,
    Partition,
    Spread,
    first_place,
    jump,
    remember,
)

DEVICES = [f"{number:012X}" for number in range(4000)]

# Made with the C++ of the paper, and found in the tests of many an implementation: for 1, 2, 3 … buckets.
PUBLISHED = {
    0: [0] * 19,
    1: [*[0] * 6, *[6] * 11, *[17] * 2],
    0xDEADBEEF: [0, 1, 2, 3, 3, *[5] * 11, *[16] * 3],
    0x0DDC0FFEEBADF00D: [0, 1, *[2] * 13, *[15] * 4],
}
PUBLISHED_FAR = [
    (10863919174838991, 11, 6),
    (2016238256797177309, 11, 3),
    (1673758223894951030, 11, 5),
    (2, 100_001, 80343),
    (2201, 100_001, 22152),
    (2202, 100_001, 15018),
]


@pytest.mark.parametrize("key", PUBLISHED)
def test_it_is_the_published_hash(key: int) -> None:
    assert [jump(key, buckets) for buckets in range(1, 20)] == PUBLISHED[key]


@pytest.mark.parametrize(("key", "buckets", "bucket"), PUBLISHED_FAR)
def test_it_is_the_published_hash_with_many_buckets(key: int, buckets: int, bucket: int) -> None:
    assert jump(key, buckets) == bucket


def by_the_book(key: int, buckets: int) -> int:
    """The paper's own reasoning: from bucket b a key next moves when there are (b + 1) / r of them."""
    jumps = [0]
    while True:
        key = (key * 2862933555777941757 + 1) % 2**64
        share = Fraction(key // 2**33 + 1, 2**31)
        jumps.append((jumps[-1] + 1) * share.denominator // share.numerator)
        if jumps[-1] >= buckets:
            return jumps[-2]


def test_it_is_what_exact_fractions_say() -> None:
    for key in range(3000):
        for buckets in (1, 2, 3, 4, 7, 64):
            assert jump(key, buckets) == by_the_book(key, buckets)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 16])
def test_each_has_its_share(count: int) -> None:
    found = Counter(
        index for device in DEVICES for index in range(count) if Partition(index, count).has_device(device)
    )
    assert found.total() == len(DEVICES)
    assert all(abs(found[index] - len(DEVICES) / count) < 0.25 * len(DEVICES) / count + 1 for index in found)
    assert len(found) == count


@pytest.mark.parametrize("count", [1, 2, 3])
def test_with_one_more_devices_move_to_that_one_only(count: int) -> None:
    moved = 0
    for device in DEVICES:
        (before,) = (index for index in range(count) if Partition(index, count).has_device(device))
        (after,) = (index for index in range(count + 1) if Partition(index, count + 1).has_device(device))
        assert after in {before, count}
        moved += after != before
    assert 0.8 < moved * (count + 1) / len(DEVICES) < 1.2


def test_where_a_device_is_does_not_change_with_a_release() -> None:
    owners = [
        next(index for index in range(4) if Partition(index, 4).has_device(device)) for device in DEVICES[:12]
    ]
    # Typed in once: whoever changes them has two exporters of two releases disagree.
    assert owners == [0, 2, 0, 1, 2, 1, 3, 1, 1, 0, 1, 1]


def test_the_part_that_has_something_is_the_one_that_says_so() -> None:
    for device in (*DEVICES[:99], "\ud800"):
        assert Partition(Spread(5).of_device(device), 5).has_device(device)
    for number in range(99):
        place = Spread(5).of_message(b"t", b"%d" % number)
        assert Partition(place, 5).has_message(b"t", b"%d" % number)


def test_the_first_rule_that_knows_a_topic_is_asked() -> None:
    def rule(message: Message) -> int | None:
        return {b"a": 0, b"b": 1}.get(message.topic)

    find = first_place([lambda _: None, rule, lambda _: 2], lambda *_: 3)
    assert [find(Message(topic, b"", 0)) for topic in (b"a", b"b", b"c")] == [0, 1, 2]
    assert first_place([rule], lambda *_: 3)(Message(b"c", b"", 0)) == 3


def test_topic_and_payload_do_not_run_into_each_other() -> None:
    found = {
        (topic, payload): [Partition(index, 64).has_message(topic, payload) for index in range(64)].index(
            True
        )
        for topic, payload in [(b"a", b"bcd"), (b"ab", b"cd"), (b"abc", b"d"), (b"abcd", b"")]
    }
    assert len(set(found.values())) > 1


def test_halves_of_surrogate_pairs_have_an_owner() -> None:
    assert sum(Partition(index, 3).has_device("\ud800") for index in range(3)) == 1


def test_what_is_remembered_is_bounded() -> None:
    known: dict[str, bool] = {}
    assert remember(known, "x" * (LONGEST_REMEMBERED + 1), place=True, most=3)
    assert not known
    for number in range(3):
        remember(known, f"{number}", place=number % 2 == 0, most=3)
    assert known == {"0": True, "1": False, "2": True}
    assert not remember(known, "one more", place=False, most=3)
    assert known == {"one more": False}
