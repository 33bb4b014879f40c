import base64
import hashlib

import pytest

from otel_tickrmeter.mqtt.websocket import (
    FrameStripper,
    WebSocketError,
    check_upgrade,
    encode_binary,
    upgrade_request,
)

KEY = b"0123456789abcdef"
ACCEPT = base64.b64encode(
    hashlib.sha1(  # noqa: S324  RFC 6455 asks for it
        base64.b64encode(KEY) + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
    ).digest()
)
AGREED = (
    b"HTTP/1.1 101 Switching Protocols\r\nUPGRADE: websocket\r\nsec-websocket-accept: " + ACCEPT + b"\r\n\r\n"
)


def test_the_request_names_host_path_and_protocol() -> None:
    request = upgrade_request("::1", 80, "", KEY).decode()
    assert request.startswith("GET / HTTP/1.1\r\nHost: [::1]:80\r\n")
    assert "Sec-WebSocket-Protocol: mqtt\r\n" in request
    assert request.endswith("\r\n\r\n")


@pytest.mark.parametrize("chosen", [b"", b"Sec-WebSocket-Protocol: mqtt\r\n"])
def test_an_agreement_passes(chosen: bytes) -> None:
    check_upgrade(AGREED[:-2] + chosen + b"\r\n", KEY)


@pytest.mark.parametrize(
    "answer",
    [
        AGREED.replace(b"101", b"404"),
        AGREED.replace(ACCEPT, ACCEPT[::-1]),
        AGREED[:-2] + b"Sec-WebSocket-Protocol: mqttv3.1\r\n\r\n",
        b"\r\n\r\n",
        b"\xff\xfe\r\n\r\n",
        b"HTTP/1.1\r\n\r\n",
    ],
)
def test_anything_else_does_not(answer: bytes) -> None:
    with pytest.raises(WebSocketError):
        check_upgrade(answer, KEY)


@pytest.mark.parametrize("size", [0, 1, 125, 126, 65_535, 65_536])
def test_what_we_send_is_masked_and_unmasks_to_what_it_was(size: int) -> None:
    data = bytes(index & 0xFF for index in range(size))
    frame = encode_binary(data)
    assert frame[0] == 0x82
    assert frame[1] & 0x80
    head = {126: 4, 127: 10}.get(frame[1] & 0x7F, 2)
    assert size == (frame[1] & 0x7F if head == 2 else int.from_bytes(frame[2:head]))
    mask = frame[head : head + 4]
    assert bytes(byte ^ mask[index % 4] for index, byte in enumerate(frame[head + 4 :])) == data


def test_content_is_passed_on_before_its_frame_has_ended() -> None:
    stripper = FrameStripper()
    assert stripper.feed(b"\x82\x7f" + (100_000_000).to_bytes(8) + b"abc") == b"abc"
    assert stripper.feed(b"def") == b"def"


def test_a_ping_is_answered_and_a_close_too() -> None:
    stripper = FrameStripper()
    assert stripper.feed(b"\x02\x01a\x89\x02hi\x8a\x00\x80\x01b\x88\x02\x03\xe8\x82\x01c") == b"ab"
    assert stripper.closed
    pong, close = stripper.replies[:8], stripper.replies[8:]
    assert (pong[0], pong[1], len(pong)) == (0x8A, 0x82, 8)
    assert (close[0], close[1], len(close)) == (0x88, 0x82, 8)
    assert stripper.feed(b"\x82\x01d") == b""


@pytest.mark.parametrize(
    "frame",
    [
        b"\x81\x01a",  # text
        b"\x82\x81aaaaa",  # masked by the server
        b"\xc2\x01a",  # a reserved bit
        b"\x89\x7e\x00\x7e" + bytes(126),  # a long ping
        b"\x8b\x00",  # a control frame that does not exist
        b"\x09\x00",  # part of a ping
        b"\x80\x01a",  # goes on with nothing
        b"\x82\x01a\x80\x01a",  # the same, after a whole message
        b"\x02\x01a\x82\x01a",  # a message within a message
        b"\x82\x7e\x00\x7d",  # a length in more bytes than it needs
        b"\x82\x7f" + (0xFFFF).to_bytes(8),
        b"\x82\x7f" + (1 << 63).to_bytes(8),  # a negative length
    ],
)
def test_a_server_that_breaks_the_rules_is_left(frame: bytes) -> None:
    with pytest.raises(WebSocketError):
        FrameStripper().feed(frame)
