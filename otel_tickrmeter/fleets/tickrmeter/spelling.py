"""One spelling for a device and for a symbol, however they are written.

Firmware generations write a MAC address in either case, with separators or without; firmware written in C
pads text with NULs. What is spelled differently and means the same must not be two identities.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Literal

DeviceIdForm = Literal["mac", "exact"]

MAX_SYMBOL = 32
"""Characters of a symbol. The longest names of indices and funds that data vendors list have some 30."""

REPLACEMENT = "\ufffd"
"""What stands for bytes that are no UTF-8: text with it is broken, and no identity."""

# Nearly all symbols are like this (BRK.B, ^GSPC, EUR/USD, BTC-USD, GC=F), and need no second look.
_PLAIN_SYMBOL = re.compile(r"[!-~]{1,32}")
# Not worth normalising: no spelling of 32 characters is as long, but for blanks around it.
_LONGEST_SPELLING = 256
_SEPARATORS = str.maketrans("", "", ":-._ \t\r\n\0")
BLANKS = " \t\r\n\0"
"""What may stand around text: firmware written in C pads it with NULs."""


def canonical_mac(text: str) -> str:
    """A MAC address in upper case without separators."""
    return (text if text.isalnum() else text.translate(_SEPARATORS)).upper()


def canonical_device_id(form: DeviceIdForm) -> Callable[[str], str]:
    """How ids of this form get their one spelling."""
    return canonical_mac if form == "mac" else str


def canonical_symbol(text: str) -> str | None:
    """A symbol without blanks around it, normalised (NFC); None for what is no symbol.

    A symbol is printable text of any script, of 1 to MAX_SYMBOL characters: `S&P 500`, `Nestlé`.
    """
    if _PLAIN_SYMBOL.fullmatch(text):
        return text
    text = text.strip(BLANKS).strip()
    if len(text) > _LONGEST_SPELLING:
        return None
    text = unicodedata.normalize("NFC", text)
    if not 0 < len(text) <= MAX_SYMBOL or not text.isprintable() or REPLACEMENT in text:
        return None
    return text
