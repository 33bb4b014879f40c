"""Names are replaced, the same by the same; what a message means stays."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.capture.anonymise import Anonymiser
from otel_tickrmeter.capture.chunk import Note
from otel_tickrmeter.stream.message import Lost, Message, Refused, Subscribed
from otel_tickrmeter.stream.reason import LinkReason

WORDS = ("STOCKPRICEUPDATE", "autocore", "status", "relay")


def anonymiser() -> Anonymiser:
    return Anonymiser(b"k" * 16, WORDS)


def replaced(topic: str, payload: str) -> tuple[str, str]:
    made = anonymiser().message(Message(topic.encode(), payload.encode(), 1))
    return made.topic.decode(), made.payload.decode()


def test_a_device_is_the_same_in_topic_and_payload_however_it_is_spelt() -> None:
    made = anonymiser()
    spellings = ("08A6F792DD5C", "08a6f792dd5c", "08:A6:F7:92:DD:5C", "08-a6-f7-92-dd-5c")
    found = []
    for spelling in spellings:
        message = made.message(Message(spelling.encode(), json.dumps({"device": spelling}).encode(), 1))
        assert json.loads(message.payload)["device"] == message.topic.decode()
        found.append(message.topic.decode())
    assert found[0] != spellings[0]
    assert re.fullmatch("[0-9A-F]{12}", found[0])
    bare = [re.sub("[:-]", "", each) for each in found]
    assert bare == [found[0], found[0].lower(), found[0], found[0].lower()]
    assert [re.sub("[0-9A-Fa-f]", "x", each) for each in found] == [
        re.sub("[0-9A-Fa-f]", "x", each) for each in spellings
    ]


@pytest.mark.parametrize(
    "payload",
    [
        '{"type": "UPDATE", "battery": "78", "price": "$118593.5", "vin": 4.7e0, "ok": true, "n": NaN}',
        '{"firmware_version":"62p","status":"online","timestamp":"2026-01-31T10:00:00.5Z","ms":1769853600000}',
        '{"state": "on", "rssi": "-61 dBm", "uptime": "3600s", "charging": "YES", "version": "1.5.0"}',
    ],
)
def test_what_names_nobody_stays(payload: str) -> None:
    assert replaced("STOCKPRICEUPDATE", payload) == ("STOCKPRICEUPDATE", payload)


@pytest.mark.parametrize(
    ("text", "pattern"),
    [
        ("Home Wifi", r"[A-Z][a-z]{3} [A-Z][a-z]{3}"),
        ("BRK.B", r"[A-Z]{3}\.[A-Z]"),
        ("192.168.0.17", r"10(\.[0-9]{1,3}){3}"),
        ("00491701234567", r"[0-9]{14}"),
        ("Zoë", r"[A-Z][a-z]x"),
    ],
)
def test_what_may_name_somebody_is_replaced(text: str, pattern: str) -> None:
    _, payload = replaced("t", json.dumps({"a": text}, ensure_ascii=False))
    found = json.loads(payload)["a"]
    assert found != text
    assert re.fullmatch(pattern, found), found


@pytest.mark.parametrize(
    "name",
    [
        "08A6F792DD5C",
        "08a6f792dd5c",
        "08:A6:F7:92:DD:5C",
        "esp_08A6F792DD5C",
        "192.168.0.17",
        "Alice Smith",
        "board-1",
        "ESP32_001",
        "00491701234567",
        "Zo\\u00eb",
        "Alice",
    ],
)
def test_a_key_that_is_a_name_is_replaced_as_the_name_is(name: str) -> None:
    _, payload = replaced("t", f'{{"{name}": {{"battery": 7}}, "owner": "{name}", "owners": ["{name}"]}}')
    key, owner, owners = json.loads(payload, object_pairs_hook=list)
    assert (owner[0], owners) == ("owner", ("owners", [owner[1]]))
    assert key == (owner[1], [("battery", 7)])
    assert name not in payload


def test_a_key_is_replaced_where_a_topic_or_an_earlier_message_names_it() -> None:
    made = anonymiser()
    first = made.message(Message(b"Bedroom", b'{"Bedroom" : 1, "Kitchen": 1}', 1))
    assert first.payload == b'{"%b" : 1, "Kitchen": 1}' % first.topic
    second = made.message(Message(b"Kitchen", b'{"Kitchen": "on"}', 1))
    assert second.payload == b'{"%b": "on"}' % second.topic


def test_what_a_name_has_is_not_kept_for_the_name_s_sake() -> None:
    _, payload = replaced("t", '{"My status": "Alice", "status": "Alice"}')
    (_, value), kept = json.loads(payload, object_pairs_hook=list)
    assert value != "Alice"
    assert kept == ("status", "Alice")


@pytest.mark.parametrize(
    "field", ["battery", "wifi_signal", "pm25", "relay1", "batteryLevel", "1", "999", ""]
)
def test_names_of_fields_stay(field: str) -> None:
    payload = f'{{"{field}": 1, "{field}" : {{"{field}": true}}}}'
    assert replaced("t", payload)[1] == payload
    # Though somebody may be called so.
    assert replaced("battery", '{"battery": 1, "name": "battery"}')[1].startswith('{"battery": 1, ')


def test_levels_of_topics() -> None:
    topic, _ = replaced("autocore/ESP32_001/relay/3/status", "")
    assert re.fullmatch(r"autocore/[A-Z]{3}[0-9]{2}_[0-9]{3}/relay/3/status", topic)
    assert topic != "autocore/ESP32_001/relay/3/status"


def test_faults_of_a_payload_stay() -> None:
    _, payload = replaced("t", '{"a": "x\\n\\u00fc", "a": 1,, John')
    assert payload.startswith('{"a": "')
    assert payload[8:].startswith('\\n\\u0078", "a": 1,, '), payload
    assert "John" not in payload
    odd = anonymiser().message(Message(b"\xff", b'\xfe{"a":', 1))
    assert (odd.topic, odd.payload) == (b"\xff", b'\xfe{"a":')


def test_what_is_said_of_the_connection_names_no_host() -> None:
    made = anonymiser()
    assert made.item(Lost(1, LinkReason.TLS, "broker.example")) == Lost(1, LinkReason.TLS, "tls")
    assert made.item(Refused(1, LinkReason.DNS, "broker.example")) == Refused(1, LinkReason.DNS, "dns")
    assert made.item(Subscribed(1)) == Subscribed(1)
    assert made.item(Note(missed=1)) == Note(missed=1)
    assert made.item([Message(b"status", b"", 1)]) == [Message(b"status", b"", 1)]


def test_two_names_stay_two_as_long_as_there_are_others() -> None:
    made = anonymiser()
    found = {made.message(Message(f"AB{number}C".encode(), b"", 1)).topic for number in range(1000)}
    assert len(found) == 1000
    assert len({made.message(Message(bytes([65 + number]), b"", 1)).topic for number in range(26)}) > 13


def test_without_the_key_it_is_another() -> None:
    other = Anonymiser(b"j" * 16, WORDS)
    message = Message(b"08A6F792DD5C", b"", 1)
    assert other.message(message).topic != anonymiser().message(message).topic


@given(st.text(), st.text(), st.binary())
def test_any_text_keeps_its_shape(topic: str, text: str, payload: bytes) -> None:
    made = anonymiser()
    kept = json.dumps({"a": text, "b": [text]})
    message = made.message(Message(topic.encode(errors="replace"), kept.encode(), 1))
    found = json.loads(message.payload)
    assert found["b"] == [found["a"]]
    assert message.topic.count(b"/") == topic.count("/")
    again = made.message(Message(b"", payload, 1))
    assert again == made.message(Message(b"", payload, 1))
