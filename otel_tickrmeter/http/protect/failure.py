"""Why no encrypted connection came about; what OpenSSL says is put into few words."""

from enum import StrEnum


class HandshakeFailure(StrEnum):
    """A reason, as in `tickrmeter_http_tls_handshake_failures_total`."""

    PLAIN_HTTP = "plain_http"
    """The client speaks HTTP in the clear."""
    CLIENT_REFUSED = "client_refused"
    """The client took offence, as a rule at our certificate, and said so."""
    NO_CERTIFICATE = "no_certificate"
    """The client has to have a certificate, and showed none."""
    CERTIFICATE = "certificate"
    """The client's certificate is not one that may come in."""
    NOTHING_IN_COMMON = "nothing_in_common"
    """The two know no version, suite or curve in common."""
    CONFIGURATION = "configuration"
    """Our web configuration cannot be used."""
    LEFT = "left"
    """The client left in the middle."""
    TIMEOUT = "timeout"
    """The handshake was not over in its time."""
    OTHER = "other"
    """What came is no TLS, or broken."""


# Parts of what OpenSSL says, in small letters; its releases differ in "tls", "ssl" and "ssl/tls".
_TOLD = (
    # An alert that the peer sent; those that we send have other words.
    (" alert ", HandshakeFailure.CLIENT_REFUSED),
    ("did not return a certificate", HandshakeFailure.NO_CERTIFICATE),
    ("certificate verify failed", HandshakeFailure.CERTIFICATE),
    ("unsupported protocol", HandshakeFailure.NOTHING_IN_COMMON),
    ("version too low", HandshakeFailure.NOTHING_IN_COMMON),
    ("no shared", HandshakeFailure.NOTHING_IN_COMMON),
    ("no suitable", HandshakeFailure.NOTHING_IN_COMMON),
    ("no protocols available", HandshakeFailure.NOTHING_IN_COMMON),
    ("inappropriate fallback", HandshakeFailure.NOTHING_IN_COMMON),
)


def failure_of(told: str) -> HandshakeFailure:
    """The reason for what OpenSSL says."""
    lowered = told.lower()
    return next((reason for part, reason in _TOLD if part in lowered), HandshakeFailure.OTHER)
