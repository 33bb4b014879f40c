"""What is fuzzed: a law for each reader of foreign bytes, and what to begin with.

A target takes any bytes, raises when its law does not hold, and says whether they meant something to it.
"""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from otel_tickrmeter.capture.chunk import (
    CONNECTION,
    HANDED_OVER,
    NOTE,
    CaptureError,
    ChunkReader,
    Header,
    encode_chunk,
    encode_header,
)
from otel_tickrmeter.configuration import SCHEMA, effective_toml, load_settings, shipped_toml
from otel_tickrmeter.fleets.autocore.decode import DecodeError as AutoCoreError
from otel_tickrmeter.fleets.autocore.decode import Decoder as AutoCoreDecoder
from otel_tickrmeter.fleets.autocore.settings import DEFAULT_FIELDS
from otel_tickrmeter.fleets.tickrmeter.decode import DecodeError, NotJsonError
from otel_tickrmeter.fleets.tickrmeter.saved import FORMS as STATE_FORMS
from otel_tickrmeter.fleets.tickrmeter.saved import from_tables
from otel_tickrmeter.http.message import HttpRequest, Response, text_response
from otel_tickrmeter.http.negotiate import accepts_gzip, choose_format
from otel_tickrmeter.http.protect.read import read_web_config
from otel_tickrmeter.http.routing import Route
from otel_tickrmeter.letters.letter import Letter, LetterError, decode_letter, encode_letter
from otel_tickrmeter.mqtt.packets import MAX_BUFFERED_BYTES, Item, PacketSplitter
from otel_tickrmeter.mqtt.websocket import FrameStripper, WebSocketError, encode_frame
from otel_tickrmeter.saved.form import SavedError
from otel_tickrmeter.settings.faults import SettingsError
from otel_tickrmeter.settings.files import read_file_text
from otel_tickrmeter.statefile.read import StateFileError, read_state
from otel_tickrmeter.stream.frames import FrameDecoder, FrameError, encode_batch, encode_event, encode_record
from otel_tickrmeter.stream.message import Connected, Message, Watermark
from tests.fuzz.cells import state_cells
from tests.support.autocore_topics import TYPES
from tests.support.driver import LIMITS
from tests.support.http_peer import GET, hello, running_server
from tests.support.saved_state import path_of
from tests.support.wire import A, answer, boot, decoder, message, request, status, stream

_TOPICS = ("STOCKPRICEUPDATE", A, "DEVICESTATUS_RES", "TICKRMETERBOOT", "DEVICE_BOOTED", "HTTPSTREAMSTOCKS")
_PUBLISH = b"\x30\x09\x00\x04AAPL\x00{}"


def tickrmeter(data: bytes) -> bool:
    """Any payload is an event, or an error with a reason; mended or not."""
    reader = decoder()
    topic = _TOPICS[data[0] % len(_TOPICS)].encode() if data else b""
    given = Message(topic, data[1:], 0)
    kind = reader.classify(topic)
    if kind is None:
        return False
    with suppress(DecodeError):
        try:
            reader.decode(kind, given)
        except NotJsonError:
            reader.decode_mended(kind, given)
        return True
    return False


def autocore(data: bytes) -> bool:
    """The same of the other fleet; a topic is any text up to the first newline."""
    reader = AutoCoreDecoder(("seed", "devices"), DEFAULT_FIELDS)
    topic, _, payload = data.partition(b"\n")
    if reader.classify(topic) is not None:
        with suppress(AutoCoreError):
            reader.decode(Message(topic, payload, 0))
            return True
    return False


def packets(data: bytes) -> bool:
    """Wherever a stream is cut, the same comes of it, and little of it is kept."""
    for mqtt5 in (False, True):
        stream = data[4:]
        whole = PacketSplitter(mqtt5=mqtt5)
        expected = whole.feed(stream, 1)
        cuts = sorted({0, len(stream), *(place * len(stream) // 255 for place in data[:4])})
        pieces = PacketSplitter(mqtt5=mqtt5)
        found: list[Item] = []
        for start, stop in pairwise(cuts):
            found += pieces.feed(stream[start:stop], 1)
            assert pieces.buffered <= MAX_BUFFERED_BYTES
        assert found == expected
    return bool(expected)


def frames(data: bytes) -> bool:
    """What the receiver says is read, or is damaged; nothing else."""
    with suppress(FrameError):
        return bool(FrameDecoder().feed(data))
    return False


def websocket(data: bytes) -> bool:
    """What a server sends is read, or breaks the protocol."""
    with suppress(WebSocketError):
        stripper = FrameStripper()
        for byte in data[:64]:
            stripper.feed(bytes([byte]))
        stripper.feed(data[64:])
        return True
    return False


def settings(data: bytes) -> bool:
    """A file is settings or has faults; what it sets can be said again."""
    suffix = ".yaml" if data[:1] == b"y" else ".toml"
    read_file_text(data[1:], f"settings{suffix}", SCHEMA)
    with tempfile.TemporaryDirectory() as directory, suppress(SettingsError):
        path = Path(directory, f"fuzz{suffix}")
        path.write_bytes(data[1:])
        effective_toml(load_settings([path], {}, {}, Path(directory)))
        return True
    return False


def web_config(data: bytes) -> bool:
    """The same of a `web.yml`."""
    with suppress(SettingsError):
        read_web_config(data, Path("/nowhere/web.yml"))
        return True
    return False


def capture(data: bytes) -> bool:
    """A capture is read as far as it goes, or is damaged."""
    with suppress(CaptureError):
        return any(True for _ in ChunkReader().feed(data))
    return False


def state(data: bytes) -> bool:
    """A file is a state of ours, or is none; and a state is taken back, or is no state."""
    with tempfile.TemporaryDirectory() as directory, suppress(StateFileError, SavedError):
        path = Path(directory, "state.db")
        path.write_bytes(data)
        found = read_state(path, STATE_FORMS)
        if found is not None:
            from_tables(found.tables, LIMITS, 0, counted=True)
            return True
    return False


def letters(data: bytes) -> bool:
    """A line is a dead letter, which comes back, or is none."""
    with suppress(LetterError):
        letter = decode_letter(data)
        assert decode_letter(encode_letter(letter)) == letter
        return True
    return False


def negotiation(data: bytes) -> bool:
    """Whatever a scraper accepts, it gets a format of ours."""
    text = data.decode("latin-1")
    assert choose_format(text) in {"text", "openmetrics"}
    return accepts_gzip(text) or choose_format(text) == "openmetrics"


def http(data: bytes) -> bool:
    """Any bytes get a response or a close, nothing is logged as our fault, and the next is served."""
    server = _server()
    before = len(server.faults)  # of others: the log is everybody's
    reply = server.exchange(data)
    assert reply == b"" or reply.startswith(b"HTTP/1.1 ")
    assert server.exchange(GET).endswith(b"hello\n")
    assert server.faults[before:] == []
    return reply.startswith(b"HTTP/1.1 200")


@cache
def _server() -> "_Running":
    return _Running()


class _Running:
    """Serves until the process ends."""

    def __init__(self) -> None:
        self._context = running_server([Route("/", hello), Route("/large", _large, large=True)])
        self._server = self._context.__enter__()
        self.exchange = self._server.exchange
        self.faults = self._server.faults


async def _large(_: HttpRequest) -> Response:
    return text_response(200, "x" * 100_000)


class Target(NamedTuple):
    """`run` raises when the law is broken; of the `seeds` some mean something to it."""

    run: Callable[[bytes], bool]
    seeds: Sequence[bytes]


def _tickrmeter_seeds() -> tuple[bytes, ...]:
    messages = (
        *(request(0), answer(0), boot(0), stream(0), status(0, status="offline", charging="yes")),
        status(0, battery="78%", firmware_version="62p", uptime="4T06:37:41", vin="3300 mV", flash_id="a"),
        message("DEVICESTATUS_RES", b'{"device":"08a6f792dd5c","battery":NaN,"uptime":"P4DT6H37M41S"}\0\0'),
        message("STOCKPRICEUPDATE", b'\xef\xbb\xbf{"device":"08:A6:F7:92:DD:5C","symbol":" Nestl\xe9 "}'),
        message(A, b'{"price":"$1","type":"UPDATE"}'),
        message(A, b'{"symbol":7203,"price":1e999'),
    )
    return tuple(bytes([_TOPICS.index(each.topic.decode())]) + each.payload for each in messages)


_RECORD = encode_record(request(17))
_FRAMES = (
    encode_batch([_RECORD, encode_record(Message(b"t", b"", 3, retain=True, oversize=True, qos=2))]),
    encode_event(Connected(1, session_present=True, protocol="5")),
    encode_event(Watermark(1, 2, 3)),
)
_AUTOCORE = (
    b'{"device_id":"A","timestamp":"2026-01-31T10:00:00Z","state":true,"channel":1,"temperature":20.5}'
)
_YAML = b"""tls_server_config:
  cert_file: a.crt
  key_file: a.key
  min_version: TLS12
  cipher_suites: [TLS_AES_128_GCM_SHA256]
http_server_config:
  headers: {X-Frame-Options: deny}
basic_auth_users:
  alice: $2y$10$QOauhQNbBCuQDKes6eFzPeMqBSjb7Mr5DUmpZ/VcEd00UAV/LDeSi
rate_limit: {interval: 1s, burst: 3}
"""
_LETTER = encode_letter(
    Letter(
        1_769_853_600_123,
        b"x\xff",
        1,
        retain=False,
        duplicate=True,
        message_type="a",
        reason="b",
        payload=b"{",
    )
)

TARGETS: Mapping[str, Target] = MappingProxyType(
    {
        "tickrmeter": Target(tickrmeter, _tickrmeter_seeds()),
        "autocore": Target(autocore, tuple(f"autocore/{each}\n".encode() + _AUTOCORE for each in TYPES)),
        "packets": Target(
            packets,
            (
                b"\x10\x80\xa0\xff" + _PUBLISH * 3,
                b"\x01\x02\x03\x04\x32\x0b\x00\x04AAPL\x00\x07\x00{}\xd0\x00\x20\x03\x00\x00\x00",
                b"\x00\x00\x00\x00\x3d\xff\xff\xff\x7f\x00\x01a",
                b"\x00\x40\x80\xc0\x30\x84\x80\x04\x00\x01a\x00" + bytes(200),
            ),
        ),
        "frames": Target(frames, (*_FRAMES, b"".join(_FRAMES))),
        "websocket": Target(
            websocket,
            (encode_frame(2, b"hello"), b"\x82\x05hello\x89\x00\x88\x02\x03\xe8", b"\x02\x7e\x01\x00"),
        ),
        "settings": Target(
            settings,
            (
                b"t" + shipped_toml().encode(),
                b't[mqtt]\nbroker = "mqtts://x:1"\nkeepalive = "9s"\n[mqtt.reconnect]\nmin_delay = "1s"\n',
                b"ymqtt: {broker: tcp://x, qos: 1}\nmonitoring:\n  max_devices: 5\n",
            ),
        ),
        "web_config": Target(web_config, (_YAML, b"", b"rate_limit: {burst: -1, interval: 1h2m}\n")),
        "capture": Target(
            capture,
            (
                encode_header(Header("a", 0, 1, 2))
                + encode_chunk(CONNECTION, _FRAMES[1])
                + encode_chunk(HANDED_OVER, b"".join(_FRAMES))
                + encode_chunk(NOTE, b'{"unix_offset_ns":5,"missed":1}'),
            ),
        ),
        "state": Target(state, (path_of(1).read_bytes(),)),
        "state_cells": Target(state_cells, (b"", bytes(range(64)), bytes(range(64, 256)))),
        "letters": Target(letters, (_LETTER,)),
        "negotiation": Target(
            negotiation,
            (b"application/openmetrics-text;version=1.0.0;q=0.5,text/plain;q=0.3,*/*;q=0.1", b"gzip;q=0, *"),
        ),
        "http": Target(
            http,
            (
                GET,
                b"GET /large HTTP/1.1\r\nHost: x\r\nAccept-Encoding: gzip\r\n\r\n" * 2,
                b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
                b"HEAD / HTTP/1.0\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
            ),
        ),
    }
)
