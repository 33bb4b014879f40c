"""The closed lists of reasons: every label value that says why something was not taken."""

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


class IdentityKind(StrEnum):
    """What kind of identity was rejected (`tickrmeter_identities_rejected_total`)."""

    DEVICE = "device"
    SYMBOL = "symbol"


class RejectionReason(StrEnum):
    """Why an identity was rejected; the bounds carry the name of their setting."""

    PATTERN = "pattern"
    MAX_DEVICES = "max_devices"
    MAX_SYMBOLS = "max_symbols"
    MAX_PAIRS = "max_pairs"


class UnmatchedReason(StrEnum):
    """Why an answer closed no request (`tickrmeter_stock_update_unmatched_total`)."""

    LATE = "late"
    DUPLICATE = "duplicate"
    UNSOLICITED = "unsolicited"


class ExpiredKind(StrEnum):
    """What kind of identity left, with all its series (`tickrmeter_series_expired_total`)."""

    DEVICE = "device"
    SYMBOL = "symbol"
    FIRMWARE = "firmware"
