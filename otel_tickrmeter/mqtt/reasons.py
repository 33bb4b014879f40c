"""What of the closed list of `LinkReason` a broker's or the network's answer means.

The numbers are MQTT 5 reason codes (specification 2.4); paho translates those of MQTT 3.1.1 into them.
"""

import errno
import socket
import ssl
from collections.abc import Mapping
from types import MappingProxyType

from otel_tickrmeter.stream.reason import LinkReason

_CONNACK: Mapping[int, LinkReason] = MappingProxyType(
    {
        0x81: LinkReason.BAD_PROTOCOL,
        0x82: LinkReason.BAD_PROTOCOL,
        0x84: LinkReason.BAD_PROTOCOL,
        0x85: LinkReason.BAD_CLIENT_ID,
        0x86: LinkReason.BAD_CREDENTIALS,
        0x87: LinkReason.NOT_AUTHORIZED,
        0x88: LinkReason.SERVER_UNAVAILABLE,
        0x89: LinkReason.SERVER_BUSY,
        0x8A: LinkReason.BANNED,
        0x8C: LinkReason.BAD_CREDENTIALS,
        0x97: LinkReason.QUOTA_EXCEEDED,
        0x9C: LinkReason.SERVER_MOVED,
        0x9D: LinkReason.SERVER_MOVED,
        0x9F: LinkReason.QUOTA_EXCEEDED,
    }
)
_SUBACK: Mapping[int, LinkReason] = MappingProxyType(
    {
        0x87: LinkReason.SUBSCRIPTION_NOT_AUTHORIZED,
        0x8F: LinkReason.SUBSCRIPTION_FILTER_INVALID,
        0x97: LinkReason.SUBSCRIPTION_QUOTA_EXCEEDED,
        0x9E: LinkReason.SUBSCRIPTION_UNSUPPORTED,
        0xA1: LinkReason.SUBSCRIPTION_UNSUPPORTED,
        0xA2: LinkReason.SUBSCRIPTION_UNSUPPORTED,
    }
)
_DISCONNECT: Mapping[int, LinkReason] = MappingProxyType(
    {
        0x87: LinkReason.BROKER_DISCONNECT_NOT_AUTHORIZED,
        0x8B: LinkReason.BROKER_DISCONNECT_SHUTDOWN,
        0x8D: LinkReason.BROKER_DISCONNECT_KEEPALIVE,
        0x8E: LinkReason.SESSION_TAKEN_OVER,
        0x93: LinkReason.BROKER_DISCONNECT_QUOTA,
        0x96: LinkReason.BROKER_DISCONNECT_QUOTA,
        0x97: LinkReason.BROKER_DISCONNECT_QUOTA,
        0x98: LinkReason.BROKER_DISCONNECT_ADMINISTRATIVE,
        0x9F: LinkReason.BROKER_DISCONNECT_QUOTA,
    }
)

# TLS 1.3 has an alert of its own for it; before, a mere failed handshake says nothing.
_WANTS_CERTIFICATE = "TLSV13_ALERT_CERTIFICATE_REQUIRED"

# What a broker says that has looked at ours and does not like it.
_REFUSES_CERTIFICATE = frozenset(
    {
        "SSLV3_ALERT_BAD_CERTIFICATE",
        "SSLV3_ALERT_CERTIFICATE_EXPIRED",
        "SSLV3_ALERT_CERTIFICATE_REVOKED",
        "SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        "SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        "TLSV1_ALERT_UNKNOWN_CA",
    }
)


def connack_reason(code: int) -> LinkReason:
    """The reason for a CONNACK that refuses."""
    return _CONNACK.get(code, LinkReason.OTHER)


def suback_reason(code: int) -> LinkReason:
    """The reason for a SUBACK that refuses; MQTT 3.1.1 knows only 0x80."""
    return _SUBACK.get(code, LinkReason.SUBSCRIPTION_REFUSED)


def disconnect_reason(code: int) -> LinkReason:
    """The reason for a DISCONNECT that the broker sent (MQTT 5 only)."""
    return _DISCONNECT.get(code, LinkReason.BROKER_DISCONNECT_OTHER)


def network_reason(error: Exception) -> LinkReason:  # noqa: PLR0911  one answer for each kind of error
    """The reason for what a socket raised, while connecting or later."""
    if isinstance(error, (socket.gaierror, UnicodeError)):  # a host name that idna cannot encode
        return LinkReason.DNS
    if isinstance(error, TimeoutError):
        return LinkReason.TIMEOUT
    if isinstance(error, ssl.SSLError):
        return LinkReason.TLS
    if isinstance(error, ConnectionRefusedError):
        return LinkReason.CONNECTION_REFUSED
    if isinstance(error, ConnectionError):
        return LinkReason.CONNECTION_RESET
    if isinstance(error, OSError) and error.errno in {errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN}:
        return LinkReason.NETWORK_UNREACHABLE
    return LinkReason.OTHER


def network_detail(error: Exception) -> str:
    """What a socket raised, for people, with the remedy where it is one of the settings."""
    if isinstance(error, ssl.SSLCertVerificationError):
        why = error.verify_message.rstrip(".")
        return f"we refused the broker's certificate: {why}; check mqtt.tls.ca_file and mqtt.tls.server_name"
    text = str(error) or type(error).__name__
    if isinstance(error, ssl.SSLError) and error.reason == _WANTS_CERTIFICATE:
        return f"the broker wants a certificate of ours, set mqtt.tls.cert_file and mqtt.tls.key_file: {text}"
    if isinstance(error, ssl.SSLError) and error.reason in _REFUSES_CERTIFICATE:
        return f"the broker refused our certificate, look at mqtt.tls.cert_file: {text}"
    if network_reason(error) == LinkReason.DNS:
        return f"the host name does not resolve, check mqtt.broker: {text}"
    return text
