"""The reader of a web configuration file: every fault is named with its place, whatever the file is."""

from pathlib import Path
from string import ascii_letters

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.http.protect.config import RateLimit, ServerTls, WebConfig
from otel_tickrmeter.http.protect.names import CIPHER_SUITES, HEADERS
from otel_tickrmeter.http.protect.read import read_web_config
from otel_tickrmeter.settings.faults import Fault, SettingsError

WHERE = Path("/etc/x/web.yml")
HASH = "$2y$04$" + "a" * 53
PAIR = "cert_file: c.pem, key_file: /k.pem"


def read(text: str) -> WebConfig:
    return read_web_config(text.encode(), WHERE)


def faults_of(text: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        read(text)
    return [str(fault) for fault in raised.value.faults]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# nothing",
        "---",
        "null",
        "tls_server_config:\nbasic_auth_users: ~",
        "tls_server_config: {min_version: TLS13}",
    ],
)
def test_nothing_asked_for_is_plain_http_for_everybody(text: str) -> None:
    assert read(text) == WebConfig()


def test_a_file_of_everything() -> None:
    found = read(
        f"""
tls_server_config:
  cert_file: c.pem
  key_file: /k.pem
  client_ca_file: ca.pem
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [a.example, 7]
  min_version: TLS10
  max_version: TLS12
  cipher_suites: [{", ".join(CIPHER_SUITES)}]
  curve_preferences: [CurveP256, X25519]
  prefer_server_cipher_suites: no
http_server_config:
  http2: false
  headers: {{X-Frame-Options: deny, Content-Security-Policy: "default-src 'self'"}}
basic_auth_users: {{alice: {HASH}, 7: {HASH}}}
rate_limit: {{burst: 20, interval: 1m0.5s}}
"""
    )
    assert found.tls is not None
    assert found.tls.files() == (Path("/etc/x/c.pem"), Path("/k.pem"), Path("/etc/x/ca.pem"))
    assert found.tls.client_auth == "RequireAndVerifyClientCert"
    assert found.tls.client_allowed_sans == ("a.example", "7")
    assert (found.tls.min_version, found.tls.max_version) == ("TLS10", "TLS12")
    assert found.tls.cipher_suites == tuple(CIPHER_SUITES)
    assert found.tls.curve_preferences == ("CurveP256", "X25519")
    assert found.tls.prefer_server_cipher_suites is False
    assert found.headers == (("X-Frame-Options", "deny"), ("Content-Security-Policy", "default-src 'self'"))
    assert found.users == {"alice": HASH.encode(), "7": HASH.encode()}
    assert found.rate_limit == RateLimit(20, 60.5)


def test_certificates_in_the_file_itself_and_what_early_versions_called_things() -> None:
    found = read(
        "tls_server_config: {cert: C, key: K, client_ca: A, client_auth_type: RequireClientCert}"
    ).tls
    assert found is not None
    assert (found.cert, found.key, found.client_ca, found.files()) == ("C", "K", "A", ())
    assert found.client_auth == "RequireAnyClientCert"
    assert "K" not in repr(ServerTls(key="K"))


@pytest.mark.parametrize(("text", "seconds"), [("0", None), ("0s", None), ("100ms", 0.1), ("1h1m", 3660.0)])
def test_a_rate(text: str, seconds: float | None) -> None:
    expected = None if seconds is None else RateLimit(1, seconds)
    assert read(f"rate_limit: {{burst: 1, interval: {text}}}").rate_limit == expected


def test_no_interval_is_no_limit() -> None:
    assert read("rate_limit: {burst: 0}").rate_limit is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: [", "web.yml:1: is not valid YAML"),
        ("a: 'hunter2", "web.yml:1: is not valid YAML: found unexpected end of stream"),
        ("a: *hunter2", "web.yml:1: is not valid YAML: found undefined alias"),
        ("a: " + "[" * 3000, "web.yml: is not valid YAML: it has a value that cannot be read"),
        ("a: \x01", "is not valid YAML: it has a character that is not allowed"),
        ("basic_auth_users: {}\n---\na: b", "web.yml:2: is not valid YAML: but found another document"),
        ("- a", "web.yml:1: must be a table of keys"),
        ("a", "web.yml:1: must be a table of keys"),
        ("\ntls_config: {}", "web.yml:2: tls_config: unknown"),
        ("? [1]\n: 2", "web.yml:1: has a key that is no text"),
        ("tls_server_config: []", "web.yml:1: tls_server_config: must be a table of keys"),
        (
            "tls_server_config:\n  cert_fil: x",
            "web.yml:2: tls_server_config.cert_fil: unknown; did you mean cert_file?",
        ),
        (
            "rate_limit:\n  burst: 1\n  burst: 2",
            "web.yml:3: rate_limit.burst: is given twice, first in line 2",
        ),
        (
            "tls_server_config: {key_file: k}",
            "tls_server_config.cert_file: is missing: TLS needs a certificate",
        ),
        ("tls_server_config: {cert_file: c}", "tls_server_config.key_file: is missing: TLS needs a key"),
        ("tls_server_config: {client_auth_type: NoClientCert}", "key_file: is missing"),
        (
            f"tls_server_config: {{{PAIR}, min_version: TLS9}}",
            "min_version: must be one of TLS10, TLS11, TLS12, TLS13",
        ),
        (f"tls_server_config: {{{PAIR}, max_version: TLS11}}", "min_version: must not be above max_version"),
        (
            f"tls_server_config: {{{PAIR}, client_auth_type: x}}",
            "client_auth_type: must be one of NoClientCert, ",
        ),
        (f"tls_server_config: {{{PAIR}, client_ca_file: x}}", "client_ca_file: has no effect without"),
        (f"tls_server_config: {{{PAIR}, client_ca: x}}", "client_ca: has no effect without"),
        (
            f"tls_server_config: {{{PAIR}, client_allowed_sans: [x]}}",
            "client_allowed_sans: needs client_auth_type",
        ),
        (f"tls_server_config: {{{PAIR}, cipher_suites: [RC4]}}", "cipher_suites: does not know 'RC4'"),
        (f"tls_server_config: {{{PAIR}, cipher_suites: RC4}}", "cipher_suites: must be a list"),
        (f"tls_server_config: {{{PAIR}, cipher_suites: [[]]}}", "cipher_suites: must be a text"),
        (
            f"tls_server_config: {{{PAIR}, curve_preferences: [P-256]}}",
            "curve_preferences: does not know 'P-256'",
        ),
        (
            f"tls_server_config: {{{PAIR}, prefer_server_cipher_suites: 1}}",
            "prefer_server_cipher_suites: must be true or false",
        ),
        ("http_server_config: {http2: 'true'}", "http_server_config.http2: must be true or false"),
        ("http_server_config: {headers: {Server: x}}", "http_server_config.headers.Server: unknown"),
        ("http_server_config: {headers: {X-Frame-Options: [x]}}", "X-Frame-Options: must be a text"),
        (
            "http_server_config: {headers: {X-Frame-Options: x}}",
            "X-Frame-Options: must be one of deny, sameorigin",
        ),
        (
            'http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}',
            "X-XSS-Protection: must be printable ASCII",
        ),
        ("basic_auth_users: {alice: }", "basic_auth_users.alice: must be a bcrypt hash"),
        ("http_server_config: {headers: {X-Frame-Options: }}", "X-Frame-Options: must be one of"),
        ("basic_auth_users: {alice: [x]}", "basic_auth_users.alice: must be a text"),
        ("basic_auth_users: {alice: hunter2}", "basic_auth_users.alice: must be a bcrypt hash"),
        (
            f"basic_auth_users: {{alice: {HASH.replace('04', '03')}}}",
            "basic_auth_users.alice: must be a bcrypt hash",
        ),
        ("rate_limit: {interval: 1}", "rate_limit.interval: must be a duration with its unit"),
        ("rate_limit: {interval: []}", "rate_limit.interval: must be a text"),
        ("rate_limit: {burst: x, interval: 1s}", "rate_limit.burst: must be a whole number"),
        ("rate_limit: {burst: 0, interval: 1s}", "rate_limit.burst: must be at least 1"),
        ("rate_limit: {interval: 1s}", "rate_limit.burst: must be at least 1"),
    ],
)
def test_faults(text: str, expected: str) -> None:
    found = faults_of(text)
    assert any(expected in fault for fault in found), found
    assert all(fault.startswith("/etc/x/web.yml") for fault in found)
    assert not any("hunter2" in fault for fault in found)


def test_every_fault_is_told_at_once() -> None:
    assert (
        len(faults_of("a: b\nrate_limit: {burst: x}\nbasic_auth_users: {a: b, c: d}\ntls_server_config: []"))
        == 5
    )


def test_what_is_no_text_has_its_line() -> None:
    with pytest.raises(SettingsError, match=r"^/etc/x/web\.yml:2: is not UTF-8$"):
        read_web_config(b"a:\n\xff", WHERE)


KEYS = st.sampled_from(
    [
        *("tls_server_config", "http_server_config", "basic_auth_users", "rate_limit", "headers", "burst"),
        *("cert_file", "key", "client_allowed_sans", "min_version", "cipher_suites", "interval", "http2"),
        *HEADERS,
    ]
)
SCALARS = st.sampled_from(
    ["", "~", "1", "true", "TLS12", HASH, "1s", "!!bool x", "!!int ''", "*a", "&a b", "'", "\t"]
)
NODES = st.recursive(
    SCALARS | st.text(ascii_letters, max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda found: f"[{', '.join(found)}]")
        | st.lists(st.tuples(KEYS, inner), max_size=4).map(
            lambda found: "{" + ", ".join(f"{key}: {value}" for key, value in found) + "}"
        )
    ),
    max_leaves=12,
)


@given(NODES.map(str.encode) | st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_whatever_a_file_is_it_is_read_or_has_faults(raw: bytes) -> None:
    faults: tuple[Fault, ...] = (Fault(str(WHERE), "", "none"),)
    try:
        read_web_config(raw, WHERE)
    except SettingsError as error:
        faults = error.faults
    assert faults
    assert all(fault.location.startswith(str(WHERE)) and fault.message for fault in faults)
