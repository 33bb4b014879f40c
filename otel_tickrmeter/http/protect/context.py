"""An OpenSSL context as `tls_server_config` asks for it; certificates are read here.

pyOpenSSL and not the standard library's `ssl`, which can neither ask a client for a certificate without
verifying it, nor take a key that is in no file, nor be told which curves it may use.

Functions that OpenSSL calls back are avoided: cffi makes them in memory that is written and executed, which
our own systemd unit denies (MemoryDenyWriteExecute). So no protocol is chosen by ALPN: clients then speak
HTTP/1.1.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from OpenSSL import SSL, crypto

from otel_tickrmeter.http.protect.config import ServerTls
from otel_tickrmeter.http.protect.names import ANY_CLIENT, CIPHER_SUITES, CURVES
from otel_tickrmeter.http.protect.tree import Collected
from otel_tickrmeter.settings.faults import SettingsError

# The bound is for a device such as /dev/zero, which has no end.
_LONGEST_FILE = 2**20
# What the libraries raise for what is no certificate or key, or one of a kind that no server can use.
_REFUSALS = (ValueError, TypeError, UnsupportedAlgorithm, x509.InvalidVersion, SSL.Error, crypto.Error)
_PRIVATE_KEY = re.compile(rb"-----BEGIN ([A-Z ]*PRIVATE KEY)-----.*?-----END \1-----", re.DOTALL)


@dataclass(frozen=True, slots=True)
class TlsContext:
    """What a connection is made with. `allowed_sans`: a client has to have one of them; None: it need not."""

    openssl: SSL.Context
    allowed_sans: frozenset[str] | None

    def allows(self, connection: SSL.Connection) -> bool:
        """Whether the client's certificate, whose chain has been looked at, has a name that may come in."""
        if self.allowed_sans is None:
            return True
        cert = connection.get_peer_certificate(as_cryptography=True)
        return cert is not None and not self.allowed_sans.isdisjoint(_names(cert))


def make_context(tls: ServerTls, path: Path) -> TlsContext:
    """The context for a file's TLS settings.

    Raises:
        SettingsError: with every certificate, key or set of suites that cannot be used, placed in `path`.
    """
    collected = Collected(str(path))
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    # A session that is taken up again would bring its client in without another look at its certificate.
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_session_id(b"otel-tickrmeter")
    context.set_options(SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION | SSL.OP_NO_COMPRESSION)
    if tls.prefer_server_cipher_suites:
        context.set_options(SSL.OP_CIPHER_SERVER_PREFERENCE)
    _set_versions_and_suites(context, tls, collected)
    if tls.curve_preferences:
        _set_curves(context, [CURVES[name] for name in tls.curve_preferences])
    _load_pair(context, tls, collected)
    _set_clients(context, tls, collected)
    if collected.faults:
        raise SettingsError(collected.faults)
    sans = tls.client_allowed_sans
    return TlsContext(context, None if sans is None else frozenset(sans))


def _set_versions_and_suites(context: SSL.Context, tls: ServerTls, collected: Collected) -> None:
    numbers = {
        "TLS10": SSL.TLS1_VERSION,
        "TLS11": SSL.TLS1_1_VERSION,
        "TLS12": SSL.TLS1_2_VERSION,
        "TLS13": SSL.TLS1_3_VERSION,
    }
    named = [CIPHER_SUITES[name] for name in tls.cipher_suites]
    suites = [name for name in named if name]
    least = tls.min_version
    if named and not suites:
        if tls.max_version != "TLS13":
            _fault(tls, collected, "cipher_suites", "has none for a version before TLS13")
        least = "TLS13"
    # Forward secrecy unless something else is asked for; then in the order of the table, newest last.
    usual = [name for name in reversed(tuple(CIPHER_SUITES.values())) if name.startswith("ECDHE-")]
    # The signatures of TLS 1.0 and 1.1 are made with SHA-1, which OpenSSL allows at level 0 only.
    level = 0 if least in ("TLS10", "TLS11") else 1
    context.set_cipher_list(":".join([*(suites or usual), f"@SECLEVEL={level}"]).encode())
    context.set_min_proto_version(numbers[least])
    context.set_max_proto_version(max(numbers[least], numbers[tls.max_version]))


def _set_curves(context: SSL.Context, names: list[str]) -> None:
    # pyOpenSSL has the function of OpenSSL and no method for it.
    listed = ":".join(names).encode()
    if SSL._lib.SSL_CTX_set1_curves_list(context._context, listed) != 1:  # type: ignore[attr-defined]  # noqa: SLF001  see above
        raise AssertionError(f"OpenSSL knows all of {names}")


def _load_pair(context: SSL.Context, tls: ServerTls, collected: Collected) -> None:
    cert_key, cert = _content(tls, collected, "cert", tls.cert_file, tls.cert)
    key_key, key = _content(tls, collected, "key", tls.key_file, tls.key)
    chain = [] if cert is None else _certificates(tls, collected, cert_key, cert)
    pem = None if key is None else _PRIVATE_KEY.search(key)
    if key is not None and pem is None:
        _fault(tls, collected, key_key, "has no private key in PEM")

    def use() -> None:
        assert pem is not None  # noqa: S101  looked at before
        private = load_pem_private_key(pem[0], None)
        if not chain:
            return
        if chain[0].public_key() != private.public_key():
            _fault(tls, collected, cert_key, f"does not belong to the key of {key_key}")
            return
        context.use_certificate(chain[0])
        for issuer in chain[1:]:
            context.add_extra_chain_cert(issuer)
        context.use_privatekey(private)  # type: ignore[arg-type]  # what no server can have raises TypeError

    if pem is not None:
        _attempt(tls, collected, key_key, use)


def _set_clients(context: SSL.Context, tls: ServerTls, collected: Collected) -> None:
    key, authorities = _content(tls, collected, "client_ca", tls.client_ca_file, tls.client_ca)
    found = [] if authorities is None else _certificates(tls, collected, key, authorities)
    if tls.client_auth in ("VerifyClientCertIfGiven", "RequireAndVerifyClientCert"):
        required = SSL.VERIFY_FAIL_IF_NO_PEER_CERT if tls.client_auth in ANY_CLIENT else 0
        context.set_verify(SSL.VERIFY_PEER | required)
        _trust(context, found)
        if not tls.client_ca_file and not tls.client_ca:
            context.set_default_verify_paths()
    elif tls.client_auth in ANY_CLIENT:
        try:
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *_: True)
        except MemoryError:
            message = (
                "RequireAnyClientCert needs memory that is written and executed, which this system denies"
            )
            _fault(tls, collected, "client_auth_type", message)
    # RequestClientCert takes any certificate or none and looks at neither: nothing has to be asked for.


def _trust(context: SSL.Context, authorities: list[x509.Certificate]) -> None:
    store = context.get_cert_store()
    assert store is not None  # noqa: S101  a context has one
    for authority in authorities:
        store.add_cert(crypto.X509.from_cryptography(authority))
        context.add_client_ca(authority)


def _names(cert: x509.Certificate) -> set[str]:
    """Every alternative name of a certificate that may be allowed; none when they cannot be read."""
    try:
        found = cert.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension, x509.UnsupportedGeneralNameType):
        return set()
    kinds = (x509.DNSName, x509.RFC822Name, x509.IPAddress, x509.UniformResourceIdentifier)
    return {str(name.value) for name in found if isinstance(name, kinds)}


def _content(
    tls: ServerTls, collected: Collected, key: str, file: Path | None, text: str
) -> tuple[str, bytes | None]:
    """The key that says where something is, and what is there; None: it is nowhere, or cannot be read."""
    if file is None:
        return key, text.encode() if text else None
    key = f"{key}_file"
    try:
        with file.open("rb") as opened:
            content = opened.read(_LONGEST_FILE + 1)
    except (OSError, ValueError) as error:
        _fault(tls, collected, key, f"{file} cannot be read: {getattr(error, 'strerror', None) or error}")
        return key, None
    if len(content) > _LONGEST_FILE:
        _fault(tls, collected, key, f"{file} is longer than {_LONGEST_FILE} bytes")
        return key, None
    return key, content


def _certificates(tls: ServerTls, collected: Collected, key: str, pem: bytes) -> list[x509.Certificate]:
    found: list[x509.Certificate] = []
    _attempt(tls, collected, key, lambda: found.extend(x509.load_pem_x509_certificates(pem)))
    return found


def _attempt(tls: ServerTls, collected: Collected, key: str, action: Callable[[], None]) -> None:
    try:
        action()
    except _REFUSALS as error:
        # What the libraries say of a key has nothing of it, but is of no use to read either.
        encrypted = "assword" in str(error)
        reason = (
            "is encrypted: no password can be given" if encrypted else "has nothing that can be used, in PEM"
        )
        _fault(tls, collected, key, reason)


def _fault(tls: ServerTls, collected: Collected, key: str, message: str) -> None:
    collected.add(tls.lines.get(key, 0), f"tls_server_config.{key}", message)
