"""The socket that systemd listens at: one datagram a message, lines of NAME=VALUE."""

import socket
from collections.abc import Mapping
from contextlib import suppress

# systemd's own buffer takes thousands of them; only where it hangs does this end anything.
_SEND_SECONDS = 1.0


class NotifySocket:
    """Sends messages to an address: a path, or with "@" before it a name in the abstract namespace."""

    def __init__(self, address: str) -> None:
        self._address = f"\0{address[1:]}" if address.startswith("@") else address

    def send(self, **message: str | int) -> None:
        """Send a message. What cannot be sent is not: nothing here depends on it."""
        text = "\n".join(f"{name}={value}" for name, value in message.items())
        # Anew each time: whoever listens may have been replaced.
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sending:
            sending.settimeout(_SEND_SECONDS)
            sending.sendto(text.encode(), self._address)


def notify_socket(environ: Mapping[str, str]) -> NotifySocket | None:
    """What `NOTIFY_SOCKET` names; None where nobody wants to be told, or not by such a socket."""
    address = environ.get("NOTIFY_SOCKET", "")
    return NotifySocket(address) if address[:1] in {"/", "@"} else None


def watchdog_seconds(environ: Mapping[str, str], pid: int) -> float | None:
    """How long systemd waits for a sign of life of this process; None: it expects none."""
    if environ.get("WATCHDOG_PID", str(pid)) != str(pid):
        return None
    with suppress(ValueError):
        wanted = int(environ.get("WATCHDOG_USEC", ""))
        if wanted > 0:
            return wanted / 1_000_000
    return None
