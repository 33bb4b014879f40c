"""Rule 10 of docs/autocore.md: what is lost first is held to the decoder."""

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore.decode import DecodeError, Decoder
from otel_tickrmeter.fleets.autocore.event import TELEMETRY_EVENTS, MessageType
from otel_tickrmeter.fleets.autocore.giving_way import make_test
from otel_tickrmeter.fleets.autocore.topics import LAYOUTS
from otel_tickrmeter.stream.message import Message
from tests.support.autocore_topics import TYPES
from tests.support.owner_options import of_boards


def spelled(text: str, numbered: list[bool]) -> str:
    """The text as JSON may have it: each letter as itself or as its number."""
    letters = zip(text, [*numbered, *[False] * len(text)], strict=False)
    return "".join(rf"\u{ord(letter):04x}" if number else letter for letter, number in letters)


EVENTS = st.sampled_from([*TELEMETRY_EVENTS, "boot", "relay_changed"])
NUMBERED = st.just([False]) | st.lists(st.booleans(), max_size=14)
BODIES = st.tuples(EVENTS, NUMBERED, NUMBERED).map(
    lambda drawn: (
        '{"channel": 1, "state": true, "uuid": "A",'
        f' "{spelled("event", drawn[1])}": "{spelled(drawn[0], drawn[2])}"}}'
    ).encode()
)
TOPICS = st.sampled_from([topic for topic, message_type in TYPES.items() if message_type == "telemetry"])


@given(TOPICS, BODIES | st.binary(max_size=20))
def test_rule_10_whatever_the_decoder_takes_for_something_else_stays(topic: str, payload: bytes) -> None:
    gives_way = make_test({"layouts": LAYOUTS, "topic_prefix": ""})
    message = Message(f"autocore/{topic}".encode(), payload, 1)
    try:
        decoded = Decoder(**of_boards()).decode(message)
    except DecodeError:
        return
    if decoded is not None and decoded.message_type is not MessageType.TELEMETRY:
        assert not gives_way(message)
