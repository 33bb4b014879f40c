"""The sockets that systemd has opened for us: sd_listen_fds(3)."""

from collections.abc import MutableMapping
from contextlib import suppress
from dataclasses import dataclass

_FIRST = 3
# The protocol knows no bound; a number beyond this is not one of descriptors that are there.
_MOST = 1024
_VARIABLES = ("LISTEN_PID", "LISTEN_PIDFDID", "LISTEN_FDS", "LISTEN_FDNAMES")


@dataclass(frozen=True, slots=True)
class HandedSocket:
    """An open descriptor, and what the socket unit calls it; "unknown" where it gives it no name."""

    descriptor: int
    name: str


def take_sockets(environ: MutableMapping[str, str], pid: int) -> tuple[HandedSocket, ...]:
    """The sockets that were handed to the process `pid`; the variables about them are taken from `environ`.

    So what we start does not take them for its own.
    """
    given = {name: environ.pop(name, "") for name in _VARIABLES}
    owner = count = 0
    with suppress(ValueError):
        owner, count = int(given["LISTEN_PID"]), int(given["LISTEN_FDS"])
    if owner != pid or not 0 < count <= _MOST:
        return ()
    names = given["LISTEN_FDNAMES"].split(":")
    names += ["unknown"] * (count - len(names))
    return tuple(HandedSocket(_FIRST + place, names[place] or "unknown") for place in range(count))
