"""Whatever is heard, however it is read: a handler gets what was heard of its partitions, in order, once."""

from collections.abc import Callable, Iterable
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.kafka.merge import Merge
from otel_tickrmeter.kafka.ticks import TickWriter
from otel_tickrmeter.stream.giving_way import GivesWay
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Foreign,
    Heard,
    LinkEvent,
    Logged,
    Lost,
    Message,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.stream.tick import decode_tick

PARTITIONS = 4
KINDS: dict[str, Callable[[int], LinkEvent]] = {
    "mark": lambda at: Watermark(at, 0, at),
    "connected": lambda at: Connected(at, session_present=False, protocol="5"),
    "subscribed": Subscribed,
    "lost": lambda at: Lost(at, LinkReason.OTHER, ""),
    "stalled": lambda at: Stalled(at, 1.0),
    "doubted": lambda at: Doubted(at, 1.0),
    "heard": lambda at: Heard(at, 1.0),
}
WORDS = st.one_of(st.integers(0, PARTITIONS - 1), st.integers(0, PARTITIONS - 1), st.sampled_from([*KINDS]))


def gives_way(message: Message) -> bool:
    return message.arrived_ns % 2 == 0


def steps(words: Iterable[int | str]) -> list[Message | LinkEvent]:
    """Each a nanosecond after the other; a message's topic is its partition."""
    return [
        Message(b"%d" % word, b"%d" % at, at) if isinstance(word, int) else KINDS[word](at)
        for at, word in enumerate(words, 1)
    ]


def flat(items: Iterable[list[Message] | LinkEvent]) -> list[Message | LinkEvent]:
    """One after the other, but for who else was heard; what waits is at another time something else."""
    found: list[Message | LinkEvent] = []
    for item in items:
        if isinstance(item, list):
            found += item
        elif isinstance(item, Watermark):
            found.append(Watermark(item.at_ns, 0, item.heard_ns))
        elif not isinstance(item, Foreign):
            found.append(item)
    return found


def written(
    heard: list[Message | LinkEvent],
    room: list[bool],
    most: int,
    unix_offset_ns: int = 0,
    gives_way: GivesWay | None = None,
) -> tuple[list[Message | LinkEvent], list[list[bytes]]]:
    """What found room in the receiver, and the records of each partition."""
    records: list[list[bytes]] = [[] for _ in range(PARTITIONS)]
    writer = TickWriter(PARTITIONS, most, run=1, unix_offset_ns=unix_offset_ns, gives_way=gives_way)

    def write(partition: int, record: bytes, _: int) -> bool:
        records[partition].append(record)
        return True

    for step, has_room in zip(heard, [*room, *[True] * len(heard)], strict=False):
        if not isinstance(step, Message):
            writer.close(step)
        else:
            writer.add(int(step.topic), step)
        if has_room:
            writer.send(write)
    writer.send(write)
    ticks = (decode_tick(record) for each in records for record in each)
    kept = {message.arrived_ns for tick in ticks for message in tick.messages}
    assert writer.taken == len(kept)
    return [each for each in heard if not isinstance(each, Message) or each.arrived_ns in kept], records


@given(
    words=st.lists(WORDS, max_size=60),
    kept=st.sets(st.integers(0, PARTITIONS - 1), min_size=1),
    reads=st.lists(st.tuples(st.integers(0, PARTITIONS - 1), st.integers(1, 4)), max_size=60),
    most=st.sampled_from([2, 1_000]),
    room=st.lists(st.booleans(), max_size=60),
    named=st.booleans(),
    giving=st.booleans(),
)
def test_a_handler_gets_what_was_heard_of_its_partitions(
    words: list[int | str],
    kept: set[int],
    reads: list[tuple[int, int]],
    most: int,
    room: list[bool],
    *,
    named: bool,
    giving: bool,
) -> None:
    # Of what is missing in the very first record nobody knows whether it was there.
    heard = [Watermark(0, 0, 0), *steps(words), Watermark(1_000, 0, 1_000)]
    taken, records = written(heard, room, most, gives_way=gives_way if giving else None)
    merge = Merge(0, 0, named=named)
    merge.keep(kept, 0)
    places = dict.fromkeys(kept, 0)
    given_over: list[list[Message] | LinkEvent] = []
    for partition, count in [*reads, *((partition, 1_000) for partition in kept)]:
        if partition in kept:
            at = places[partition]
            for offset, record in list(enumerate(records[partition]))[at : at + count]:
                merge.add(partition, offset, decode_tick(record))
                places[partition] = offset + 1
        while (items := merge.next()) is not None:
            given_over += items
    got = flat(given_over)
    keys = [step.logged and step.logged.key for step in got if isinstance(step, Message)]
    assert len(set(keys)) == (len(keys) if named else bool(keys)), "each has a name of its own, or none has"
    got = [step._replace(logged=None) if isinstance(step, Message) else step for step in got]
    mine = [step for step in taken if not isinstance(step, Message) or int(step.topic) in kept]
    assert [step for step in got if not isinstance(step, Dropped)] == mine
    lost = [
        step for step in heard if isinstance(step, Message) and int(step.topic) in kept and step not in taken
    ]
    assert sum(step.count for step in got if isinstance(step, Dropped)) == len(lost)
    # What was lost is told before anything later: before the first that came after it.
    for step in lost:
        later = next(each for each in mine if _at(each) > step.arrived_ns)
        before = [each for each, _ in groupby(got[: got.index(later)])]
        told = sum(each.count for each in before if isinstance(each, Dropped))
        assert told >= sum(1 for each in lost if each.arrived_ns <= step.arrived_ns)


@given(
    words=st.lists(WORDS, min_size=1, max_size=40),
    again_from=st.integers(0, 40),
    kept=st.sets(st.integers(0, PARTITIONS - 1), min_size=1),
    unix_offset_ns=st.sampled_from([0, 7]),
)
def test_a_message_has_the_same_name_and_time_whoever_takes_it_and_whenever(
    words: list[int | str], again_from: int, kept: set[int], unix_offset_ns: int
) -> None:
    heard = [*steps(words), Watermark(1_000, 0, 1_000)]
    _, records = written(heard, [], 1_000, unix_offset_ns)

    def names(mine: set[int], first: int, now_ns: int) -> dict[bytes, Logged]:
        """Of those that somebody gets who begins with record `first`, by their payloads, which differ."""
        merge = Merge(0, now_ns, named=True)
        merge.keep(mine, now_ns)
        for partition in mine:
            for offset, record in list(enumerate(records[partition]))[first:]:
                merge.add(partition, offset, decode_tick(record))
        found: dict[bytes, Logged] = {}
        while (items := merge.next()) is not None:
            for item in items:
                for each in item if isinstance(item, list) else ():
                    assert each.logged is not None
                    found[each.payload] = each.logged
        return found

    everything = names(set(range(PARTITIONS)), 0, 0)
    again = names(kept, again_from, 1_000)
    assert again.items() <= everything.items()
    assert len({logged.key for logged in everything.values()}) == len(everything)
    # The payload says when it came.
    assert all(logged.unix_ns == int(payload) + unix_offset_ns for payload, logged in everything.items())


def _at(step: Message | LinkEvent) -> int:
    return step.arrived_ns if isinstance(step, Message) else step.at_ns
