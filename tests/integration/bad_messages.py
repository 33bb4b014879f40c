"""Messages that mean nothing, or not all that they should; and the one counter that says so.

A table, longer than it is deep: one line for each thing that anybody may publish.
"""

import json
from collections.abc import Iterator
from typing import NamedTuple

from tests.integration.program_traffic import ERRORS
from tests.support.wire import A, B

REJECTED = "tickrmeter_identities_rejected_total"
UNMATCHED = "tickrmeter_stock_update_unmatched_total"
TOPICS = {
    "stock_request": "STOCKPRICEUPDATE",
    "stock_response": A,
    "device_status": "DEVICESTATUS_RES",
    "device_boot": "TICKRMETERBOOT",
    "device_booted": "DEVICE_BOOTED",
    "http_stream": "HTTPSTREAMSTOCKS",
}
OF_DEVICES = sorted(set(TOPICS) - {"stock_response"})


class Case(NamedTuple):
    """What is published, and the one counter that goes up by one; None: none does."""

    name: str
    message_type: str
    topic: str
    payload: bytes
    counter: str | None = None
    labels: tuple[tuple[str, str], ...] = ()


def error(name: str, message_type: str, payload: bytes, reason: str) -> Case:
    labels = (("message_type", message_type), ("reason", reason))
    return Case(name, message_type, TOPICS[message_type], payload, ERRORS, labels)


def rejected(message_type: str, kind: str, payload: dict[str, str]) -> Case:
    labels = (("kind", kind), ("reason", "pattern"))
    shown = ascii(payload[kind])[:40]
    return Case(
        f"{kind}={shown}", message_type, TOPICS[message_type], json.dumps(payload).encode(), REJECTED, labels
    )


def no_message() -> Iterator[Case]:
    """Payloads that mean nothing, whatever the topic."""
    whole = json.dumps({"device": A, "symbol": "AAPL"}).encode()
    for reason, payloads in {
        "empty": [b""],
        "bad_utf8": [
            b"\xff\xfe\x00",
            whole[:-1].replace(b"AAPL", b"AA\x80PL"),
        ],
        "bad_json": [
            b"hello",
            b" ",
            b"\x00",
            whole[:-1],
            whole + b"x",
            whole + whole,
            whole.replace(b'"', b"'"),
            whole[:-1] + b",}",
            whole[:-1] + b',"battery":NaN',
            b"\xef\xbb\xbf" + whole[:-1],
            whole[:-1] + b"\0}",
            b"[" * 60_000,
            b'{"a":' * 12_000 + b"1" + b"}" * 5_000,
            whole.decode().encode("utf-16-le"),
        ],
        "not_object": [b"[]", b"null", b"true", b"17", b'"' + A.encode() + b'"', b"[" + whole + b"]"],
        "oversize": [whole.ljust(70_000), b"x" * 70_000, whole.ljust(10_000_000)],
    }.items():
        for payload in payloads:
            yield error(f"{payload[:24]!r}*{len(payload)}", "stock_request", payload, reason)
    for message_type in sorted(set(TOPICS) - {"stock_request"}):
        yield error("truncated", message_type, whole[:-1], "bad_json")
        yield error("huge", message_type, whole.ljust(70_000), "oversize")


def no_identity() -> Iterator[Case]:
    """Objects without the device or the symbol that they need."""
    for message_type in OF_DEVICES:
        yield error("no device", message_type, b'{"symbol":"AAPL"}', "missing_field")
        yield error("device list", message_type, b'{"symbol":"AAPL","device":["x"]}', "wrong_type")
        yield rejected(message_type, "device", {"symbol": "AAPL", "device": A + "0"})
    for value, reason in {"null": "missing_field", "8": "wrong_type", "true": "wrong_type"}.items():
        yield error(f"device {value}", "device_boot", b'{"device":%b}' % value.encode(), reason)
    for device in (
        "",
        A[:-1],
        A[:-1] + "G",
        f"{A}/x",
        f"{A}\n{A}",
        "+",
        '"}\n',
        "\x00" * 12,
        "٠١٢٣٤٥٦٧٨٩٠١",  # digits of another script
        "日" * 12,
        "A" * 5000,
    ):
        yield rejected("stock_request", "device", {"symbol": "AAPL", "device": device})
    for message_type in ("stock_request", "stock_response"):
        known = b'{"device":"%b"' % A.encode()
        if message_type == "stock_request":
            yield error("no symbol", message_type, known + b"}", "missing_field")
        yield error("symbol null", message_type, known + b',"symbol":null}', "missing_field")
        yield error("symbol number", message_type, known + b',"symbol":5.5}', "wrong_type")
        yield error("symbol object", message_type, known + b',"symbol":{}}', "wrong_type")
        for symbol in (
            "",
            " ",
            "A" * 33,
            'AAPL"} 1\nx{y="',
            "AA\rPL",
            "AA\x00PL",
            "AA\x7fPL",
            "\u202eLPAA",
            "AA\u2028PL",
            "B\ufffdro",
        ):
            yield rejected(message_type, "symbol", {"device": A, "symbol": symbol})


def no_reading() -> Iterator[Case]:
    """Fields of a heartbeat that cannot be read as their type."""
    for reason, fields in {
        "wrong_type": {
            "battery": [
                '"full"',
                '""',
                '"NaN"',
                '"0x10"',
                '"1_0"',
                '"\uff17\uff18"',  # fullwidth digits
                '"78 V"',
                "true",
                "[78]",
                "{}",
            ],
            "uptime": ['"1 week"', '"-"', '"1e9999"', '"06:37"'],
            "charging": ["[]"],
            "firmware_version": ["1.5", "true", '["62p"]', "{}"],
            "flash_id": ["[]"],
            "iv": ["false", "1" + "0" * 64],  # so many digits are read as a float
        },
        "out_of_range": {
            "battery": ["-1", "101", '"100.1"', '"1e300"', '"1e999"', "1e300"],
            "uptime": ["-0.5", '"-1"', "1e16", '"99999999999999999999"'],
            "vin": ["-5"],
            "wifi_lost": ['"-1"'],
            "boot_count": ["-1"],
            "charging": ['"maybe"', "2", "0.5", '""'],
            "firmware_version": [
                '""',
                '"6\\n2"',
                '"6\\u00002"',
                '"\\u001b[31m"',
                '"\\u202e26"',
                json.dumps("6" * 65),
            ],
            "flash_id": ['"a\\tb"'],
        },
    }.items():
        for field, values in fields.items():
            for value in values:
                payload = f'{{"device":"{A}","{field}":{value}}}'.encode()
                yield error(f"{field}={ascii(value)[:40]}", "device_status", payload, reason)


def no_topic_of_ours() -> Iterator[Case]:
    """Topics one level deep that are nobody's."""
    for topic in (
        "stockpriceupdate",
        "STOCKPRICEUPDATE ",
        "DEVICESTATUS",
        A[:-1],
        A + "0",
        A[:-1] + "g",
        "日本",
        'x"} 1',
        "x" * 5000,
    ):
        yield Case(f"topic {ascii(topic)[:40]}", "ignored", topic, b'{"device":"x"}')


def no_answer() -> Iterator[Case]:
    """Answers that nobody waits for."""
    for topic, symbol, reason in (
        (A, "AAPL", "duplicate"),
        (A, "TSLA", "unsolicited"),
        (B, "AAPL", "unsolicited"),
    ):
        payload = json.dumps({"symbol": symbol}).encode()
        yield Case(f"answer {reason}", "stock_response", topic, payload, UNMATCHED, (("reason", reason),))


def no_words_for_us() -> Iterator[Case]:
    """What the backend tells a device that is no answer."""
    for payload in (
        b"REBOOT",
        b"",
        b'{"type":"SETTINGS","brightness":5}',
        b'{"type":"OTA","url":"http://updates.example.org/62p.bin"}',
        b'{"device":"%b"}' % A.encode(),
        b"\xff\xd8\xff\xe0",
    ):
        yield Case(f"command {payload[:24]!r}", "device_command", A, payload)


CASES = (*no_message(), *no_identity(), *no_reading(), *no_topic_of_ours(), *no_words_for_us(), *no_answer())
