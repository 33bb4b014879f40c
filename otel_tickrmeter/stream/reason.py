"""The closed lists of reasons about messages and the link: what was wrong with either."""

from enum import StrEnum


class ErrorReason(StrEnum):
    """Why a message, or a field of it, was set aside (`tickrmeter_message_errors_total`)."""

    OVERSIZE = "oversize"
    EMPTY = "empty"
    BAD_UTF8 = "bad_utf8"
    BAD_JSON = "bad_json"
    NOT_OBJECT = "not_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"
    RETAINED = "retained"
    DUPLICATE = "duplicate"
    OVERFLOW = "overflow"
    INTERNAL = "internal"


class Repair(StrEnum):
    """What was repaired of a payload that is no JSON (`tickrmeter_messages_repaired_total`).

    LENIENT: nothing in particular, a less strict parser took it (control characters, numbers too large).
    """

    PADDING = "padding"
    BYTE_ORDER_MARK = "byte_order_mark"
    BAD_UTF8 = "bad_utf8"
    NOT_A_NUMBER = "not_a_number"
    LENIENT = "lenient"


class LinkReason(StrEnum):
    """Why a connection was refused or lost (`tickrmeter_mqtt_connection_changes_total`)."""

    # The network, or a file of ours, before the broker could answer.
    DNS = "dns"
    NETWORK_UNREACHABLE = "network_unreachable"
    CONNECTION_REFUSED = "connection_refused"
    TIMEOUT = "timeout"
    TLS = "tls"
    WEBSOCKET = "websocket"
    PASSWORD_FILE = "password_file"  # noqa: S105  a reason
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
    RECEIVER_SILENT = "receiver_silent"
    OTHER = "other"


SUBSCRIBED = "subscribed"
"""The reason of a connection change for the better."""

NO_ANSWER = frozenset(
    {
        LinkReason.DNS,
        LinkReason.NETWORK_UNREACHABLE,
        LinkReason.CONNECTION_REFUSED,
        LinkReason.TIMEOUT,
        LinkReason.TLS,
        LinkReason.WEBSOCKET,
        LinkReason.CONNECTION_RESET,
        LinkReason.CLOSED_BY_BROKER,
        LinkReason.RECEIVER_DIED,
        LinkReason.OTHER,
    }
)
"""Refusals without a broker's word for it: the network's, what stands before the broker, or our own."""
