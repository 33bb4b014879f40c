"""TLS over an accepted socket; OpenSSL sees bytes only: every wait and bound is that of the socket beneath.

One record is held at a time in each direction, besides what the kernel holds.
"""

from contextlib import suppress

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint
from OpenSSL import SSL

from otel_tickrmeter.http.protect.context import TlsContext
from otel_tickrmeter.http.protect.failure import HandshakeFailure, failure_of
from otel_tickrmeter.http.sockets import ClientStream

_RECORD_BYTES = 16_384
_READ_BYTES = 16_384
_METHODS = (b"GET /", b"HEAD ", b"POST ", b"PUT /", b"OPTIO")
_HANDSHAKE = 0x16
# As Go's server says it, to the letter: people search for it.
_PLAIN_ANSWER = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


class HandshakeError(Exception):
    """No encrypted connection came about; the message says why, and `reason` in a word."""

    def __init__(self, message: str, reason: HandshakeFailure) -> None:
        super().__init__(message)
        self.reason = reason


class EncryptedStream(ByteStream):
    """The same as the stream beneath, encrypted; made by `encrypt`."""

    def __init__(self, beneath: ClientStream, tls: SSL.Connection) -> None:
        self._beneath = beneath
        self._tls = tls

    def buffer(self, *, large: bool) -> None:
        """Set how far the kernel may run ahead of the peer."""
        self._beneath.buffer(large=large)

    def waited_seconds(self) -> float:
        """How long the peer has kept us waiting with what we had to send, in all."""
        return self._beneath.waited_seconds()

    async def receive(self, max_bytes: int = _READ_BYTES) -> bytes:
        """The next bytes. Raises EndOfStream or BrokenResourceError."""
        await checkpoint()  # a record may be there already, and the next one
        while True:
            try:
                data = self._tls.recv(max_bytes)
            except SSL.WantReadError:
                await self._flush()
                self._tls.bio_write(await self._beneath.receive(_READ_BYTES))
            except SSL.ZeroReturnError:
                raise anyio.EndOfStream from None
            except SSL.Error as error:
                self._offer()
                raise anyio.BrokenResourceError from error
            else:
                return data

    async def send(self, item: bytes) -> None:
        """Hand all of `item`, which may be a memoryview, to the kernel. Raises BrokenResourceError."""
        rest = memoryview(item)
        while rest:
            try:
                sent = self._tls.send(rest[:_RECORD_BYTES])
            except SSL.Error as error:
                raise anyio.BrokenResourceError from error
            rest = rest[sent:]
            await self._flush()

    async def send_eof(self) -> None:
        """Say that nothing more will be sent."""
        with suppress(SSL.Error):
            self._tls.shutdown()
        with suppress(anyio.BrokenResourceError):
            await self._flush()
        await self._beneath.send_eof()

    async def aclose(self) -> None:
        """Close; what the kernel still holds is delivered."""
        with suppress(SSL.Error):
            self._tls.shutdown()
        self._offer()
        await self._beneath.aclose()

    def abort(self) -> None:
        """Close and discard what the kernel still holds."""
        self._beneath.abort()

    async def shake_hands(self, first: bytes, context: TlsContext) -> None:
        """Come to terms with the peer, who began with `first`. Raises HandshakeError, and as `receive`."""
        self._tls.bio_write(first)
        while True:
            try:
                self._tls.do_handshake()
            except SSL.WantReadError:
                await self._flush()
                self._tls.bio_write(await self._beneath.receive(_READ_BYTES))
            except SSL.Error as error:
                self._offer()
                told = _told(error)
                raise HandshakeError(told, failure_of(told)) from error
            else:
                # Before our last word of it is sent: with TLS 1.2 the client waits for that.
                if not context.allows(self._tls):
                    message = "the certificate has no name of client_allowed_sans"
                    raise HandshakeError(message, HandshakeFailure.CERTIFICATE)
                await self._flush()
                return

    async def _flush(self) -> None:
        while data := self._pending():
            await self._beneath.send(data)

    def _offer(self) -> None:
        """Send what there is as far as the kernel takes it: an alert, for a peer that may have left."""
        while data := self._pending():
            self._beneath.offer(data)

    def _pending(self) -> bytes:
        try:
            return self._tls.bio_read(_RECORD_BYTES * 2)
        except SSL.Error:
            return b""


async def encrypt(beneath: ClientStream, context: TlsContext | None) -> EncryptedStream:
    """The encrypted stream.

    `context` None: the server has no usable certificate, so whatever comes is refused.

    Raises:
        HandshakeError: The two do not come to terms; who speaks HTTP in the clear has been told so.
        EndOfStream, BrokenResourceError: The peer has left before it said anything.
    """
    first = await beneath.receive(_READ_BYTES)
    while len(first) < len(_METHODS[0]) and first[0] != _HANDSHAKE:
        first += await beneath.receive(_READ_BYTES)
    if first.startswith(_METHODS):
        await beneath.send(_PLAIN_ANSWER)
        raise HandshakeError("the client speaks HTTP in the clear", HandshakeFailure.PLAIN_HTTP)
    if context is None:
        raise HandshakeError("the web configuration cannot be used", HandshakeFailure.CONFIGURATION)
    tls = SSL.Connection(context.openssl, None)
    tls.set_accept_state()
    stream = EncryptedStream(beneath, tls)
    try:
        await stream.shake_hands(first, context)
    except (anyio.EndOfStream, anyio.BrokenResourceError) as error:
        raise HandshakeError("the client left in the middle", HandshakeFailure.LEFT) from error
    return stream


def _told(error: SSL.Error) -> str:
    # The list of OpenSSL's own errors: library, function, reason.
    found = error.args[0] if error.args else None
    return ", ".join(str(entry[-1]) for entry in found) if isinstance(found, list) else str(error)
