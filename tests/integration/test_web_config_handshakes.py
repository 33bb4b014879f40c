"""TLS handshakes that fail, each for its reason, with a real client; and what other OpenSSLs say."""

import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.protect.failure import HandshakeFailure, failure_of
from otel_tickrmeter.http.protect.protection import Protection
from otel_tickrmeter.http.routing import Route
from tests.support.certificates import Authority
from tests.support.http_peer import GET, RunningServer, hello, running_server
from tests.support.waiting import wait_until
from tests.support.web_peer import Peer, ask

PAIR = "cert_file: localhost.pem, key_file: localhost.key"
OUR_CLIENTS = "client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.pem"
NAMED = f"{OUR_CLIENTS}, client_allowed_sans: [other]"


class Files:
    """Certificates of a server, of its client and of a stranger, and the failures that were told."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        Authority(directory, "servers").issue("localhost")
        self.client = Authority(directory, "clients").issue("client")
        self.stranger = Authority(directory, "strangers").issue("stranger")
        self.failures: list[HandshakeFailure] = []

    @contextmanager
    def serving(self, tls: str, limits: HttpLimits | None = None) -> Iterator[RunningServer]:
        file = self.directory / "web.yml"
        file.write_text(f"tls_server_config: {{{tls}}}")
        protection = Protection(file, self.failures.append)
        with running_server([Route("/", hello)], limits, protection=protection) as server:
            yield server


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


Act = Callable[[Files, RunningServer], object]


def says(what: bytes) -> Act:
    """A client that says something and then waits for the end."""

    def act(_: Files, server: RunningServer) -> None:
        with suppress(ConnectionError):
            server.exchange(what)

    return act


def distrusts(_: Files, server: RunningServer) -> None:
    with server.connect() as plain, pytest.raises(ssl.SSLCertVerificationError):
        ssl.create_default_context().wrap_socket(plain, server_hostname="localhost")


def stands_still(_: Files, server: RunningServer) -> None:
    with server.connect() as client, suppress(ConnectionError):
        client.sendall(b"\x16\x03\x01")
        client.recv(100)


def leaves(_: Files, server: RunningServer) -> None:
    with server.connect() as client:
        client.sendall(b"\x16\x03\x01")


@pytest.mark.parametrize(
    ("tls", "act", "reason"),
    [
        (PAIR, says(GET), "plain_http"),
        (PAIR, says(b"SSH-2.0-x\r\n"), "other"),
        (PAIR, distrusts, "client_refused"),
        (PAIR, leaves, "left"),
        (PAIR, stands_still, "timeout"),
        (f"{PAIR}, {OUR_CLIENTS}", lambda _, server: ask(server.port, Peer()), "no_certificate"),
        (
            f"{PAIR}, {OUR_CLIENTS}",
            lambda files, server: ask(server.port, Peer(certificate=files.stranger)),
            "certificate",
        ),
        (
            f"{PAIR}, {NAMED}",
            lambda files, server: ask(server.port, Peer(certificate=files.client)),
            "certificate",
        ),
        (
            f"{PAIR}, min_version: TLS13",
            lambda _, server: ask(server.port, Peer(version=ssl.TLSVersion.TLSv1_2)),
            "nothing_in_common",
        ),
        (
            f"{PAIR}, max_version: TLS12, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]",
            lambda _, server: ask(
                server.port, Peer(version=ssl.TLSVersion.TLSv1_2, ciphers="ECDHE-RSA-AES256-GCM-SHA384")
            ),
            "nothing_in_common",
        ),
        (
            "cert_file: nothing.pem, key_file: nothing.key",
            lambda _, server: ask(server.port, Peer()),
            "configuration",
        ),
    ],
)
def test_each_failure_is_told_once_with_its_reason(files: Files, tls: str, act: Act, reason: str) -> None:
    limits = HttpLimits(header_timeout_seconds=0.5 if act is stands_still else 30.0)
    with files.serving(tls, limits) as server:
        act(files, server)
        wait_until(lambda: files.failures != [], "the failure")
    assert files.failures == [reason]
    assert server.faults == []


def test_neither_a_good_handshake_nor_a_look_at_the_port_is_a_failure(files: Files) -> None:
    with files.serving(PAIR) as server:
        assert ask(server.port, Peer()).status == 200
        with socket.create_connection(("127.0.0.1", server.port)):
            pass
        assert ask(server.port, Peer()).status == 200
    assert files.failures == []


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        ("sslv3 alert bad certificate", "client_refused"),
        ("tlsv1 alert unknown ca", "client_refused"),
        ("ssl/tls alert certificate unknown", "client_refused"),
        ("unsupported protocol", "nothing_in_common"),
        ("no suitable key share", "nothing_in_common"),
        ("inappropriate fallback", "nothing_in_common"),
        ("wrong version number", "other"),
        ("", "other"),
    ],
)
def test_what_openssl_says_is_put_into_few_words(told: str, reason: str) -> None:
    assert failure_of(told) == reason
