"""Tokens of operators: who may ask, and as what. Pure; a file has a token's SHA-256, never the token.

Each line is NAME ROLE SHA256. What stands behind `#` at the beginning of a line is a remark. A name may have
several lines, all with the same role: a new token beside the old one, until nobody uses that any more.
"""

import hashlib
import hmac
import re
from codecs import BOM_UTF8
from collections.abc import Sequence
from dataclasses import dataclass, field

from otel_tickrmeter.jobs.asked import SYSTEM, Caller, Role
from otel_tickrmeter.settings.faults import Fault, SettingsError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@-]{0,63}")
_DIGEST = re.compile(r"[0-9A-Fa-f]{64}")
_COLUMNS = 3
_ROLES = tuple(role.value for role in Role)
_MOST = 1_000


@dataclass(frozen=True, slots=True)
class TokenEntry:
    """A line of the file."""

    caller: Caller
    digest: bytes = field(repr=False)


def check_name(text: str) -> str:
    """The text, if an operator can be called that.

    Raises:
        ValueError: He cannot. The message does not hold the text.
    """
    if not _NAME.fullmatch(text):
        raise ValueError("must have letters, digits and -._@, 64 at most, and begin with a letter or digit")
    if text == SYSTEM:
        raise ValueError(f"must not be {SYSTEM}: that is the owner of what the schedule starts")
    return text


def entry_line(caller: Caller, token: str) -> str:
    """The line of the file for a token."""
    return f"{caller.name} {caller.role.value} {_digest(token).hex()}"


def read_tokens(raw: bytes, path: str) -> tuple[TokenEntry, ...]:
    """The entries of a file's content.

    Args:
        raw: The content.
        path: How the file is named in faults.

    Raises:
        SettingsError: With every fault. No message holds anything that stands in the file but a name.
    """
    faults: list[Fault] = []
    entries: list[TokenEntry] = []
    roles: dict[str, tuple[Role, int]] = {}
    digests: dict[bytes, int] = {}
    for number, line in enumerate(raw.removeprefix(BOM_UTF8).splitlines(), 1):
        words = [word.decode("ascii", "replace") for word in line.split()]
        if not words or words[0].startswith("#"):
            continue
        wrong = _faults(words)
        if not wrong:
            name, role, digest = words
            entry = TokenEntry(Caller(name, Role(role)), bytes.fromhex(digest))
            first_role, first = roles.setdefault(name, (entry.caller.role, number))
            if first_role is not entry.caller.role:
                wrong.append(f"{name} has the role {first_role.value} in line {first}")
            first = digests.setdefault(entry.digest, number)
            if first != number:
                wrong.append(f"has the token of line {first}")
            entries.append(entry)
        faults += [Fault(f"{path}:{number}", "", text) for text in wrong]
    if len(entries) > _MOST:
        faults.append(Fault(path, "", f"has more than {_MOST} tokens"))
    if faults:
        raise SettingsError(faults)
    return tuple(entries)


def caller_of(entries: Sequence[TokenEntry], token: str) -> Caller | None:
    """Whose token it is; None: nobody's. It takes as long whether and wherever it is found."""
    digest = _digest(token)
    found = None
    for entry in entries:
        if hmac.compare_digest(entry.digest, digest):
            found = entry.caller
    return found


def _faults(words: Sequence[str]) -> list[str]:
    if len(words) != _COLUMNS:
        return ["must have a name, a role and the SHA-256 of a token, with blanks between them"]
    name, role, digest = words
    found: list[str] = []
    try:
        check_name(name)
    except ValueError as error:
        found.append(f"the name {error}")
    if role not in _ROLES:
        found.append(f"the role must be one of {', '.join(_ROLES)}")
    if not _DIGEST.fullmatch(digest):
        found.append(
            "the SHA-256 must have 64 hexadecimal digits: `otel-tickrmeter jobs token` makes such a line"
        )
    return found


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
