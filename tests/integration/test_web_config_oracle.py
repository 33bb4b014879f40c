"""The same file, the same clients: an exporter with the exporter-toolkit and ours do the same."""

import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

import bcrypt
import pytest

from otel_tickrmeter.http.protect.protection import Protection
from otel_tickrmeter.http.protect.source import check_web_config
from otel_tickrmeter.http.routing import Route
from tests.support.certificates import Authority
from tests.support.http_peer import hello, running_server
from tests.support.toolkit_exporter import ToolkitExporter
from tests.support.web_peer import Peer, ask

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
LONG = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{alice: '{HASH}', empty: '{LONG}'}}"
PAIR = "cert_file: localhost.pem, key_file: localhost.key"
TLS = f"tls_server_config: {{{PAIR}}}"


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("web")
    servers = Authority(directory, "servers")
    servers.issue("localhost")
    servers.issue("next")
    clients = Authority(directory, "clients")
    clients.issue("client")
    Authority(directory, "strangers").issue("stranger")
    return directory


def pair(directory: Path, name: str) -> tuple[Path, Path]:
    return directory / f"{name}.pem", directory / f"{name}.key"


def users() -> Iterator[Peer]:
    for tls in (False, True):
        yield Peer(tls=tls)
        yield Peer(tls=tls, path="/none")
        for user in (
            *(("alice", "secret"), ("alice", "wrong"), ("alice", ""), ("nobody", "secret"), ("", "")),
            *(("empty", "x" * 72), ("empty", "x" * 80), ("empty", "x" * 71)),
        ):
            yield Peer(tls=tls, user=user)
        for header in (
            "Basic",
            "Basic !",
            "Bearer YTpi",
            "basic YWxpY2U6c2VjcmV0",
            "Basic YWxpY2U=",
            "Basic  YTpi",
        ):
            yield Peer(tls=tls, headers=(f"Authorization: {header}",))


def certificates(directory: Path) -> Iterator[Peer]:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for name in (None, "client", "stranger"):
            yield Peer(certificate=None if name is None else pair(directory, name), version=version)


def versions() -> Iterator[Peer]:
    yield Peer(tls=False)
    for version in ssl.TLSVersion:
        if version.name.startswith("TLSv"):
            yield Peer(version=version)


def abilities() -> Iterator[Peer]:
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        for curve in ("prime256v1", "secp384r1", "secp521r1", "X25519"):
            yield Peer(version=version, curve=curve)
        for ciphers in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-SHA", "AES128-SHA"):
            yield Peer(version=version, ciphers=ciphers)


def clients_of(directory: Path) -> Iterator[tuple[str, list[Peer]]]:
    headers = (
        "http_server_config: {http2: false, headers: "
        "{X-Frame-Options: deny, X-XSS-Protection: 1, Strict-Transport-Security: max-age=9}}"
    )
    yield "", [Peer(tls=False), Peer()]
    yield USERS, list(users())
    yield f"{TLS}\n{headers}\n{USERS}", list(users())
    yield headers, [Peer(tls=False)]
    for kind in ("NoClientCert", "RequestClientCert", "RequireAnyClientCert", "RequireClientCert"):
        yield f"tls_server_config: {{{PAIR}, client_auth_type: {kind}}}", list(certificates(directory))
    for kind in (
        "RequestClientCert",
        "RequireAnyClientCert",
        "VerifyClientCertIfGiven",
        "RequireAndVerifyClientCert",
    ):
        text = f"tls_server_config: {{{PAIR}, client_ca_file: clients.pem, client_auth_type: {kind}}}"
        yield text, list(certificates(directory))
    yield TLS, list(versions())
    for bounds in (
        "min_version: TLS10",
        "min_version: TLS11, max_version: TLS12",
        "min_version: TLS13",
        "max_version: TLS12",
    ):
        yield f"tls_server_config: {{{PAIR}, {bounds}}}", list(versions())
    yield TLS, list(abilities())
    # HTTP/2 asks for the first of them, so it has to be there for Go.
    for more in (
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA]",
        "cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256], prefer_server_cipher_suites: false",
        "curve_preferences: [CurveP384]",
        "curve_preferences: [CurveP521, X25519]",
    ):
        yield f"tls_server_config: {{{PAIR}, {more}}}", list(abilities())


class Both:
    """The two servers with one file, in `directory`."""

    def __init__(self, directory: Path, name: str) -> None:
        self.file = directory / f"{name}.yml"
        self.directory = directory
        self.ports: dict[str, int] = {}
        self._stack = ExitStack()

    def start(self, text: str) -> None:
        self.file.write_text(text)
        self.ports["toolkit"] = self._stack.enter_context(ToolkitExporter(self.directory, self.file)).port
        server = running_server([Route("/", hello)], protection=Protection(self.file))
        self.ports["ours"] = self._stack.enter_context(server).port

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def agree(self, peer: Peer) -> int | None:
        """Assert that both do the same with the client, and say what: a status, or None for none."""
        found = {name: ask(port, peer) for name, port in self.ports.items()}
        if peer.path != "/none" or found["toolkit"].status == 401:  # the pages differ
            assert found["ours"] == found["toolkit"], peer
        return found["ours"].status


def test_every_client_gets_the_same(files: Path) -> None:
    seen: set[int | None] = set()
    for number, (text, peers) in enumerate(clients_of(files)):
        with Both(files, f"clients{number}") as both:
            both.start(text)
            for peer in peers:
                try:
                    seen.add(both.agree(peer))
                except AssertionError as error:
                    error.add_note(text)
                    raise
    assert seen == {None, 200, 400, 401}


def rewrite(both: Both, text: str) -> None:
    both.file.write_text(text)


@pytest.mark.parametrize("before", ["", TLS])
def test_what_a_change_of_the_file_does(files: Path, before: str) -> None:
    peer = Peer(tls=bool(before))
    known = Peer(tls=bool(before), user=("alice", "secret"))
    with Both(files, f"changes{len(before)}") as both:
        both.start(before)
        assert both.agree(peer) == 200
        for text, expected in (
            (f"{before}\n{USERS}", 401),
            (f"{before}\nnonsense: 1", None if before else 500),
            (f"{before}\n{USERS}", 401),
            (f"{before}\nhttp_server_config: {{headers: {{X-Frame-Options: deny}}}}", 200),
            ("tls_server_config: {cert_file: none.pem, key_file: none.key}", None if before else 200),
            (before, 200),
            # To what it is, the file does not come back: a server with TLS never becomes one without.
            (USERS, None if before else 401),
            (f"{TLS}\n{USERS}", 401),
        ):
            rewrite(both, text)
            assert both.agree(peer) == expected, text
        assert both.agree(known) == 200
        both.file.unlink()
        assert both.agree(known) == (None if before else 500)


def test_a_certificate_that_is_replaced_is_shown_to_the_next_client(files: Path) -> None:
    cert, key = pair(files, "localhost")
    old, new = (cert.read_bytes(), key.read_bytes()), tuple(path.read_bytes() for path in pair(files, "next"))
    with Both(files, "rotation") as both:
        both.start(TLS)
        shown = []
        try:
            for content in (old, new):
                cert.write_bytes(content[0])
                if content is new:
                    assert both.agree(Peer()) is None  # half of it: a key that belongs to another
                key.write_bytes(content[1])
                assert both.agree(Peer()) == 200
                shown.append(ask(both.ports["ours"], Peer()).certificate)
        finally:
            cert.write_bytes(old[0])
            key.write_bytes(old[1])
    assert shown[0] != shown[1]


GOOD = [
    *("", "tls_server_config:\n", "basic_auth_users: {}", "tls_server_config: {min_version: TLS13}"),
    *(TLS, f"{TLS}\n{USERS}", "http_server_config: {http2: no}", "basic_auth_users: {7: " + f"'{HASH}'}}"),
    f"tls_server_config: {{{PAIR}, client_auth_type: VerifyClientCertIfGiven, client_ca_file: clients.pem}}",
    f"tls_server_config: {{{PAIR}, client_auth_type: RequireAndVerifyClientCert}}",
    f"tls_server_config: {{{PAIR}, min_version: TLS10, max_version: TLS11}}",
    f"tls_server_config: {{{PAIR}, curve_preferences: [CurveP256, CurveP384, CurveP521, X25519]}}",
    f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_AES_128_GCM_SHA256, TLS_RSA_WITH_AES_128_CBC_SHA]}}",
    "http_server_config: {headers: {Content-Security-Policy: x, X-Content-Type-Options: nosniff}}",
    "http_server_config: {headers: {X-Frame-Options: sameorigin, X-XSS-Protection: }}",
]
BAD = [
    *(
        "a: b",
        "a: [",
        "- a",
        "tls_server_config: []",
        "tls_server_config: {cert: {}}",
        "basic_auth_users: []",
    ),
    *("basic_auth_users: {a: b}", "basic_auth_users: {a: }", "http_server_config: {http2: 7}"),
    *("tls_server_config: {cert_file: localhost.pem}", "tls_server_config: {key_file: localhost.key}"),
    *(
        "tls_server_config: {client_auth_type: NoClientCert}",
        "tls_server_config: {client_ca_file: clients.pem}",
    ),
    "tls_server_config: {cert_file: none.pem, key_file: localhost.key}",
    "tls_server_config: {cert_file: localhost.pem, key_file: none.key}",
    "tls_server_config: {cert_file: localhost.pem, key_file: client.key}",
    "tls_server_config: {cert_file: localhost.key, key_file: localhost.key}",
    "tls_server_config: {cert_file: localhost.pem, key_file: localhost.pem}",
    f"tls_server_config: {{{PAIR}, client_ca_file: clients.pem}}",
    f"tls_server_config: {{{PAIR}, client_ca_file: none.pem, client_auth_type: RequireAndVerifyClientCert}}",
    f"tls_server_config: {{{PAIR}, client_auth_type: x}}",
    f"tls_server_config: {{{PAIR}, min_version: TLS9}}",
    f"tls_server_config: {{{PAIR}, min_version: [TLS12]}}",
    f"tls_server_config: {{{PAIR}, cipher_suites: [x]}}",
    f"tls_server_config: {{{PAIR}, cipher_suites: TLS_AES_128_GCM_SHA256}}",
    f"tls_server_config: {{{PAIR}, cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]}}",
    f"tls_server_config: {{{PAIR}, curve_preferences: [x]}}",
    f"tls_server_config: {{{PAIR}, prefer_server_cipher_suites: 1}}",
    f"tls_server_config: {{{PAIR}, cert_file: x}}",
    "http_server_config: {headers: {Server: x}}",
    "http_server_config: {headers: {x-frame-options: deny}}",
    "http_server_config: {headers: {X-Frame-Options: x}}",
    "http_server_config: {headers: {X-Content-Type-Options: x}}",
]


@pytest.mark.parametrize(
    ("text", "good"), [*((text, True) for text in GOOD), *((text, False) for text in BAD)]
)
def test_promtool_says_the_same_of_a_file(files: Path, text: str, good: bool) -> None:  # noqa: FBT001
    file = files / "checked.yml"
    file.write_text(text)
    checked = subprocess.run(
        ["promtool", "check", "web-config", file], capture_output=True, check=False, text=True
    )
    assert (checked.returncode == 0) == good, checked.stderr
    assert (not check_web_config(file)) == good, check_web_config(file)
