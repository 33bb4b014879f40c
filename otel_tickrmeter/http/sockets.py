"""Listening sockets, and a byte stream over one accepted socket that holds nothing back.

anyio's own socket stream reads ahead without a bound when the first bytes arrive before the first
`receive`: with anyio 4.16 a client that never stopped sending put 300 MB into the process while one
response waited. Here the kernel's buffers are the only ones.
"""

import errno
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress
from ipaddress import IPv6Address, ip_address

import anyio
from anyio.abc import ByteStream
from anyio.lowlevel import checkpoint

_BACKLOG = 4096
_PORT_ATTEMPTS = 5
# Left to itself, Linux gives a client that does not read up to 4 MB of kernel memory (tcp(7), tcp_wmem). It
# takes twice what is asked for, and a container's limit counts it.
_SMALL_BUFFER_BYTES = 32_768
_LARGE_BUFFER_BYTES = 262_144
_ABSENT_FAMILY = frozenset({errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL, errno.EPROTONOSUPPORT})
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class ListenError(Exception):
    """The address cannot be listened on; the message names it and the reason."""


class ClientStream(ByteStream):
    """A connected, non-blocking TCP socket; the kernel holds little for its peer until told otherwise."""

    def __init__(self, connected: socket.socket) -> None:
        connected.settimeout(0)
        self._socket = connected
        self._waited_seconds = 0.0
        self._waiting_since: float | None = None
        with suppress(OSError):  # the peer may have gone already
            connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.buffer(large=False)

    def buffer(self, *, large: bool) -> None:
        """Set how far the kernel may run ahead of the peer."""
        with suppress(OSError):
            size = _LARGE_BUFFER_BYTES if large else _SMALL_BUFFER_BYTES
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, size)

    def waited_seconds(self) -> float:
        """How long the peer has kept us waiting with what we had to send, in all."""
        if self._waiting_since is None:
            return self._waited_seconds
        return self._waited_seconds + anyio.current_time() - self._waiting_since

    def has_unread(self) -> bool:
        """Whether the peer has sent something that nobody has looked at yet."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False

    def is_local(self) -> bool:
        """Whether what comes and goes stays on this machine: it is connected at a loopback address."""
        try:
            address = ip_address(self._socket.getsockname()[0].partition("%")[0])
        except (OSError, ValueError):
            return False
        mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
        return (mapped or address).is_loopback

    async def receive(self, max_bytes: int = 16_384) -> bytes:
        """The next bytes. Raises EndOfStream or BrokenResourceError."""
        await checkpoint()  # a peer that sends faster than we read must not starve the others
        while True:
            try:
                data = self._socket.recv(max_bytes)
            except BlockingIOError:
                await anyio.wait_readable(self._socket)
            except OSError as error:
                raise anyio.BrokenResourceError from error
            else:
                if not data:
                    raise anyio.EndOfStream
                return data

    async def send(self, item: bytes) -> None:
        """Hand all of `item`, which may be a memoryview, to the kernel. Raises BrokenResourceError."""
        await checkpoint()
        rest = memoryview(item)
        while rest:
            try:
                rest = rest[self._socket.send(rest) :]
            except BlockingIOError:
                await self._wait_writable()
            except OSError as error:
                raise anyio.BrokenResourceError from error

    def offer(self, item: bytes) -> None:
        """Hand the kernel as much as it takes at once, if the peer is still there."""
        with suppress(OSError):
            self._socket.send(item)

    async def _wait_writable(self) -> None:
        self._waiting_since = anyio.current_time()
        try:
            await anyio.wait_writable(self._socket)
        finally:
            self._waited_seconds = self.waited_seconds()
            self._waiting_since = None

    async def send_eof(self) -> None:
        """Say that nothing more will be sent."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_WR)

    async def aclose(self) -> None:
        """Close; what the kernel still holds is delivered."""
        self._socket.close()

    def abort(self) -> None:
        """Close and discard what the kernel still holds for a peer that does not read.

        The peer sees a reset, so it cannot take a response that was cut off for a whole one.
        """
        with suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._socket.close()


async def listen(host: str, port: int) -> tuple[socket.socket, ...]:
    """Listen on every address of `host`, all on the same port; port 0 takes any free one.

    `::` and the empty host mean every IPv6 and IPv4 address. An address whose family this machine lacks is
    left out as long as another can be used (`localhost` in a container without IPv6).

    Raises:
        ListenError: the name is unknown, the address is in use, or is not one of this machine's.
    """
    if not host:
        host = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"  # noqa: S104  the empty host asks for it
    try:
        found = await anyio.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # The port that is free on the first address may be taken on the second: then try another.
        for attempts_left in range(_PORT_ATTEMPTS if port == 0 else 1, 0, -1):
            try:
                return _bind_all(dict.fromkeys((family, sockaddr[0]) for family, *_, sockaddr in found), port)
            except OSError as error:
                if error.errno != errno.EADDRINUSE or attempts_left == 1:
                    raise
    except (OSError, ValueError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        raise ListenError(f"cannot listen on {shown}: {reason}") from error
    raise AssertionError("the loop returns or raises")


def adopt(descriptor: int, name: str) -> socket.socket:
    """Take over a socket that somebody else has bound and listens with; `name` is for messages.

    Raises:
        ListenError: There is no such descriptor, or it is not a listening TCP socket.
    """
    shown = f"descriptor {descriptor} ({name})"
    try:
        adopted = socket.socket(fileno=descriptor)
    except OSError as error:
        raise ListenError(f"{shown} is no socket: {error.strerror}") from error
    tcp = adopted.family in _INTERNET and adopted.type == socket.SOCK_STREAM
    if not tcp or not adopted.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        adopted.close()
        raise ListenError(f"{shown} is not a TCP socket that listens")
    adopted.settimeout(0)
    adopted.set_inheritable(False)
    return adopted


def _bind_all(addresses: Iterable[tuple[socket.AddressFamily, str]], port: int) -> tuple[socket.socket, ...]:
    listeners: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, address in addresses:
            try:
                listeners.append(_bind(family, address, port))
            except OSError as error:
                if error.errno not in _ABSENT_FAMILY:
                    raise
                absent = error
            else:
                port = listeners[0].getsockname()[1]
    except BaseException:
        for listener in listeners:
            listener.close()
        raise
    if absent is not None and not listeners:
        raise absent
    return tuple(listeners)


def _bind(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.settimeout(0)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, address != "::")
        listener.bind((address, port))
        listener.listen(_BACKLOG)
    except BaseException:
        listener.close()
        raise
    return listener
