"""The closed lists of reasons about devices, symbols and requests: label values."""

from enum import StrEnum


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


class Misspelt(StrEnum):
    """Of which kind the identity is that fails its pattern, as the log and the dead letters have it."""

    DEVICE = "device_pattern"
    SYMBOL = "symbol_pattern"


class DisplacedKind(StrEnum):
    """What gave way at a bound (`tickrmeter_identities_displaced_total`)."""

    PAIR = "pair"
    SYMBOL = "symbol"


class RequestEvent(StrEnum):
    """A request, or one of its ends, which add up (`tickrmeter_stock_update_events_total`)."""

    REQUESTED = "requested"
    ANSWERED = "answered"
    TIMEOUT = "timeout"
    SUPERSEDED = "superseded"
    ABANDONED = "abandoned"


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
