"""Which sockets were handed over, by the variables of sd_listen_fds(3), and that nobody else sees these."""

import pytest

from otel_tickrmeter.systemd.activation import HandedSocket, take_sockets


@pytest.mark.parametrize(
    ("environ", "sockets"),
    [
        ({}, ()),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "1"}, ((3, "unknown"),)),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http:v6"}, ((3, "http"), (4, "v6"))),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2", "LISTEN_FDNAMES": "http"}, ((3, "http"), (4, "unknown"))),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b"}, ((3, "a"),)),
        # Meant for whoever started us.
        ({"LISTEN_PID": "8", "LISTEN_FDS": "1"}, ()),
        ({"LISTEN_FDS": "1"}, ()),
        ({"LISTEN_PID": "7"}, ()),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "0"}, ()),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "-1"}, ()),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "2000000000"}, ()),
        ({"LISTEN_PID": "7", "LISTEN_FDS": "many"}, ()),
    ],
)
def test_what_was_handed_over(environ: dict[str, str], sockets: tuple[tuple[int, str], ...]) -> None:
    assert take_sockets(environ, 7) == tuple(HandedSocket(*each) for each in sockets)


def test_the_variables_are_taken_too() -> None:
    ours = {"LISTEN_PID": "8", "LISTEN_PIDFDID": "5", "LISTEN_FDS": "1", "LISTEN_FDNAMES": "http"}
    environ = ours | {"PATH": "/bin"}
    take_sockets(environ, 7)
    assert environ == {"PATH": "/bin"}
