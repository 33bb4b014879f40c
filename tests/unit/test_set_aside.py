"""What the log says of messages that were set aside, and what is kept of them."""

import re
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from loguru import logger

from otel_tickrmeter.letters.letter import decode_letter
from otel_tickrmeter.letters.writer import LetterWriter
from otel_tickrmeter.limiter import INTERVAL_NS, Limiter
from otel_tickrmeter.set_aside import MOST_TOLD, SetAside
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason
from tests.support.driver import LIMITS
from tests.support.exporter import Exporter
from tests.support.wire import A, B, answer, boot, message, request, status, stream

MINUTE_NS = INTERVAL_NS
SECOND_NS = MINUTE_NS // 60


@pytest.fixture
def exporter() -> Exporter:
    return Exporter()


@pytest.fixture
def log() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lambda line: lines.append(line.rstrip("\n")), format="{level} {message}", level="DEBUG")
    yield lines
    logger.remove(sink)


def test_the_first_of_each_kind_is_due_and_then_one_a_minute() -> None:
    limiter = Limiter()
    assert limiter.count_due("a", 5) == 1
    assert limiter.count_due("b", 6) == 1
    assert [limiter.count_due("a", 5 + step) for step in (0, 1, MINUTE_NS - 1)] == [0, 0, 0]
    assert limiter.count_due("a", 5 + MINUTE_NS) == 4
    assert limiter.count_due("a", 5 + 2 * MINUTE_NS - 1) == 0
    assert limiter.count_due("a", 5 + 9 * MINUTE_NS) == 2
    assert limiter.count_due("b", 5 + MINUTE_NS) == 0


def test_the_line_names_device_topic_and_reason(log: list[str], exporter: Exporter) -> None:
    exporter.deliver(message("STOCKPRICEUPDATE", b'{"device": "a0:b0", "symbol": "AAPL"', 1))
    (line,) = log
    assert line == (
        "WARNING Failed to parse message: stock_request (bad_json), device 'a0:b0', "
        """topic 'STOCKPRICEUPDATE', payload '{"device": "a0:b0", "symbol": "AAPL"'"""
    )


@pytest.mark.parametrize(
    ("delivery", "shown"),
    [
        (message("STOCKPRICEUPDATE", b""), "stock_request (empty), device unknown,"),
        (message(B, b'{"symbol":'), f"stock_response (bad_json), device '{B}',"),
        (message("DEVICESTATUS_RES", b"[]"), "device_status (not_object), device unknown,"),
        (message("TICKRMETERBOOT", b"\xff"), "device_boot (bad_utf8), device unknown,"),
    ],
)
def test_what_is_no_object_is_told_in_the_words_of_autocore_s_document(
    log: list[str], exporter: Exporter, delivery: Message, shown: str
) -> None:
    exporter.deliver(delivery)
    (line,) = log
    assert line.startswith(f"WARNING Failed to parse message: {shown} topic ")


@pytest.mark.parametrize(
    ("delivery", "shown"),
    [
        (message("DEVICE_BOOTED", b"{}"), "device_booted (missing_field), device unknown,"),
        (message("HTTPSTREAMSTOCKS", {"device": 123}), "http_stream (wrong_type), device '123',"),
        (message(A, b"")._replace(oversize=True), f"stock_response (oversize), device '{A}',"),
        (request(1, "nobody"), "stock_request (device_pattern), device 'nobody',"),
        (request(1, ""), "stock_request (device_pattern), device '',"),
        (request(1, "x" * 500), f"stock_request (device_pattern), device '{'x' * 64}',"),
        (answer(1, symbol="A\nPL"), f"stock_response (symbol_pattern), device '{A}',"),
        (status(1, vin=-1), f"device_status (out_of_range), device '{A}',"),
    ],
)
def test_every_other_reason_is_told(
    log: list[str], exporter: Exporter, delivery: Message, shown: str
) -> None:
    exporter.deliver(delivery)
    (line,) = log
    assert line.startswith(f"WARNING Set aside, as a whole or in part: {shown} topic ")


def test_identities_beyond_a_bound_are_told_with_its_name(log: list[str]) -> None:
    exporter = Exporter(replace(LIMITS, max_devices=1, max_symbols=1))
    exporter.deliver(request(1), request(1, B), request(1, symbol="MSFT"))
    assert [line.partition(", topic")[0] for line in log] == [
        f"WARNING Set aside, as a whole or in part: stock_request (max_devices), device '{B}'",
        f"WARNING Set aside, as a whole or in part: stock_request (max_symbols), device '{A}'",
    ]
    log.clear()
    exporter = Exporter(replace(LIMITS, max_pairs=1))
    exporter.deliver(request(1), request(1, symbol="MSFT"))
    assert "stock_request (max_pairs)" in log[0]


def test_a_heartbeat_names_all_its_reasons(log: list[str], exporter: Exporter) -> None:
    exporter.deliver(status(1, battery=[], vin=-1, uptime=-1))
    assert [line.partition("; ")[2] for line in log] == ["also wrong_type", "also out_of_range"]
    exporter.deliver(status(2, battery=[]), status(1 + MINUTE_NS, battery=[]))
    assert log[2].endswith("; 2 such since this was last said")


def test_what_is_handled_as_it_should_leaves_no_line(log: list[str], exporter: Exporter) -> None:
    exporter.deliver(request(1), answer(2), answer(3), status(4), message("elsewhere", b"{", 5))
    assert log == []


def test_retained_and_duplicate_deliveries_are_usual(log: list[str], exporter: Exporter) -> None:
    exporter.deliver(
        status(1)._replace(retain=True),
        stream(1)._replace(duplicate=True),
        stream(2)._replace(duplicate=True),
    )
    assert [line.partition(", device")[0] for line in log] == [
        "DEBUG Set aside, as a whole or in part: device_status (retained)",
        "DEBUG Set aside, as a whole or in part: http_stream (duplicate)",
    ]


@pytest.mark.parametrize(
    "raw", [b"\n2026 ERROR forged", b"\x1b[2J", b"\xe2\x80\xae", b"{}<red>%s{0}", b"'\"\\", bytes(range(256))]
)
def test_nothing_in_it_forges_a_line_or_steers_a_terminal(
    log: list[str], exporter: Exporter, raw: bytes
) -> None:
    exporter.deliver(Message(b"STOCKPRICEUPDATE", b'{"device":"' + raw, 1))
    (line,) = log
    assert line.isascii()
    assert line.isprintable()
    shown = re.search(r"payload (.*?)(?: \(the first 120 of 267 bytes\))?$", line)
    assert shown is not None
    assert literal_eval(f"b{shown[1]}") == (b'{"device":"' + raw)[:120]


def test_a_flood_makes_a_bounded_number_of_lines(log: list[str], exporter: Exporter) -> None:
    def flood() -> Iterator[Message]:
        for number in range(100_000):
            at_ns = number * SECOND_NS // 500  # 200 s of it
            yield Message(b"STOCKPRICEUPDATE" if number % 2 else b"TICKRMETERBOOT", b"{%d" % number, at_ns)

    exporter.deliver(*flood())
    assert sum(exporter.errors().values()) == 100_000
    assert len(log) == 2 * 4
    counts = [int(found[1]) for line in log if (found := re.search(r"(\d+) such since", line))]
    assert counts == [15_000] * 6


def test_a_letter_of_all_that_was_set_aside(tmp_path: Path) -> None:
    path = tmp_path / "letters"
    with LetterWriter(path, 10**6, 1) as writer:
        exporter = Exporter(letters=writer)
        exporter.deliver(
            request(1),
            status(1)._replace(retain=True),
            stream(1)._replace(duplicate=True),
            message(A, b'{"symbol":', 1_999_999)._replace(qos=1, duplicate=True),
            status(3 * SECOND_NS, battery=[], vin=-1, uptime=-1)._replace(retain=True),
            boot(4, "x"),
        )
    letters = [decode_letter(line) for line in path.read_bytes().splitlines()]
    assert [letter[:7] for letter in letters] == [
        (1, A.encode(), 1, False, True, "stock_response", "bad_json"),
        (3000, b"DEVICESTATUS_RES", 0, True, False, "device_status", "out_of_range,wrong_type"),
        (0, b"TICKRMETERBOOT", 0, False, False, "device_boot", "device_pattern"),
    ]
    assert letters[0].payload == b'{"symbol":'


def test_the_letters_are_counted(tmp_path: Path) -> None:
    writer = LetterWriter(tmp_path / "letters", 10**6, 1)
    name = "tickrmeter_dead_letters_total"
    exporter = Exporter(letters=writer)
    assert [exporter.figure(name, f'outcome="{outcome}"') for outcome in ("written", "dropped")] == [0, 0]
    with writer:
        exporter.deliver(boot(1, "x"), boot(1, "y"))
    exporter.deliver(boot(2, "z"))
    assert exporter.figures(name) == {'outcome="written"': 2, 'outcome="dropped"': 1}
    assert not Exporter().figures(name)


def test_the_last_that_were_worth_a_line_are_remembered_in_ascii() -> None:
    kept = SetAside(None, lambda: 5)

    def take(at_ns: int, reason: ErrorReason, payload: bytes = b"{") -> None:
        kept.take(ErrorReason.BAD_JSON, message("<b>é", payload, at_ns), [reason], lambda *_: b"<i>\xff")

    take(1, ErrorReason.RETAINED)
    take(2, ErrorReason.BAD_JSON, b"<script>" * 99)
    take(3, ErrorReason.BAD_JSON)
    take(2 + MINUTE_NS, ErrorReason.BAD_JSON)
    first, second = kept.told
    assert (first.unix_ns, first.message_type, first.reason, first.times) == (7, "bad_json", "bad_json", 1)
    assert (first.device, first.topic) == (r"'<i>\xff'", r"'<b>\xc3\xa9'")
    assert first.sample.startswith("'<script><script>")
    assert len(first.sample) < 200
    assert second.times == 2
    for minute in range(2, 3 * MOST_TOLD):
        take(2 + minute * MINUTE_NS, ErrorReason.BAD_JSON)
    assert len(kept.told) == MOST_TOLD
