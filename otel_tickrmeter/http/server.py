"""Accepts connections, never more than a bound, and ends them all when it is stopped."""

import errno
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

import anyio
from anyio.abc import TaskGroup, TaskStatus
from loguru import logger

from otel_tickrmeter.http.connection import Connection, HttpLimits, OnResponse
from otel_tickrmeter.http.room import Room
from otel_tickrmeter.http.routing import Route, Router
from otel_tickrmeter.http.shortage import Shortage
from otel_tickrmeter.http.sockets import ClientStream, listen

if TYPE_CHECKING:  # OpenSSL's libraries are loaded by who asks for TLS only
    from otel_tickrmeter.http.protect.protection import Protection

DEFAULT_LIMITS = HttpLimits()

# Errors of the connection that was about to be accepted, not of the listener (accept(2), "Error handling").
_PEER_FAULTS = frozenset(
    {
        errno.EAGAIN,
        errno.ECONNABORTED,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
        errno.ENETUNREACH,
        errno.ENOPROTOOPT,
        errno.EOPNOTSUPP,
        errno.EPROTO,
    }
)
_RETRY_ACCEPT_SECONDS = 0.01
_CLOSING_SECONDS = 0.001


async def serve(
    host: str,
    port: int,
    routes: Iterable[Route],
    on_response: OnResponse,
    *,
    limits: HttpLimits = DEFAULT_LIMITS,
    protection: "Protection | None" = None,
    adopted: Sequence[socket.socket] = (),
    task_status: TaskStatus[int] = anyio.TASK_STATUS_IGNORED,
) -> None:
    """Serve the routes until cancelled; `task_status` is started with the bound port.

    When cancelled it stops accepting, lets responses in flight finish within
    `limits.stop_timeout_seconds`, and closes every connection.

    Args:
        host: a name or an address; a name with several addresses is listened on at each, `::` and the
            empty host at every address of the machine.
        port: 0 takes any free one.
        routes: what is served.
        on_response: called for each response on the event loop, so it must be quick.
        limits: bounds on what clients may do.
        protection: TLS, passwords and headers; None: plain HTTP for everybody.
        adopted: sockets that listen already, in the place of `host` and `port`; closed at the end.
        task_status: as passed by `TaskGroup.start`.

    Raises:
        ListenError: the address cannot be listened on.
        ValueError: two routes have the same path.
    """
    acceptor = _Acceptor(Router(routes), on_response, limits, protection)
    listeners = adopted or await listen(host, port)
    async with anyio.create_task_group() as connections:
        try:
            async with anyio.create_task_group() as accepting:
                for listener in listeners:
                    accepting.start_soon(acceptor.accept_forever, listener, connections)
                task_status.started(listeners[0].getsockname()[1])
        finally:
            # First of all: a connection that nobody will serve must be refused, not left waiting.
            for listener in listeners:
                listener.close()
            acceptor.stop()


class _Acceptor:
    """Admits connections and knows those that are open."""

    def __init__(
        self,
        router: Router,
        on_response: OnResponse,
        limits: HttpLimits,
        protection: "Protection | None",
    ) -> None:
        self._router = router
        self._on_response = on_response
        self._limits = limits
        self._protection = protection
        self._room = Room(
            limits.max_large_responses, limits.reader_patience_seconds, limits.room_timeout_seconds
        )
        self._open: set[Connection] = set()
        self._leaving: set[Connection] = set()  # told that there is no room, and still there to hear it
        self._stopping = False
        self._shortage = Shortage()

    async def accept_forever(self, listener: socket.socket, tasks: TaskGroup) -> None:
        while True:
            await anyio.wait_readable(listener)
            if len(self._open) >= self._limits.max_connections and not self._close_one(
                self._limits.newcomer_grace_seconds, politely=True
            ):
                await anyio.sleep(_RETRY_ACCEPT_SECONDS)
                continue
            try:
                accepted, _ = listener.accept()
            except OSError as error:
                if error.errno in _PEER_FAULTS:
                    continue
                # Out of descriptors or memory, as a rule. The backlog stays readable: do not spin on it.
                self._complain(error)
                closing = self._close_one(0, politely=False)
                await anyio.sleep(_CLOSING_SECONDS if closing else _RETRY_ACCEPT_SECONDS)
            else:
                self._relieve()
                self._admit(accepted, tasks)

    def stop(self) -> None:
        self._stopping = True
        while self._room.refuse_one():
            pass
        for connection in self._open:
            connection.stop()

    def _complain(self, error: OSError) -> None:
        failures = self._shortage.failed(anyio.current_time())
        if failures is not None:
            logger.error("Connections cannot be accepted: {} ({} times so far)", error, failures)

    def _relieve(self) -> None:
        failures = self._shortage.accepted(anyio.current_time())
        if failures is not None:
            logger.info("Connections are accepted again; {} times one could not be", failures)

    def _admit(self, accepted: socket.socket, tasks: TaskGroup) -> None:
        if self._stopping:
            accepted.close()
            return
        connection = Connection(
            ClientStream(accepted),
            self._router,
            self._on_response,
            self._limits,
            self._room,
            protection=self._protection,
        )
        self._open.add(connection)
        tasks.start_soon(self._run, connection)

    async def _run(self, connection: Connection) -> None:
        try:
            await connection.run()
        finally:
            self._open.discard(connection)
            self._leaving.discard(connection)

    def _close_one(self, grace_seconds: float, *, politely: bool) -> bool:
        """Make room for another connection; False when it is too early to end the first in turn.

        Politely is to tell it, which takes a moment in which its descriptor is not free.

        The first to go is who has let us wait longest for a request, then who waits for room for a large
        response (told so), then who has been answered longest. A thousand half-sent requests, or as many
        clients that do not read, then cannot keep the next scrape out. Whose request has come and waits for
        its turn does not go: it will be answered, if only to say that there is no room.
        """
        ripe = anyio.current_time() - grace_seconds
        turns = sorted(self._open, key=lambda connection: connection.since)
        idle = [connection for connection in turns if not connection.answering]
        victim = next((connection for connection in idle if not connection.has_unread()), None)
        if victim is None or victim.since > ripe:
            refused = self._room.refuse_one()
            if refused is not None:
                self._open -= {refused}
                refused.stop()
                return True
            if idle or not turns or turns[0].since > ripe:
                return False
            victim = turns[0]
        self._open.discard(victim)
        if politely and len(self._leaving) < self._limits.max_connections:
            self._leaving.add(victim)
            victim.turn_away()
        else:
            victim.give_up()
        return True
