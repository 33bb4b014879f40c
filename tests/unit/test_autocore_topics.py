"""Rule 1 of docs/autocore.md: what its topics are, and that each message counts once."""

from itertools import combinations, product

import pytest

from otel_tickrmeter.fleets.autocore.event import MessageType
from otel_tickrmeter.fleets.autocore.sender import device_in
from otel_tickrmeter.fleets.autocore.topics import LAYOUTS, RESERVED, filters
from otel_tickrmeter.stream.message import Message
from tests.support.autocore import Driver, named
from tests.support.autocore_topics import OF_NOBODY, TYPES

SEED = (
    "autocore/+/status",
    "autocore/+/telemetry",
    "autocore/+/relay/+/status",
    "autocore/+/display/interaction",
    "autocore/+/system/+",
    "autocore/gateway/macros/emergency_stop",
)


def matches(pattern: str, topic: str) -> bool:
    wanted, given = pattern.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted, given = wanted[:-1], given[: len(wanted) - 1]
    return len(wanted) == len(given) and all(
        one in ("+", other) for one, other in zip(wanted, given, strict=True)
    )


def test_the_filters_of_the_seed_are_those_that_it_names() -> None:
    assert filters(["seed"]) == SEED
    assert filters(["seed"], "site/") == tuple(f"site/{each}" for each in SEED)


@pytest.mark.parametrize("layouts", [("seed",), ("devices",), LAYOUTS])
def test_rule_1_each_topic_that_means_something_is_subscribed_by_one_filter(layouts: tuple[str, ...]) -> None:
    driver = Driver(layouts)
    for topic in TYPES:
        full = f"autocore/{topic}"
        covered = sum(matches(each, full) for each in filters(layouts))
        known = driver.decoder.classify(full.encode()) is not MessageType.IGNORED
        assert covered == known, topic


@pytest.mark.parametrize(("topic", "message_type"), TYPES.items())
def test_a_topic_says_what_its_messages_are(topic: str, message_type: str) -> None:
    assert Driver().decoder.classify(f"autocore/{topic}".encode()) == message_type


def test_layouts_that_are_off_are_ignored() -> None:
    seed, devices = Driver(["seed"]), Driver(["devices"])
    for topic in [*TYPES][:6]:
        assert devices.decoder.classify(f"autocore/{topic}".encode()) == "ignored"
    stop = "gateway/macros/emergency_stop"
    for topic in [each for each in TYPES if each != stop][6:]:
        assert seed.decoder.classify(f"autocore/{topic}".encode()) == "ignored"


@pytest.mark.parametrize("topic", OF_NOBODY)
def test_what_is_below_the_root_and_of_nobody_is_ignored_whatever_is_in_it(topic: str) -> None:
    driver = Driver()
    assert driver.publish(1, f"autocore/{topic}", b"\xff") == []
    assert driver.types == ["ignored"]


@pytest.mark.parametrize(
    "topic", [b"STOCKPRICEUPDATE", b"autocore", b"xautocore/A/status", b"\xff/status", b""]
)
def test_what_is_not_below_the_root_is_not_of_the_fleet(topic: bytes) -> None:
    driver = Driver()
    assert driver.intake.classify(topic) is None
    assert driver.publish(1, topic, b"{}") == []


def test_topics_may_have_a_prefix() -> None:
    driver = Driver(prefix="site/1/")
    assert driver.intake.classify(b"autocore/A/status") is None
    told = driver.publish(1, "site/1/autocore/A/status", {"status": "online"})
    assert named(told, "registered") == [("A",)]


@pytest.mark.parametrize("word", sorted(RESERVED))
def test_reserved_words_are_no_ids(word: str) -> None:
    driver = Driver()
    driver.publish(1, f"autocore/{word}/status", {"status": "online"})
    driver.publish(1, f"autocore/devices/{word}/status", {"status": "online"})
    driver.publish(1, "autocore/discovery/announce", {"uuid": word})
    assert not driver.fleet.devices


@pytest.mark.parametrize("device", ["ÄB", "a b", "x" * 65, "a.b", "", "A\n"])
def test_an_id_that_fails_its_pattern_is_an_error(device: str) -> None:
    driver = Driver()
    assert driver.online(1, device) == [("set_aside", "status", "bad_id")]
    told = driver.publish(1, "autocore/discovery/announce", {"uuid": device})
    assert told == [("set_aside", "announce", "bad_id")]


@pytest.mark.parametrize("device", ["ESP32_001", "esp32-relay-001", "x" * 64, "relay", "7"])
def test_ids_are_text(device: str) -> None:
    driver = Driver()
    driver.online(1, device)
    assert {*driver.fleet.devices} == {device}


def test_rule_1_a_topic_that_two_filters_match_is_known_as_such() -> None:
    # Every pair of filters, made one topic of where that is possible.
    driver = Driver()
    pairs = 0
    for one, other in combinations(filters(LAYOUTS), 2):
        a, b = one.replace("/#", "/relay/status").split("/"), other.replace("/#", "/relay/status").split("/")
        if len(a) == len(b) and all("+" in pair or len({*pair}) == 1 for pair in zip(a, b, strict=True)):
            topic = "/".join(
                "x" if x == y == "+" else x if x != "+" else y for x, y in zip(a, b, strict=True)
            )
            assert matches(one, topic)
            assert matches(other, topic)
            place = driver.decoder.place(topic.encode())
            assert place is not None
            assert place.twice, topic
            pairs += 1
    assert pairs > 5


def test_rule_1_a_message_that_comes_by_two_filters_counts_once() -> None:
    driver = Driver()
    topic = "autocore/devices/relay/relay/status"
    on, off = {"channel": 1, "state": True}, {"channel": 1, "state": False}
    assert named(driver.publish(1, topic, on), "relay") == [("relay", 0, True)]
    assert driver.publish(1, topic, on) == [("set_aside", "relay_status", "duplicate")]
    # The next one is another, even with the same content.
    assert driver.publish(2, topic, on) == [("repeated", "relay", 0)]
    assert named(driver.publish(2, topic, off), "relay") == [("relay", 0, False)]


def test_rule_1_a_delivery_that_came_before_is_set_aside() -> None:
    driver = Driver()
    driver.online(1)
    told = driver.publish(2, "autocore/A/telemetry", {"temperature": 5}, duplicate=True)
    assert told == [("set_aside", "telemetry", "duplicate")]
    assert not driver.device().sensors


def test_spellings_of_topics_that_are_remembered_are_bounded() -> None:
    driver = Driver()
    for first, second in product(range(300), range(300)):
        driver.decoder.classify(b"autocore/%d/%d" % (first, second))
    driver.decoder.classify(b"autocore/" + b"x" * 1000)
    assert len(driver.decoder._places) <= 65_536  # noqa: SLF001  the bound is what is looked at
    assert driver.decoder.classify(b"autocore/A/status") == "status"


@pytest.mark.parametrize(
    ("topic", "payload", "device"),
    [
        ("A/status", b"", b"A"),
        ("Ä/status", b"", "Ä".encode()),
        ("devices/B/relays/state", b"{", b"B"),
        ("telemetry/can/data", b'{"uuid": "C", "x": ', b"C"),
        ("discovery/announce", b'{"device_id":"D"', b"D"),
        ("telemetry/can/data", b'{"uuid": 5}', None),
        ("modes/night", b'{"uuid": "E"}', None),
        ("devices/status", b'{"uuid": "E"}', None),
    ],
)
def test_what_was_set_aside_says_whose_it_is(topic: str, payload: bytes, device: bytes | None) -> None:
    decoder = Driver().decoder
    message = Message(f"autocore/{topic}".encode(), payload, 1)
    message_type = decoder.classify(message.topic)
    assert message_type is not None
    assert device_in(decoder, message_type, message) == device
