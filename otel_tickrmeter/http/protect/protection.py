"""Who is let in, and what each response carries, by the web configuration file as it is at that moment."""

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import anyio
from loguru import logger

from otel_tickrmeter.http.message import Response, text_response
from otel_tickrmeter.http.protect.config import RateLimit
from otel_tickrmeter.http.protect.encrypted import EncryptedStream, HandshakeError, encrypt
from otel_tickrmeter.http.protect.failure import HandshakeFailure
from otel_tickrmeter.http.protect.passwords import Passwords
from otel_tickrmeter.http.protect.source import ConfigSource, LoadedConfig
from otel_tickrmeter.http.sockets import ClientStream

_UNUSABLE = text_response(500, "Internal Server Error")
_TOO_MANY = text_response(429, "Too Many Requests")
_UNAUTHORIZED = "Unauthorized"
_CHALLENGE = ("WWW-Authenticate", "Basic")


@dataclass(frozen=True, slots=True)
class Verdict:
    """`refusal` None: let in. `headers` are for the response to who is let in."""

    refusal: Response | None = None
    headers: tuple[tuple[str, str], ...] = ()


class Protection:
    """What the server asks about connections and requests.

    `path` is the file, read at once; `tls` then says for good whether the server speaks TLS.
    The file is looked at in a thread, one look at a time: a disk that stands still keeps those who ask, and
    nobody else. `on_failure` is told of each handshake that failed, on the event loop, so it must be quick.
    """

    def __init__(self, path: Path, on_failure: Callable[[HandshakeFailure], None] = lambda _: None) -> None:
        self.failed = on_failure
        self._source = ConfigSource(path)
        config = self._source.current().config
        # An invalid file does not become a server in the clear.
        self.tls = config is None or config.tls is not None
        self._look = anyio.CapacityLimiter(1)
        self._passwords = Passwords()
        self._allowance: _Allowance | None = None

    async def encrypt(self, stream: ClientStream) -> EncryptedStream | None:
        """The encrypted stream over a new connection; None: there is none, and the peer has been told so.

        Whoever ends the wait for it says so to `failed`.

        Raises:
            EndOfStream, BrokenResourceError: The peer has left before it said anything.
        """
        try:
            return await encrypt(stream, (await self._current()).context)
        except HandshakeError as error:
            logger.debug("A TLS handshake failed: {}", error)
            self.failed(error.reason)
            return None

    async def admit(self, authorization: bytes | None, *, password: bool = True) -> Verdict:
        """What to do with a request that has this Authorization header; `password`: it needs one."""
        config = (await self._current()).config
        if config is None:
            return Verdict(_UNUSABLE)
        if config.rate_limit is not None and not self._allow(config.rate_limit):
            return Verdict(_TOO_MANY)
        if config.users and password:
            given = credentials(authorization)
            if given is None or not await self._passwords.match(config.users, *given):
                return Verdict(text_response(401, _UNAUTHORIZED, (*config.headers, _CHALLENGE)))
        return Verdict(None, config.headers)

    async def _current(self) -> LoadedConfig:
        return await anyio.to_thread.run_sync(
            self._source.current, limiter=self._look, abandon_on_cancel=True
        )

    def _allow(self, limit: RateLimit) -> bool:
        now = anyio.current_time()
        if self._allowance is None or self._allowance.limit != limit:
            self._allowance = _Allowance(limit, now)
        return self._allowance.take(now)


class _Allowance:
    """A bucket of `burst` requests that fills by one each interval."""

    def __init__(self, limit: RateLimit, now: float) -> None:
        self.limit = limit
        self._left = float(limit.burst)
        self._at = now

    def take(self, now: float) -> bool:
        """Whether there is one left, now, on the clock of the event loop."""
        grown = self._left + (now - self._at) / self.limit.interval_seconds
        self._left, self._at = min(grown, self.limit.burst), now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def credentials(authorization: bytes | None) -> tuple[str, bytes] | None:
    """User and password of a header (RFC 7617); None when it has none."""
    scheme, _, encoded = (authorization or b"").partition(b" ")
    if scheme.lower() != b"basic":
        return None
    try:
        user, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
    except binascii.Error:
        return None
    return (user.decode("utf-8", "surrogateescape"), password) if colon else None
