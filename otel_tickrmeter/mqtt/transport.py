"""Opens the connection's byte stream: TCP, then TLS, then WebSocket, as the broker's address asks."""

import os
import socket
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from otel_tickrmeter.mqtt.certificate import describe_certificate
from otel_tickrmeter.mqtt.config import ReceiverConfig, TlsConfig
from otel_tickrmeter.mqtt.reasons import network_detail, network_reason
from otel_tickrmeter.mqtt.websocket import (
    MAX_HEADER_BYTES,
    FrameStripper,
    WebSocketError,
    check_upgrade,
    encode_binary,
    upgrade_request,
)
from otel_tickrmeter.settings.secret import read_secret
from otel_tickrmeter.stream.reason import LinkReason

CONNECT_SECONDS = 5.0
"""For TCP, TLS and WebSocket together; the receiver does nothing else meanwhile. Each address that the
name resolves to is tried within it."""

_Address = tuple[int, int, int, str, Any]

CHUNK_BYTES = 65_536
"""Read at once; all of it gets one arrival time."""


class Stream(Protocol):
    """What is left of a socket when it has been opened. Never blocks."""

    def receive(self) -> bytes:
        """What there is, up to 64 KiB; empty at the end. Raises BlockingIOError when there is nothing."""

    def send(self, data: bytes | bytearray) -> int:
        """Send some of `data` and return how much. Raises BlockingIOError for none."""

    def flush(self) -> bool:
        """Send what `send` took and could not pass on; whether some is left."""

    def fileno(self) -> int:
        """The descriptor to wait on."""

    def close(self) -> None:
        """Close without ceremony."""


class ConnectError(Exception):
    """There is no connection; `reason` is from the closed list, the text is for people."""

    def __init__(self, reason: LinkReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


def open_stream(config: ReceiverConfig) -> Stream:
    """Connect, within `CONNECT_SECONDS` (resolving the name not counted: nothing can interrupt that).

    Raises:
        ConnectError: it failed.
    """
    try:
        context = None if config.tls is None else tls_context(config.tls)
    except (OSError, ValueError) as error:  # a file that is missing, or no certificate
        raise ConnectError(LinkReason.TLS, f"TLS settings: {error}") from error
    try:
        addresses = socket.getaddrinfo(config.host, config.port, type=socket.SOCK_STREAM)
        deadline = time.monotonic() + CONNECT_SECONDS
        plain = _connect(addresses, deadline)
        try:
            return _dress(plain, context, config, deadline)
        except BaseException:
            plain.close()
            raise
    except WebSocketError as error:
        raise ConnectError(LinkReason.WEBSOCKET, str(error)) from error
    except ssl.SSLCertVerificationError as error:
        about = _peer_certificate(config, addresses)
        detail = network_detail(error) + (f" ({about})" if about else "")
        raise ConnectError(network_reason(error), detail) from error
    except (OSError, ValueError) as error:
        raise ConnectError(network_reason(error), network_detail(error)) from error


def _peer_certificate(config: ReceiverConfig, addresses: Sequence[_Address]) -> str:
    """What the certificate says that was refused, asked for once more; empty when it cannot be had."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = config.host if config.tls is None else config.tls.server_name or config.host
    try:
        plain = _connect(addresses, time.monotonic() + CONNECT_SECONDS)
        # Nothing is sent over it, nothing that comes from it is believed.
        with plain, context.wrap_socket(plain, server_hostname=name) as peer:
            return describe_certificate(peer.getpeercert(binary_form=True) or b"")
    except (OSError, ValueError):
        return ""


def read_password(file: str) -> str:
    """The password that the file holds now.

    Raises:
        ConnectError: it cannot be used.
    """
    try:
        return read_secret(Path(file))
    except ValueError as error:
        raise ConnectError(LinkReason.PASSWORD_FILE, f"mqtt.password_file: {file} {error}") from error


def tls_context(tls: TlsConfig) -> ssl.SSLContext:
    """The TLS settings as a context.

    Raises:
        OSError: a file cannot be read, or does not hold what it should (ssl.SSLError).
        ValueError: nor does that of the key's password.
    """
    context = ssl.create_default_context(cafile=tls.ca_file)
    if tls.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if tls.cert_file is not None:
        password = ""
        if tls.key_password_file is not None:
            password = read_secret(Path(tls.key_password_file))
        # Always a password: without one OpenSSL asks the terminal for it, and the receiver hangs.
        context.load_cert_chain(tls.cert_file, tls.key_file, lambda: password)
    return context


def _connect(addresses: Sequence[_Address], deadline: float) -> socket.socket:
    """The first address that answers; the last one's error when none does."""
    failure: OSError = OSError("the name has no address")
    for position, (family, kind, protocol, _, address) in enumerate(addresses):
        stream = socket.socket(family, kind, protocol)
        try:
            share = (deadline - time.monotonic()) / (len(addresses) - position)
            stream.settimeout(max(share, 0.01))
            stream.connect(address)
            stream.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except OSError as error:
            stream.close()
            failure = error
        else:
            return stream
    raise failure


def _dress(
    plain: socket.socket, context: ssl.SSLContext | None, config: ReceiverConfig, deadline: float
) -> Stream:
    """Put TLS and WebSocket around a connected socket, where asked for."""
    dressed = plain
    plain.settimeout(max(deadline - time.monotonic(), 0.01))
    if context is not None and config.tls is not None:
        dressed = context.wrap_socket(plain, server_hostname=config.tls.server_name or config.host)
    try:
        if config.transport == "websockets":
            _upgrade(dressed, config, deadline)
        dressed.setblocking(False)  # noqa: FBT003  the signature is the standard library's
    except BaseException:
        dressed.close()  # TLS has taken the descriptor over from `plain`
        raise
    stream = SocketStream(dressed)
    return WebSocketStream(stream) if config.transport == "websockets" else stream


def _upgrade(stream: socket.socket, config: ReceiverConfig, deadline: float) -> None:
    """Ask for the WebSocket. Byte by byte, so that what follows the answer stays in the socket."""
    key = os.urandom(16)
    stream.sendall(upgrade_request(config.host, config.port, config.path, key))
    answer = bytearray()
    while not answer.endswith(b"\r\n\r\n"):
        stream.settimeout(max(deadline - time.monotonic(), 0.01))
        byte = stream.recv(1)
        if not byte or len(answer) >= MAX_HEADER_BYTES:
            raise WebSocketError(f"the server closed, or went on for ever, after {len(answer)} bytes")
        answer += byte
    check_upgrade(bytes(answer), key)


class SocketStream:
    """A TCP or TLS socket as a `Stream`."""

    def __init__(self, opened: socket.socket) -> None:
        self._socket = opened

    def receive(self) -> bytes:
        """See `Stream`."""
        try:
            return self._socket.recv(CHUNK_BYTES)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error

    def send(self, data: bytes | bytearray) -> int:
        """See `Stream`."""
        try:
            return self._socket.send(data)
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError) as error:
            raise BlockingIOError from error

    def flush(self) -> bool:
        """Nothing is ever kept here."""
        return False

    def fileno(self) -> int:
        """See `Stream`."""
        return self._socket.fileno()

    def close(self) -> None:
        """See `Stream`."""
        self._socket.close()


class WebSocketStream:
    """A WebSocket that is open, as a `Stream` of the bytes inside its frames."""

    def __init__(self, stream: SocketStream) -> None:
        self._stream = stream
        self._stripper = FrameStripper()
        self._unsent = bytearray()

    def receive(self) -> bytes:
        """See `Stream`. A frame without content is no reason to stop: only an empty socket is."""
        while not self._stripper.closed:
            chunk = self._stream.receive()
            if not chunk:
                break
            content = self._stripper.feed(chunk)
            if self._stripper.replies:
                self._unsent += self._stripper.replies
                self._stripper.replies.clear()
                self.flush()
            if content:
                return content
        return b""

    def send(self, data: bytes | bytearray) -> int:
        """Take all of `data`: a frame that has begun must be finished, by `flush`."""
        self._unsent += encode_binary(bytes(data))
        self.flush()
        return len(data)

    def flush(self) -> bool:
        """See `Stream`."""
        while self._unsent:
            try:
                del self._unsent[: self._stream.send(self._unsent)]
            except BlockingIOError:
                break
        return bool(self._unsent)

    def fileno(self) -> int:
        """See `Stream`."""
        return self._stream.fileno()

    def close(self) -> None:
        """See `Stream`."""
        self._stream.close()
