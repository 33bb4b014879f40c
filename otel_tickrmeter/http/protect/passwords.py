"""Passwords against bcrypt hashes: one at a time, in a thread, for known and unknown users alike.

A check takes tens of milliseconds by design. One that was right is remembered, so that a scrape costs none.
"""

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Mapping

import anyio
import bcrypt

_REMEMBERED = 100
# What bcrypt looks at; the library refuses more, where Go leaves it out.
_LONGEST_PASSWORD = 72


class Passwords:
    """Checks passwords. What it remembers of them is a keyed digest, with a key of this very object."""

    def __init__(self) -> None:
        # With more, who guesses would have every core.
        self._turn = anyio.CapacityLimiter(1)
        self._key = secrets.token_bytes(32)
        self._right: OrderedDict[bytes, None] = OrderedDict()

    async def match(self, users: Mapping[str, bytes], user: str, password: bytes) -> bool:
        """Whether the user is one of these and this is the password; as long when there is no such user."""
        known = users.get(user)
        expected = _decoy(users) if known is None else known
        digest = self._digest(user, expected, password)
        if digest in self._right:
            self._right.move_to_end(digest)
            return True
        right = await anyio.to_thread.run_sync(_check, password, expected, limiter=self._turn)
        if not right or known is None:
            return False
        self._right[digest] = None
        if len(self._right) > _REMEMBERED:
            self._right.popitem(last=False)
        return True

    def _digest(self, user: str, expected: bytes, password: bytes) -> bytes:
        keyed = hashlib.blake2b(key=self._key)
        for part in (user.encode("utf-8", "surrogateescape"), expected, password):
            keyed.update(len(part).to_bytes(4, "big") + part)
        return keyed.digest()


def _check(password: bytes, expected: bytes) -> bool:
    try:
        return bcrypt.checkpw(password[:_LONGEST_PASSWORD], expected)
    except ValueError:  # a hash with bits that none has
        return False


def _decoy(users: Mapping[str, bytes]) -> bytes:
    """A hash that costs what those of the users cost; no password of anybody has it."""
    cost = max(int(known[4:6]) for known in users.values())
    return b"$2b$%02d$" % cost + b"." * 53
