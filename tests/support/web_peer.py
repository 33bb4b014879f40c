"""A client that asks a server once, in the clear or over TLS, and tells what came of it."""

import base64
import hashlib
import socket
import ssl
import warnings
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.http_peer import read_to_end
from tests.support.waiting import DEADLINE_SECONDS

_ASKED = ("www-authenticate", "strict-transport-security", "x-frame-options", "x-xss-protection")


@dataclass(frozen=True)
class Peer:
    """A client: what it shows of itself, and what it can.

    `user` is name and password. `certificate` are the files of a certificate and its key. `version` is the
    only one it speaks, `ciphers` and `curve` the only ones it has.
    """

    tls: bool = True
    user: tuple[str, str] | None = None
    certificate: tuple[Path, Path] | None = None
    version: ssl.TLSVersion | None = None
    ciphers: str = "DEFAULT"
    curve: str | None = None
    path: str = "/"
    headers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """`status` None: there was no response. `version` and `certificate` (its digest) are the connection's."""

    status: int | None
    version: str | None = None
    certificate: str | None = None
    headers: dict[str, str] = field(default_factory=dict)


def ask(port: int, peer: Peer) -> Outcome:
    """What the server at the port of the loopback address does with this client."""
    lines = [f"GET {peer.path} HTTP/1.1", "Host: x", "Connection: close", *peer.headers]
    if peer.user is not None:
        lines.append(f"Authorization: Basic {base64.b64encode(':'.join(peer.user).encode()).decode()}")
    request = "\r\n".join((*lines, "", "")).encode()
    with socket.create_connection(("127.0.0.1", port), DEADLINE_SECONDS) as plain:
        try:
            if not peer.tls:
                return _exchange(plain, request, None, None)
            with _context(peer).wrap_socket(plain) as client:
                shown = client.getpeercert(binary_form=True) or b""
                return _exchange(client, request, client.version(), hashlib.sha256(shown).hexdigest())
        except TimeoutError:
            raise
        except OSError:  # TLS's faults among them
            return Outcome(None)


def _exchange(client: socket.socket, request: bytes, version: str | None, certificate: str | None) -> Outcome:
    client.sendall(request)
    head, _, _ = read_to_end(client).partition(b"\r\n\r\n")
    if not head:
        return Outcome(None)
    status, *fields = head.decode("latin-1").split("\r\n")
    named = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in fields)}
    headers = {name: named[name] for name in _ASKED if name in named}
    return Outcome(int(status.split()[1]), version, certificate, headers)


def _context(peer: Peer) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers(f"{peer.ciphers}:@SECLEVEL=0")
    if peer.certificate is not None:
        context.load_cert_chain(*peer.certificate)
    if peer.curve is not None:
        context.set_ecdh_curve(peer.curve)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of the versions that nobody should use
        context.minimum_version = peer.version or ssl.TLSVersion.TLSv1
        if peer.version is not None:
            context.maximum_version = peer.version
    return context
