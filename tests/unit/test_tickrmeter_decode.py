"""Rules 1, 8 and 10 of docs/messages.md: topics are covered, identities bounded, no payload kills it."""

import tracemalloc
from collections.abc import Callable

import pytest

from otel_tickrmeter.fleets.tickrmeter.decode import DecodeError, Decoder, NotJsonError
from otel_tickrmeter.fleets.tickrmeter.event import (
    DeviceBoot,
    DeviceBooted,
    DeviceCommand,
    DeviceStatus,
    Event,
    HttpStream,
    MessageType,
    StockRequest,
    StockResponse,
)
from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS, PLACES
from otel_tickrmeter.fleets.tickrmeter.reason import IdentityKind
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason, Repair
from tests.support.driver import heartbeat
from tests.support.wire import A, B, answer, boot, booted, decoder, message, request, status, stream


def decode(delivery: Message, how: Decoder | None = None) -> Event | None:
    return read(delivery, how)[0]


def read(delivery: Message, how: Decoder | None = None) -> tuple[Event | None, tuple[Repair, ...]]:
    """Read as the handler does: strictly, and mended if that fails."""
    how = how or decoder()
    message_type = how.classify(delivery.topic) or MessageType.IGNORED
    try:
        return how.decode(message_type, delivery), ()
    except NotJsonError:
        return how.decode_mended(message_type, delivery)


def refusal(delivery: Message) -> ErrorReason | IdentityKind | None:
    """Decode what must be refused; returns the reason, or the kind of the rejected identity."""
    with pytest.raises(DecodeError) as caught:
        decode(delivery)
    assert (caught.value.reason is None) != (caught.value.rejected is None)
    return caught.value.reason or caught.value.rejected


@pytest.mark.parametrize(
    ("topic", "message_type"),
    [
        ("STOCKPRICEUPDATE", "stock_request"),
        ("DEVICESTATUS_RES", "device_status"),
        ("TICKRMETERBOOT", "device_boot"),
        ("DEVICE_BOOTED", "device_booted"),
        ("HTTPSTREAMSTOCKS", "http_stream"),
        (A, "stock_response"),
        (B, "stock_response"),
        ("", "ignored"),
        ("stockpriceupdate", "ignored"),
        ("STOCKPRICEUPDATE/", None),
        ("STOCKPRICEUPDATE\n", "ignored"),
        ("$SYS/broker/uptime", None),
        (A[:-1], "ignored"),
        (A + "0", "ignored"),
        (A.lower(), "stock_response"),
        ("08:a6:F7:92:dd:5c", "stock_response"),
        ("08-A6-F7-92-DD-5C", "stock_response"),
        ("08a6.f792.dd5c", "stock_response"),
        (A + "\0", "stock_response"),
        ("08:A6:F7:92:DD", "ignored"),
        (A[:-1] + "g", "ignored"),
        ("０８Ａ６Ｆ７９２ＤＤ５Ｃ", "ignored"),  # noqa: RUF001  the same id in full-width letters
    ],
)
def test_rule_1_each_topic_is_one_thing_and_strange_ones_are_ignored(
    topic: str, message_type: str | None
) -> None:
    assert decoder().classify(topic.encode()) == message_type


def test_rule_1_an_ignored_topic_is_no_error_whatever_is_in_it() -> None:
    assert decode(message("elsewhere", b"\xff\x00{")) is None


@pytest.mark.parametrize("topic", [b"\xff" * 12, A[:-1].encode() + b"\xff", b"\xff\xfe", b"\x00" * 12])
def test_a_topic_that_is_not_text_is_ignored(topic: bytes) -> None:
    assert decoder().classify(topic) is MessageType.IGNORED


@pytest.mark.parametrize(
    ("topic", "message_type"),
    [
        ("fleet/eu/STOCKPRICEUPDATE", "stock_request"),
        (f"fleet/eu/{A}", "stock_response"),
        ("STOCKPRICEUPDATE", None),
        (A, None),
        (f"fleet/us/{A}", None),
        (f"fleet/eu/fleet/eu/{A}", None),
        ("fleet/eu/", "ignored"),
    ],
)
def test_a_prefix_stands_before_every_topic(topic: str, message_type: str | None) -> None:
    assert decoder("fleet/eu/").classify(topic.encode()) == message_type


def test_the_device_of_an_answer_is_its_topic_without_the_prefix() -> None:
    delivery = answer(0)._replace(topic=f"fleet/eu/{A}".encode())
    assert decode(delivery, decoder("fleet/eu/")) == StockResponse(A, "AAPL")


def test_a_pattern_that_takes_anything_still_takes_only_whole_names() -> None:
    lax = decoder(pattern="D[0-9]", form="exact")
    assert lax.classify(b"D1") is MessageType.STOCK_RESPONSE
    assert lax.classify(b"D12") is MessageType.IGNORED
    assert lax.classify(b"xD1") is MessageType.IGNORED
    assert lax.classify(b"d1") is MessageType.IGNORED


def test_rule_10_holds_for_a_pattern_that_takes_what_is_not_text() -> None:
    event = decode(answer(0)._replace(topic=b"\xff"), decoder(pattern=".*"))
    assert event == StockResponse("\N{REPLACEMENT CHARACTER}", "AAPL")


@pytest.mark.parametrize(
    ("delivery", "event"),
    [
        (request(0), StockRequest(A, "AAPL")),
        (answer(0), StockResponse(A, "AAPL")),
        (boot(0), DeviceBoot(A)),
        (booted(0), DeviceBooted(A)),
        (stream(0), HttpStream(A)),
        (status(0), heartbeat(A)),
        # As seen in the field.
        (
            message("STOCKPRICEUPDATE", b'{"type":"UPDATE","device":"08A6F792DD5C","symbol":"AAPL"}'),
            StockRequest(A, "AAPL"),
        ),
        (
            message(
                "DEVICESTATUS_RES",
                b'{"status":"online","firmware_version":"62p","device":"EC6260314DD0","battery":"78"}',
            ),
            heartbeat("EC6260314DD0", online=True, firmware_version="62p", battery=78.0),
        ),
        # JSON's last word on a repeated key is the last value.
        (message(A, b'{"symbol":"X","symbol":"Y"}'), StockResponse(A, "Y")),
        (message(A, b' {"symbol":\t"Y"}\r\n'), StockResponse(A, "Y")),
        (message(A, rb'{"symbol":"\u0059"}'), StockResponse(A, "Y")),
    ],
)
def test_what_is_sent_is_understood(delivery: Message, event: Event) -> None:
    assert decode(delivery) == event


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b'{"symbol":"X"', ErrorReason.BAD_JSON),
        (b'{"symbol":"X","price":"$1', ErrorReason.BAD_JSON),
        (b'{"symbol":"X"}{', ErrorReason.BAD_JSON),
        (b'{"symbol":"\xff"', ErrorReason.BAD_UTF8),
        (b'{"symbol":' * 100_000, ErrorReason.BAD_JSON),
        (b'{"symbol":"X","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ErrorReason.BAD_JSON),
        (b'{"symbol":NaN}', ErrorReason.WRONG_TYPE),
        (b'{"symbol":null}', ErrorReason.MISSING_FIELD),
        (b'{"type":"UPDATE","price":"$1"}', ErrorReason.MISSING_FIELD),
        (b'{"symbol":1.5}', ErrorReason.WRONG_TYPE),
        (b'{"symbol":true}', ErrorReason.WRONG_TYPE),
        (b'{"symbol":["X"]}', ErrorReason.WRONG_TYPE),
        (b'{"symbol":{"X":1}}', ErrorReason.WRONG_TYPE),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value.value,
)
def test_rule_10_a_payload_that_cannot_be_taken_has_its_reason(payload: bytes, reason: ErrorReason) -> None:
    assert refusal(message(A, payload)) is reason


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (b"", ErrorReason.EMPTY),
        (b" ", ErrorReason.BAD_JSON),
        (b"\x00", ErrorReason.BAD_JSON),
        (b"{", ErrorReason.BAD_JSON),
        (b"{'device':'X'}", ErrorReason.BAD_JSON),
        (b"[" * 100_000, ErrorReason.BAD_JSON),
        (b'{"a":' * 100_000, ErrorReason.BAD_JSON),
        (b'{"device":"\xff"', ErrorReason.BAD_UTF8),
        (b"\xff\xfe{\x00}\x00", ErrorReason.BAD_UTF8),
        (b"[]", ErrorReason.NOT_OBJECT),
        (b"null", ErrorReason.NOT_OBJECT),
        (b'"device"', ErrorReason.NOT_OBJECT),
        (b"1", ErrorReason.NOT_OBJECT),
        (b"{}", ErrorReason.MISSING_FIELD),
        (b'{"Device":"X"}', ErrorReason.MISSING_FIELD),
    ],
    ids=lambda value: value[:24] if isinstance(value, bytes) else value.value,
)
@pytest.mark.parametrize("topic", ["STOCKPRICEUPDATE", "DEVICESTATUS_RES", "TICKRMETERBOOT"])
def test_rule_10_what_a_device_sends_that_cannot_be_taken_has_its_reason(
    topic: str, payload: bytes, reason: ErrorReason
) -> None:
    assert refusal(message(topic, payload)) is reason


@pytest.mark.parametrize(
    "payload",
    [
        b"REBOOT",
        b"",
        b"\x00",
        b"{}",
        b"[]",
        b"null",
        b'"symbol"',
        b'{"type":"SETTINGS","brightness":5}',
        b'{"type":"OTA","url":"http://updates.example.org/62p.bin"}',
        b'{"type":"UPDATE","firmware":"62p"}',
        b'{"type":"SETTINGS"',
        b"\xff\xd8\xff",
        b"[" * 100_000,
    ],
    ids=lambda payload: payload[:24],
)
def test_what_names_no_symbol_is_a_command_and_no_error(payload: bytes) -> None:
    assert read(message(A.lower(), payload)) == (DeviceCommand(A), ())


@pytest.mark.parametrize(
    ("payload", "repairs"),
    [
        (b'{"symbol":"X"}\0', ["padding"]),
        (b'{"symbol":"X"}\0\0', ["padding"]),
        (b'{"symbol":"X"}\r\n\0', ["padding"]),
        (b'{"symbol":"X"}\0{"symbol":"what the buffer held before', ["padding"]),
        (b'\xef\xbb\xbf{"symbol":"X"}', ["byte_order_mark"]),
        (b'\xef\xbb\xbf{"symbol":"X"}\0', ["byte_order_mark", "padding"]),
        (b'{"symbol":"X","name":"B\xfcro"}', ["bad_utf8"]),
        (b'{"symbol":"X","price":nan}', ["not_a_number"]),
        (b'{"symbol":"X","price":-Infinity,"note":"inf \\" nan"}', ["not_a_number"]),
        (b'{"symbol":"X","price":NaN,"name":"B\xfcro"}\0', ["padding", "bad_utf8", "not_a_number"]),
        (b'{"symbol":"X","name":"a\nb"}', ["lenient"]),
        (rb'{"symbol":"X","name":"\ud800"}', ["lenient"]),
        (b'{"symbol":"X","price":1e999}', ["lenient"]),
        (b'{"symbol":"X","price":' + b"9" * 5000 + b"}", ["lenient"]),
    ],
    ids=lambda value: value[:40] if isinstance(value, bytes) else None,
)
def test_a_payload_that_is_nearly_json_is_mended(payload: bytes, repairs: list[str]) -> None:
    assert read(message(A, payload)) == (StockResponse(A, "X"), tuple(repairs))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"symbol":"B\xfcro"}',
        rb'{"symbol":"\ud800"}',
        b'{"symbol":"\xed\xa0\x80"}',
        b'{"symbol":"\xc0\x80"}',
    ],
)
def test_a_broken_symbol_is_none_however_the_rest_is_mended(payload: bytes) -> None:
    assert refusal(message(A, payload)) is IdentityKind.SYMBOL


def test_a_broken_device_id_is_none() -> None:
    assert refusal(message("TICKRMETERBOOT", b'{"device":"08A6F792DD5\xff"}')) is IdentityKind.DEVICE


def test_rule_10_what_the_receiver_found_too_long_is_refused_as_such() -> None:
    assert refusal(message(A, b"")._replace(oversize=True)) is ErrorReason.OVERSIZE


@pytest.mark.parametrize(
    "symbol",
    [
        "",
        " ",
        "\0",
        "AA\x00PL",
        "AA\nPL",
        "AA\x7fPL",
        "AA\u2028PL",
        "AA\u202ePL",
        "B\ufffdro",
        "A" * 33,
        " " * 300 + "A" * 33,
        "e\u0301" * 300,
    ],
)
def test_rule_8_a_symbol_that_is_none_is_rejected(symbol: str) -> None:
    for make in (request, answer):
        assert refusal(make(0, symbol=symbol)) is IdentityKind.SYMBOL


@pytest.mark.parametrize(
    "symbol",
    [
        "A",
        "BRK.B",
        "^GSPC",
        "EUR/USD",
        "GC=F",
        "M&M.NS",
        "000001.SZ",
        "S&P 500",
        "NIFTY 50",
        "BRK B",
        "Nestlé",
        "ПАО Газпром",
        "トヨタ",
        'say "AAPL"',
        "a\\b",
        "{x,y}",
        "A" * 32,
    ],
)
def test_rule_8_a_symbol_as_exchanges_have_it_is_taken(symbol: str) -> None:
    assert decode(request(0, symbol=symbol)) == StockRequest(A, symbol)


@pytest.mark.parametrize(
    ("spelled", "symbol"),
    [
        (" MSFT ", "MSFT"),
        ("MSFT\0\0", "MSFT"),
        ("\tBRK B\r\n", "BRK B"),
        ("Nestle\u0301", "Nestlé"),
        (7203, "7203"),
    ],
)
def test_a_symbol_has_one_spelling(spelled: object, symbol: str) -> None:
    sent = message("STOCKPRICEUPDATE", {"device": A, "symbol": spelled})
    assert decode(sent) == StockRequest(A, symbol)


@pytest.mark.parametrize(
    "spelled",
    [A, A.lower(), "08:A6:F7:92:DD:5C", "08-a6-f7-92-dd-5c", "08a6.f792.dd5c", f" {A}\r\n", A + "\0"],
)
@pytest.mark.parametrize("make", [request, status, boot, booted, stream])
def test_a_device_has_one_spelling(make: Callable[[int, str], Message], spelled: str) -> None:
    event = decode(make(0, spelled))
    assert event is not None
    assert event.device_id == A


def test_an_operator_may_take_ids_as_they_are() -> None:
    exact = decoder(pattern="dev-[a-z]+", form="exact")
    assert decode(boot(0, "dev-one"), exact) == DeviceBoot("dev-one")
    assert decode(answer(0, "dev-one"), exact) == StockResponse("dev-one", "AAPL")


@pytest.mark.parametrize(
    "device", ["", A[:-1], A + "0", "\uff10" * 12, "x" * 12, A + "/", A[:6] + "\u200b" + A[6:]]
)
@pytest.mark.parametrize("make", [request, status, boot, booted, stream])
def test_rule_8_a_device_id_must_match_its_pattern_as_a_whole(make: object, device: str) -> None:
    assert callable(make)
    assert refusal(make(0, device)) is IdentityKind.DEVICE


@pytest.mark.parametrize(
    ("device", "reason"),
    [
        (None, ErrorReason.MISSING_FIELD),
        (402208200000, ErrorReason.WRONG_TYPE),
        ([A], ErrorReason.WRONG_TYPE),
    ],
)
@pytest.mark.parametrize(
    "topic", ["STOCKPRICEUPDATE", "DEVICESTATUS_RES", "TICKRMETERBOOT", "DEVICE_BOOTED", "HTTPSTREAMSTOCKS"]
)
def test_rule_10_a_device_id_must_be_text(topic: str, device: object, reason: ErrorReason) -> None:
    assert refusal(message(topic, {"device": device, "symbol": "X"})) is reason
    assert refusal(message(topic, {"symbol": "X"})) is ErrorReason.MISSING_FIELD


def test_a_refused_message_says_why_in_words() -> None:
    assert str(DecodeError(ErrorReason.EMPTY)) == "empty"
    assert str(DecodeError(rejected=IdentityKind.SYMBOL)) == "symbol does not match its pattern"


class TestHeartbeat:
    def test_every_reading_has_its_place(self) -> None:
        sent = status(
            0,
            status="offline",
            firmware_version=62,
            inner_version="3",
            flash_id="f1",
            battery="78",
            charging="no",
            vin="4.9",
            uptime=12,
            wifi_lost="0",
            boot_count=7,
        )
        assert decode(sent) == heartbeat(
            A,
            online=False,
            firmware_version="62",
            inner_version="3",
            flash_id="f1",
            battery=78.0,
            charging=False,
            vin=4.9,
            uptime=12.0,
            wifi_lost=0.0,
            boot_count=7.0,
        )

    @pytest.mark.parametrize(
        ("reading", "name"), [(reading, name) for reading, names in DEFAULT_FIELDS.items() for name in names]
    )
    def test_every_spelling_is_read(self, reading: str, name: str) -> None:
        sent = "online" if reading == "status" else 1
        event = decode(status(0, A, **{name: sent}))
        assert isinstance(event, DeviceStatus)
        assert event.faults == ()
        told = dict(zip(("status", "firmware_version"), (event.online, event.firmware_version), strict=True))
        told |= dict(zip(PLACES, event.readings, strict=True))
        assert {each for each, value in told.items() if value is not None} == {reading}

    def test_the_first_spelling_that_is_there_counts(self) -> None:
        event = decode(status(0, bat=1, battery=2))
        assert isinstance(event, DeviceStatus)
        assert event == heartbeat(A, battery=2.0)

    def test_rule_10_an_unreadable_field_is_counted_and_the_rest_stays(self) -> None:
        event = decode(status(0, status="asleep", battery="101", vin=[], uptime="5", bat=50, unheard_of={}))
        faults = ("out_of_range", "out_of_range", "wrong_type")
        # What cannot be read as online is not online.
        assert event == heartbeat(A, online=False, uptime=5.0, faults=faults)

    def test_null_is_not_given(self) -> None:
        assert decode(status(0, status=None, battery=None, battery_level=55)) == heartbeat(A, battery=55.0)

    @pytest.mark.parametrize("figure", [b"nan", b"NaN", b"inf", b"-inf", b"Infinity", b"-Infinity"])
    def test_a_figure_that_is_none_costs_its_field_alone(self, figure: bytes) -> None:
        payload = b'{"status":"online","device":"%s","battery":%s,"fw":"62p"}' % (A.encode(), figure)
        event, repairs = read(message("DEVICESTATUS_RES", payload))
        assert event == heartbeat(A, online=True, firmware_version="62p", faults=("out_of_range",))
        assert repairs == ("not_a_number",)

    def test_broken_text_costs_nothing_where_nobody_reads_it_and_else_its_field(self) -> None:
        payload = b'{"device":"%s","name":"B\xfcro","battery":7,"fw":"62\xfc"}' % A.encode()
        event, repairs = read(message("DEVICESTATUS_RES", payload))
        assert event == heartbeat(A, battery=7.0, faults=("bad_utf8",))
        assert repairs == ("bad_utf8",)

    def test_the_spelling_is_configuration(self) -> None:
        spelled = Decoder("", "exact", ".*", {**DEFAULT_FIELDS, "battery": ["power", "juice"], "vin": []})
        event = decode(status(0, juice=5, battery=6, vin=7), spelled)
        assert event == heartbeat(A, battery=5.0)


@pytest.mark.parametrize("spelled", [" S{number}", " " * 4000 + "S{number}"], ids=["many", "long"])
def test_invented_spellings_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch, spelled: str) -> None:
    monkeypatch.setattr("otel_tickrmeter.fleets.tickrmeter.decode.MAX_SPELLINGS", 100)
    one = decoder()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        for number in range(5000):
            delivery = request(0, A, spelled.format(number=number))
            assert decode(delivery, one) == StockRequest(A, f"S{number}")
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 100_000  # all of many are five times that, a hundred long ones four times
