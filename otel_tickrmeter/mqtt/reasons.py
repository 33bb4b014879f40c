"""Why a connection was refused or lost: the closed list behind the `reason` of the link events.

The numbers are MQTT 5 reason codes (specification 2.4); paho translates those of MQTT 3.1.1 into them.
"""

import errno
import socket
import ssl
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class LinkReason(StrEnum):
    """Every `reason` a `Refused` or a `Lost` can carry."""

    # The network, before the broker could answer.
    DNS = "dns"
    NETWORK_UNREACHABLE = "network_unreachable"
    CONNECTION_REFUSED = "connection_refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    WEBSOCKET = "websocket"
    # The broker's answer to CONNECT.
    BAD_PROTOCOL = "bad_protocol"
    BAD_CLIENT_ID = "bad_client_id"
    BAD_CREDENTIALS = "bad_credentials"
    NOT_AUTHORIZED = "not_authorized"
    SERVER_UNAVAILABLE = "server_unavailable"
    SERVER_BUSY = "server_busy"
    SERVER_MOVED = "server_moved"
    BANNED = "banned"
    QUOTA_EXCEEDED = "quota_exceeded"
    # The broker's answer to SUBSCRIBE.
    SUBSCRIPTION_REFUSED = "subscription_refused"
    SUBSCRIPTION_NOT_AUTHORIZED = "subscription_not_authorized"
    SUBSCRIPTION_FILTER_INVALID = "subscription_filter_invalid"
    SUBSCRIPTION_QUOTA_EXCEEDED = "subscription_quota_exceeded"
    SUBSCRIPTION_UNSUPPORTED = "subscription_unsupported"
    # The end of an accepted connection.
    KEEPALIVE_TIMEOUT = "keepalive_timeout"
    CONNECTION_RESET = "connection_reset"
    CLOSED_BY_BROKER = "closed_by_broker"
    SESSION_TAKEN_OVER = "session_taken_over"
    BROKER_DISCONNECT_SHUTDOWN = "broker_disconnect_shutdown"
    BROKER_DISCONNECT_NOT_AUTHORIZED = "broker_disconnect_not_authorized"
    BROKER_DISCONNECT_KEEPALIVE = "broker_disconnect_keepalive"
    BROKER_DISCONNECT_QUOTA = "broker_disconnect_quota"
    BROKER_DISCONNECT_ADMINISTRATIVE = "broker_disconnect_administrative"
    BROKER_DISCONNECT_OTHER = "broker_disconnect_other"
    # Ours.
    PROTOCOL_ERROR = "protocol_error"
    RECEIVER_DIED = "receiver_died"
    OTHER = "other"


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
