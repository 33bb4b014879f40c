r"""Replaces who and what a message is about, the same by the same; figures and faults stay.

A word is replaced by one of the same length: letters by letters of the same case, digits by digits, twelve
hexadecimal digits (with or without separators) by twelve others; an IP address by one of 10.0.0.0/8.
Kept are words of the messages themselves, numbers up to 999, figures and times, names of fields, and one word
that says what state, version or kind something is of. All else in a payload, JSON or not, is replaced: also a
key of JSON that is a name or an id and not that of a field.
"""

import re
from collections.abc import Collection
from hashlib import blake2b
from itertools import chain

from otel_tickrmeter.capture.chunk import Captured
from otel_tickrmeter.stream.message import Lost, Message, Refused

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)("\s*:)?', re.DOTALL)
_ID = re.compile(r"(?<![0-9A-Za-z])(?:[0-9A-Fa-f]{2}[:-]?){5}[0-9A-Fa-f]{2}(?![0-9A-Za-z])")
_WORD = re.compile(
    r"(?P<escape>\\u[0-9A-Fa-f]{4}|\\.)"
    rf"|(?P<id>{_ID.pattern})"
    r"|(?P<ip>(?<![0-9.])[0-9]{1,3}(?:\.[0-9]{1,3}){3}(?![0-9.]))"
    r"|[0-9A-Za-z_]+|[^\x00-\x7f]",
    re.DOTALL,
)
# A field that is read has such a name, whatever else is called the same.
_FIELD = re.compile(r"[a-z_]*")
# What begins with a digit, or has three: no field that is read.
_NUMBERED = re.compile(r"[0-9]|(?:[^0-9]*[0-9]){3}")
_HEX_ID = re.compile(r"[0-9A-F]{12}")
# A number with a unit or a currency's sign, a version, a time.
_FIGURE = re.compile(
    r"[^\w]?[+-]?[0-9]{1,9}([.,][0-9]+){0,2}\s?[A-Za-z%°]{0,4}|[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:.,Z+-]+"
)
_TELLING = re.compile(
    "firmware|version|hardware|status|state|type|event|reason|unit|action|kind|trigger", re.IGNORECASE
)
_ONE_WORD = re.compile(r"[\w.:+-]{1,32}")
_LITERALS = frozenset({"true", "false", "null", "nan", "infinity", "e"})
_USUAL = ("on", "off", "yes", "no", "online", "offline", "true", "false", "null", "update", "boot")
_DIGITS = "0123456789"
_HEX = "0123456789ABCDEF"
_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TRIES = 200
_SMALL = 3


class Anonymiser:
    """Remembers what it has replaced by what, for as long as it lives.

    Args:
        key: Random bytes: who does not have them cannot tell what was replaced.
        words: What is kept, in any case.
    """

    def __init__(self, key: bytes, words: Collection[str]) -> None:
        self._key = key
        self._kept = {word.upper() for word in chain(words, _USUAL)}
        self._by: dict[str, str] = {}
        self._taken: set[str] = set()

    def item(self, item: Captured) -> Captured:
        """Replace in whatever was handed over."""
        if isinstance(item, list):
            return [self.message(message) for message in item]
        if isinstance(item, Refused):
            return Refused(item.at_ns, item.reason, item.reason.value)
        if isinstance(item, Lost):
            return Lost(item.at_ns, item.reason, item.reason.value)
        return item

    def message(self, message: Message) -> Message:
        """Replace in topic and payload."""
        topic = self._text(message.topic.decode(errors="surrogateescape"))
        payload = self._payload(message.payload.decode(errors="surrogateescape"))
        return message._replace(
            topic=topic.encode(errors="surrogateescape"), payload=payload.encode(errors="surrogateescape")
        )

    def _payload(self, payload: str) -> str:
        parts = []
        keys = []
        at = 0
        field = ""
        for found in _STRING.finditer(payload):
            parts.append(self._outside(payload[at : found.start()]))
            at = found.end()
            if found[2] is not None:
                field = "" if _is_name(found[1]) else found[1]
                keys.append((len(parts), found))
                parts.append(found[0])
            else:
                parts.append(f'"{self._value(field, found[1])}')
        parts.append(self._outside(payload[at:]))
        # When all values are known: one that stands behind its key, too.
        for place, found in keys:
            if _is_name(found[1]) or self._is_known(found[1]):
                parts[place] = f'"{self._text(found[1])}{found[2]}'
        return "".join(parts)

    def _is_known(self, key: str) -> bool:
        """Whether a key is a word that is replaced elsewhere."""
        return not _FIELD.fullmatch(key) and key.upper() in self._by

    def _outside(self, text: str) -> str:
        """What is in no string: literals and figures, or a fault."""
        return _WORD.sub(lambda found: found[0] if _is_literal(found[0]) else self._word(found), text)

    def _value(self, field: str, text: str) -> str:
        is_id = _HEX_ID.fullmatch(text.upper())
        if _FIGURE.fullmatch(text) and not is_id:
            return text
        if _TELLING.search(field) and _ONE_WORD.fullmatch(text) and not is_id:
            return text
        return self._text(text)

    def _text(self, text: str) -> str:
        return _WORD.sub(self._word, text)

    def _word(self, found: re.Match[str]) -> str:
        word = found[0]
        if found["escape"]:
            return word if len(word) == len(r"\n") else r"\u0078"
        if word.upper() in self._kept or (word.isdecimal() and len(word) <= _SMALL):
            return word
        if not word.isascii():
            # What is no UTF-8 stays none.
            return word if "\udc80" <= word <= "\udcff" else "x"
        if found["ip"]:
            return self._address(word)
        bare = "".join(char for char in word if char.isalnum()).upper()
        other = self._other(bare, is_id=found["id"] is not None)
        if found["id"]:
            others = iter(other.lower() if word.lower() == word else other)
            return "".join(next(others) if char.isalnum() else char for char in word)
        others = iter(other)
        return "".join(_in_case_of(char, next(others)) if char.isalnum() else char for char in word)

    def _address(self, word: str) -> str:
        digest = blake2b(word.encode(), key=self._key, digest_size=3).digest()
        return ".".join(map(str, (10, *digest)))

    def _other(self, word: str, *, is_id: bool) -> str:
        known = self._by.get(word)
        if known is not None:
            return known
        for number in range(_TRIES):
            other = self._made_up(word, number, is_id=is_id)
            if other not in self._taken and other not in self._kept:
                break
        # Of a word that is too short for so many, two become one.
        self._taken.add(other)
        self._by[word] = other
        return other

    def _made_up(self, word: str, number: int, *, is_id: bool) -> str:
        made = []
        for place, char in enumerate(word):
            seed = blake2b(f"{word}/{number}/{place}".encode(), key=self._key, digest_size=8).digest()
            signs = _HEX if is_id else _DIGITS if char.isdigit() else _LETTERS
            made.append(signs[int.from_bytes(seed) % len(signs)])
        return "".join(made)


def _is_name(key: str) -> bool:
    """Whether a key of JSON is none of a field: an id, an address, or more than one word."""
    return bool(_ID.search(key) or _NUMBERED.match(key)) or len(_WORD.findall(key)) > 1


def _is_literal(word: str) -> bool:
    return word.lower() in _LITERALS or word[0].isdigit()


def _in_case_of(char: str, other: str) -> str:
    return other.lower() if char.islower() else other
