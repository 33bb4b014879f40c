"""Which connections nobody on the network can read: those at a loopback address."""

import socket

import pytest

from otel_tickrmeter.http.sockets import ClientStream


class At(socket.socket):
    """A socket that is connected at an address of our choice."""

    def __init__(self, address: str | None) -> None:
        super().__init__(socket.AF_INET6)
        self._address = address

    def getsockname(self) -> tuple[str, int]:
        if self._address is None:
            raise OSError("gone")
        return self._address, 9464


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.10", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("192.0.2.1", False),
        ("::ffff:192.0.2.1", False),
        ("2001:db8::1", False),
        ("fe80::1%eth0", False),
        ("0.0.0.0", False),  # noqa: S104  nobody is connected there
        ("", False),
        (None, False),
    ],
)
def test_where_it_is_connected_decides(address: str | None, local: bool) -> None:  # noqa: FBT001  parametrized
    with At(address) as connected:
        assert ClientStream(connected).is_local() is local
