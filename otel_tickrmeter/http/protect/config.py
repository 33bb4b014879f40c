"""What a web configuration file says, checked: no YAML, no OpenSSL."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class ServerTls:
    """`tls_server_config`. Certificates and keys are PEM, in a file or in the text itself.

    `client_auth` is one of Go's five words. Versions are "TLS10" to "TLS13", suites and curves have Go's
    names; none of them: the library's own choice. `lines` has the line of each key that is given.
    """

    cert_file: Path | None = None
    key_file: Path | None = None
    client_ca_file: Path | None = None
    cert: str = ""
    key: str = field(default="", repr=False)
    client_ca: str = ""
    client_auth: str = "NoClientCert"
    client_allowed_sans: tuple[str, ...] | None = None
    min_version: str = "TLS12"
    max_version: str = "TLS13"
    cipher_suites: tuple[str, ...] = ()
    curve_preferences: tuple[str, ...] = ()
    prefer_server_cipher_suites: bool = True
    lines: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    def files(self) -> tuple[Path, ...]:
        """The files it names."""
        return tuple(
            path for path in (self.cert_file, self.key_file, self.client_ca_file) if path is not None
        )


@dataclass(frozen=True, slots=True)
class RateLimit:
    """`rate_limit`: so many requests at once, and one more each `interval_seconds`."""

    burst: int
    interval_seconds: float


@dataclass(frozen=True, slots=True)
class WebConfig:
    """A whole file. `tls` None: plain HTTP. `users` are names with bcrypt hashes; empty: anybody may ask."""

    tls: ServerTls | None = None
    headers: tuple[tuple[str, str], ...] = ()
    users: Mapping[str, bytes] = field(default_factory=lambda: MappingProxyType({}), repr=False)
    rate_limit: RateLimit | None = None
