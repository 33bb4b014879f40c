"""The certificates that a web configuration names, each fault with its place; and when it is read again."""

import base64
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from OpenSSL import SSL

from otel_tickrmeter.http.protect.source import ConfigSource, check_web_config
from tests.support.certificates import Authority

DENIED = "needs memory that is written and executed, which this system denies"
PAIR = "cert_file: server.pem, key_file: server.key"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    Authority(tmp_path, "servers").issue("server")
    Authority(tmp_path, "others").issue("other")
    Authority(tmp_path, "locked").issue("encrypted", "secret")
    (tmp_path / "empty.pem").touch()
    (tmp_path / "long.pem").write_bytes(bytes(2**20 + 1))
    return tmp_path


def faults_of(directory: Path, tls: str) -> list[str]:
    file = directory / "web.yml"
    file.write_text(f"\ntls_server_config: {{{tls}}}")
    return [str(fault).removeprefix(f"{file}:2: tls_server_config.") for fault in check_web_config(file)]


@pytest.mark.parametrize(
    ("tls", "expected"),
    [
        (PAIR, []),
        (f"{PAIR}, client_ca_file: others.pem, client_auth_type: VerifyClientCertIfGiven", []),
        (
            "cert_file: none.pem, key_file: none.key",
            [
                "cert_file: {0}/none.pem cannot be read: No such file or directory",
                "key_file: {0}/none.key cannot be read: No such file or directory",
            ],
        ),
        (
            'cert_file: "a\\0b", key_file: server.key',
            ["cert_file: {0}/a\\u0000b cannot be read: embedded null byte"],
        ),
        (
            "cert_file: long.pem, key_file: server.key",
            ["cert_file: {0}/long.pem is longer than 1048576 bytes"],
        ),
        ("cert_file: empty.pem, key_file: server.key", ["cert_file: has nothing that can be used, in PEM"]),
        ("cert_file: server.pem, key_file: empty.pem", ["key_file: has no private key in PEM"]),
        ("cert_file: server.pem, key_file: other.key", ["cert_file: does not belong to the key of key_file"]),
        (
            "cert_file: server.pem, key_file: encrypted.key",
            ["key_file: is encrypted: no password can be given"],
        ),
        (
            "cert: x, key: y",
            ["cert: has nothing that can be used, in PEM", "key: has no private key in PEM"],
        ),
        (
            "cert_file: server.pem, key: '-----BEGIN PRIVATE KEY-----hunter2-----END PRIVATE KEY-----'",
            ["key: has nothing that can be used, in PEM"],
        ),
        (
            f"{PAIR}, client_ca_file: empty.pem, client_auth_type: RequireAndVerifyClientCert",
            ["client_ca_file: has nothing that can be used, in PEM"],
        ),
        (
            f"{PAIR}, cipher_suites: [TLS_AES_128_GCM_SHA256], max_version: TLS12",
            ["cipher_suites: has none for a version before TLS13"],
        ),
    ],
)
def test_faults(directory: Path, tls: str, expected: list[str]) -> None:
    assert faults_of(directory, tls) == [text.format(directory) for text in expected]


def test_where_no_memory_may_be_written_and_executed(
    directory: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def deny(_: object, __: int, callback: object = None) -> None:
        if callback is not None:
            raise MemoryError

    monkeypatch.setattr(SSL.Context, "set_verify", deny)
    assert faults_of(directory, f"{PAIR}, client_auth_type: RequireAnyClientCert") == [
        f"client_auth_type: RequireAnyClientCert {DENIED}"
    ]
    assert faults_of(directory, f"{PAIR}, client_auth_type: RequireAndVerifyClientCert") == []


PEM = "-----BEGIN {0}-----\n{1}\n-----END {0}-----\n"


@given(
    st.sampled_from(
        ["CERTIFICATE", "PRIVATE KEY", "EC PRIVATE KEY", "RSA PRIVATE KEY", "ENCRYPTED PRIVATE KEY"]
    ),
    st.binary(max_size=60),
    st.booleans(),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_whatever_a_certificate_or_key_is_it_has_a_fault(
    directory: Path,
    kind: str,
    content: bytes,
    whole: bool,  # noqa: FBT001  hypothesis' way
) -> None:
    text = PEM.format(kind, base64.b64encode(content).decode())
    (directory / "any.pem").write_bytes(text.encode() if whole else text.encode()[:-20] + content)
    assert faults_of(directory, "cert_file: any.pem, key_file: server.key")
    assert faults_of(directory, "cert_file: server.pem, key_file: any.pem")


def test_a_file_that_is_not_there_or_has_no_end(tmp_path: Path) -> None:
    assert [str(fault) for fault in check_web_config(tmp_path / "web.yml")] == [
        f"{tmp_path}/web.yml: cannot be read: No such file or directory"
    ]
    assert [str(fault) for fault in check_web_config(Path("/dev/zero"))] == [
        "/dev/zero: is longer than 1048576 bytes"
    ]


def test_it_is_read_again_only_when_something_has_changed(directory: Path) -> None:
    file = directory / "web.yml"
    file.write_text(f"tls_server_config: {{{PAIR}}}")
    source = ConfigSource(file)
    first = source.current()
    assert first.context is not None
    assert source.current() is first
    for path in (file, directory / "server.pem", directory / "server.key"):
        before = source.current()
        path.rename(directory / "aside")
        path.write_bytes((directory / "aside").read_bytes())
        (directory / "aside").unlink()
        after = source.current()
        assert after is not before
        assert after.context is not None
        assert source.current() is after
    (directory / "server.key").unlink()
    assert source.current().context is None
    assert source.current().config is not None
    file.unlink()
    assert source.current().config is None
    # A file that comes back is found, though the faulty one named no other.
    file.write_text(f"tls_server_config: {{{PAIR}}}")
    Authority(directory, "again").issue("server")
    assert source.current().context is not None
