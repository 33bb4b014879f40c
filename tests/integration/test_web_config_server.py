"""The server with a web configuration: what the toolkit of Debian does not know yet, and hostile clients."""

import random
import select
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import bcrypt
import pytest

from otel_tickrmeter.http.connection import HttpLimits
from otel_tickrmeter.http.message import HttpRequest, Response
from otel_tickrmeter.http.protect.protection import Protection
from otel_tickrmeter.http.routing import Route
from tests.support.certificates import Authority
from tests.support.http_peer import GET, RunningServer, hello, read_response, read_to_end, running_server
from tests.support.waiting import wait_until
from tests.support.web_peer import Peer, ask

PATIENT = HttpLimits(header_timeout_seconds=3600, idle_timeout_seconds=3600, write_timeout_seconds=3600)
PAIR = "cert_file: localhost.pem, key_file: localhost.key"
BODY = bytes(range(256)) * 65_536
PLAIN_REFUSAL = b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n"


async def large(_: HttpRequest) -> Response:
    return Response(200, "text/plain", BODY, (("X-XSS-Protection", "own"),))


async def own(request: HttpRequest) -> Response:
    shown = request.headers.get("authorization", "nothing")
    return Response(200, "text/plain", f"{shown} {request.private}".encode())


ROUTES = [
    Route("/", hello),
    Route("/large", large, large=True),
    Route("/own/{id}", own, by_token=True),
]


class Files:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        servers = Authority(directory, "servers")
        self.pair = servers.issue("localhost")
        self.client = Authority(directory, "clients").issue("client")
        self.context = ssl.create_default_context(cafile=servers.ca_file)

    def write(self, text: str) -> Path:
        file = self.directory / "web.yml"
        file.write_text(text)
        return file

    @contextmanager
    def serving(self, text: str, limits: HttpLimits | None = None) -> Iterator[RunningServer]:
        with running_server(ROUTES, limits, protection=Protection(self.write(text))) as server:
            yield server

    def connect(self, server: RunningServer) -> ssl.SSLSocket:
        # An end that nobody said is an error.
        return self.context.wrap_socket(
            server.connect(), server_hostname="localhost", suppress_ragged_eofs=False
        )


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_a_connection_is_kept_and_a_large_body_arrives_whole(files: Files) -> None:
    with files.serving(f"tls_server_config: {{{PAIR}}}") as server, files.connect(server) as client:
        for _ in range(3):
            client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
            assert read_response(client)[1] == BODY
        client.sendall(GET * 3)
        assert [read_response(client)[1] for _ in range(3)] == [b"hello\n"] * 3
    assert server.faults == []


def test_the_end_is_said(files: Files) -> None:
    # Else the client could not tell a response of unknown length from one that somebody cut off.
    with files.serving(f"tls_server_config: {{{PAIR}}}") as server, files.connect(server) as client:
        client.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert read_to_end(client).endswith(b"hello\n")


def test_the_end_of_an_idle_connection_is_said_too(files: Files) -> None:
    limits = HttpLimits(header_timeout_seconds=0.2)
    with files.serving(f"tls_server_config: {{{PAIR}}}", limits) as server, files.connect(server) as client:
        assert read_to_end(client) == b""


def test_a_client_without_a_common_version_is_told_why(files: Files) -> None:
    files.context.maximum_version = ssl.TLSVersion.TLSv1_2
    with (
        files.serving(f"tls_server_config: {{{PAIR}, min_version: TLS13}}") as server,
        server.connect() as plain,
        pytest.raises(ssl.SSLError, match=r"(?i)alert protocol version"),
    ):
        files.context.wrap_socket(plain, server_hostname="localhost")


def test_a_file_that_became_faulty_before_the_start_makes_no_server_in_the_clear(files: Files) -> None:
    with files.serving("nonsense: 1") as server:
        assert server.exchange(GET) == PLAIN_REFUSAL
        assert ask(server.port, Peer()).status is None


def test_who_shows_a_token_has_no_room_for_a_password(files: Files) -> None:
    users = f"basic_auth_users: {{alice: {bcrypt.hashpw(b'secret', bcrypt.gensalt(4)).decode()}}}"
    token = b"GET /own/1 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer t\r\n\r\n"
    for encrypted in (True, False):
        text = f"tls_server_config: {{{PAIR}}}\n{users}" if encrypted else users
        with (
            files.serving(text) as server,
            files.connect(server) if encrypted else server.connect() as client,
        ):
            client.sendall(token)
            assert read_response(client)[1] == b"Bearer t True"
            # All else is as it was, also what is not there.
            for path in (b"/", b"/own", b"/own/1/2"):
                client.sendall(token.replace(b"/own/1", path))
                assert read_response(client)[0].startswith(b"HTTP/1.1 401 ")
    with files.serving(f"rate_limit: {{burst: 1, interval: 1h}}\n{users}") as server:
        assert server.exchange(token).startswith(b"HTTP/1.1 200 ")
        assert server.exchange(token).startswith(b"HTTP/1.1 429 ")


@pytest.mark.parametrize("allowed", ["client", "other"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("kind", ["RequireAnyClientCert", "RequireAndVerifyClientCert"])
def test_names_of_clients(files: Files, allowed: str, version: ssl.TLSVersion, kind: str) -> None:
    text = (
        f"tls_server_config: {{{PAIR}, client_auth_type: {kind}, client_ca_file: clients.pem, "
        f"client_allowed_sans: [{allowed}]}}"
    )
    with files.serving(text) as server:
        expected = 200 if allowed == "client" else None
        assert ask(server.port, Peer(certificate=files.client, version=version)).status == expected
        assert ask(server.port, Peer(version=version)).status is None


def test_certificates_in_the_file_itself(files: Files) -> None:
    cert, key = (path.read_text().replace("\n", "\n    ") for path in files.pair)
    authority = (files.directory / "clients.pem").read_text().replace("\n", "\n    ")
    text = (
        f"tls_server_config:\n  cert: |\n    {cert}\n  key: |\n    {key}\n  client_ca: |\n    {authority}\n"
        "  client_auth_type: RequireAndVerifyClientCert\n"
    )
    with files.serving(text) as server:
        assert ask(server.port, Peer(certificate=files.client)).status == 200
        assert ask(server.port, Peer()).status is None


def test_with_suites_of_tls_1_3_alone_nothing_older_is_spoken(files: Files) -> None:
    with files.serving(f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_AES_128_GCM_SHA256]}}") as server:
        assert ask(server.port, Peer()).version == "TLSv1.3"
        assert ask(server.port, Peer(version=ssl.TLSVersion.TLSv1_2)).status is None


def test_a_limit_to_the_rate(files: Files) -> None:
    with files.serving("rate_limit: {burst: 2, interval: 1h}") as server:
        assert [ask(server.port, Peer(tls=False)).status for _ in range(4)] == [200, 200, 429, 429]
        files.write("rate_limit: {burst: 1, interval: 1h}")
        assert [ask(server.port, Peer(tls=False)).status for _ in range(2)] == [200, 429]
        files.write("rate_limit: {burst: 1, interval: 1ns}")
        assert [ask(server.port, Peer(tls=False)).status for _ in range(4)] == [200] * 4


def test_what_a_page_says_of_itself_wins(files: Files) -> None:
    with files.serving(
        "http_server_config: {headers: {X-XSS-Protection: 0, X-Frame-Options: deny}}"
    ) as server:
        assert ask(server.port, Peer(tls=False, path="/large")).headers == {
            "x-xss-protection": "own",
            "x-frame-options": "deny",
        }
        assert ask(server.port, Peer(tls=False, path="/none")).headers["x-xss-protection"] == "0"


@pytest.mark.parametrize("sent", [GET, b"HEAD / HTTP/1.1\r\n\r\n", b"POST ", b"PUT / ", b"OPTIONS * "])
def test_who_speaks_in_the_clear_is_told_so(files: Files, sent: bytes) -> None:
    with files.serving(f"tls_server_config: {{{PAIR}}}") as server:
        assert server.exchange(sent) == PLAIN_REFUSAL
        with server.connect() as client:  # in pieces
            client.sendall(sent[:2])
            time.sleep(0.02)
            client.sendall(sent[2:])
            assert read_to_end(client) == PLAIN_REFUSAL
    assert server.responses == []


@pytest.mark.parametrize(
    "sent", [b"", b"\x16", b"GE", b"\x16\x03\x01\x40\x00" + b"x" * 100, b"SSH-2.0-x\r\n", b"\0" * 40_000]
)
def test_who_says_nothing_of_use_is_let_go(files: Files, sent: bytes) -> None:
    limits = HttpLimits(header_timeout_seconds=0.3, linger_timeout_seconds=0.1)
    with files.serving(f"tls_server_config: {{{PAIR}}}", limits) as server:
        with server.connect() as client:
            client.sendall(sent)
            try:
                answer = read_to_end(client)
            except ConnectionResetError:
                answer = b""
        assert answer[:1] in (b"", b"\x15")  # an alert
        assert ask(server.port, Peer()).status == 200
    assert server.faults == []


def first_words(files: Files) -> bytes:
    """Return what a client says to begin with."""
    said = ssl.MemoryBIO()
    session = files.context.wrap_bio(ssl.MemoryBIO(), said, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        session.do_handshake()
    return said.read()


def test_a_handshake_with_errors_ends_its_own_connection_only(files: Files) -> None:
    chance = random.Random(7)  # noqa: S311  what is sent must be the same each time
    said = first_words(files)
    with files.serving(f"tls_server_config: {{{PAIR}}}", HttpLimits(linger_timeout_seconds=0.1)) as server:
        for _ in range(150):
            sent = bytearray(said)
            for _ in range(chance.randint(1, 4)):
                sent[chance.randrange(len(sent))] = chance.randrange(256)
            with suppress(ConnectionError):
                server.exchange(bytes(sent[: chance.randint(1, 2 * len(sent))]))
        assert ask(server.port, Peer()).status == 200
    assert server.faults == []


def test_a_stop_answers_who_asks_and_lets_the_others_go(files: Files) -> None:
    with (
        files.serving(f"tls_server_config: {{{PAIR}}}", PATIENT) as server,
        server.connect() as silent,
        files.connect(server) as idle,
        files.connect(server) as reading,
    ):
        reading.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: select.select([reading], [], [], 0)[0] != [], "its beginning")
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert read_response(reading)[1] == BODY
        assert read_to_end(idle) == b""
        with suppress(ConnectionResetError):
            assert read_to_end(silent) == b""
        stopping.join()
    assert server.faults == []


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_every_client_shows_its_certificate_anew(files: Files, version: ssl.TLSVersion) -> None:
    files.context.minimum_version = files.context.maximum_version = version
    files.context.load_cert_chain(*files.client)
    text = (
        f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert, "
        "client_ca_file: clients.pem}"
    )
    with files.serving(text) as server:
        session = None
        for _ in range(2):
            with files.context.wrap_socket(
                server.connect(), server_hostname="localhost", session=session
            ) as client:
                client.sendall(GET)
                assert read_response(client)[1] == b"hello\n"
                assert not client.session_reused
                session = client.session


def test_a_handshake_that_trickles_has_an_end(files: Files) -> None:
    limits = HttpLimits(header_timeout_seconds=0.3)
    with files.serving(f"tls_server_config: {{{PAIR}}}", limits) as server, server.connect() as client:
        ended = threading.Event()

        def trickle() -> None:
            for byte in first_words(files):
                try:
                    client.sendall(bytes([byte]))
                except OSError:
                    return
                if ended.wait(0.01):
                    return

        sending = threading.Thread(target=trickle)
        sending.start()
        try:
            assert read_to_end(client) == b""
        except ConnectionResetError:
            pass
        finally:
            ended.set()
            sending.join()


def test_a_crowd_before_its_handshake_does_not_keep_a_scrape_out(files: Files) -> None:
    with files.serving(f"tls_server_config: {{{PAIR}}}", PATIENT) as server, ExitStack() as stack:
        for number in range(300):
            client = stack.enter_context(server.connect())
            client.sendall(b"\x16\x03\x01"[: number % 4])
        assert ask(server.port, Peer()).status == 200


def test_a_reader_of_nothing_is_let_go(files: Files) -> None:
    limits = HttpLimits(write_timeout_seconds=0.3, min_bytes_per_second=1e9)
    with files.serving(f"tls_server_config: {{{PAIR}}}", limits) as server, files.connect(server) as client:
        client.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        wait_until(lambda: server.responses == [("GET", "/large", 200)], "its end")
        with pytest.raises((ssl.SSLError, ConnectionResetError, AssertionError)):
            read_response(client)


def test_a_client_that_leaves_in_between_is_forgotten(files: Files) -> None:
    with files.serving(f"tls_server_config: {{{PAIR}}}") as server:
        for _ in range(20):
            with server.connect() as client:
                client.sendall(b"\x16\x03\x01")
        with files.connect(server) as client:
            client.sendall(b"GET / HT")
        with files.connect(server) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert ask(server.port, Peer()).status == 200
    assert server.faults == []


def test_guesses_wait_for_each_other_and_keep_nobody_who_is_known(files: Files) -> None:
    slow = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
    with files.serving(f"basic_auth_users: {{alice: '{slow}'}}") as server, ExitStack() as stack:
        known = Peer(tls=False, user=("alice", "secret"))
        assert ask(server.port, known).status == 200
        guesses = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWxpY2U6eA==\r\n\r\n"
        clients = [stack.enter_context(server.connect()) for _ in range(20)]
        for client in clients:
            client.sendall(guesses)
        # Twenty guesses take a second or two: the answer comes before them, because it is remembered.
        assert ask(server.port, known).status == 200
        assert server.responses.count(("GET", "/", 401)) < 20
        for client in clients:
            assert read_response(client)[0].startswith(b"HTTP/1.1 401")


def test_who_waits_too_long_for_a_check_is_told_so(files: Files) -> None:
    slow = bcrypt.hashpw(b"secret", bcrypt.gensalt(10)).decode()
    limits = HttpLimits(handler_timeout_seconds=0.05)
    with files.serving(f"basic_auth_users: {{alice: '{slow}'}}", limits) as server, ExitStack() as stack:
        guess = b"GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Basic YWxpY2U6eA==\r\n\r\n"
        clients = [stack.enter_context(server.connect()) for _ in range(10)]
        for client in clients:
            client.sendall(guess)
        heads = [read_response(client)[0] for client in clients]
        assert any(head.startswith(b"HTTP/1.1 503") for head in heads)
        assert all(b" 503 " in head or b" 401 " in head for head in heads)


def test_a_file_at_fault_is_told_once_and_not_with_what_is_secret(files: Files) -> None:
    with files.serving("") as server:
        files.write("basic_auth_users: {alice: hunter2}")
        for _ in range(3):
            assert ask(server.port, Peer(tls=False)).status == 500
        assert len(server.faults) == 1
        assert "web.yml:1: basic_auth_users.alice: must be a bcrypt hash" in server.faults[0]
        assert "hunter2" not in server.faults[0]
