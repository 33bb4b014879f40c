"""Passwords: what they cost, what is remembered, and how they come."""

import base64
from functools import partial

import anyio
import bcrypt
import pytest

from otel_tickrmeter.http.protect.passwords import Passwords
from otel_tickrmeter.http.protect.protection import credentials

HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4))
USERS = {"alice": HASH, "bob": HASH}


@pytest.fixture
def checked(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    hashes: list[bytes] = []
    real = bcrypt.checkpw

    def check(password: bytes, expected: bytes) -> bool:
        hashes.append(expected)
        return real(password, expected)

    monkeypatch.setattr(bcrypt, "checkpw", check)
    return hashes


def match(passwords: Passwords, user: str, password: bytes, users: dict[str, bytes] = USERS) -> bool:
    return anyio.run(partial(passwords.match, users, user, password))


def test_a_right_one_is_checked_once_and_a_wrong_one_each_time(checked: list[bytes]) -> None:
    passwords = Passwords()
    assert [match(passwords, "alice", b"secret") for _ in range(3)] == [True] * 3
    assert len(checked) == 1
    assert [match(passwords, "alice", b"wrong") for _ in range(3)] == [False] * 3
    assert len(checked) == 4
    assert match(passwords, "bob", b"secret")
    assert len(checked) == 5


def test_a_new_hash_ends_what_is_remembered(checked: list[bytes]) -> None:
    passwords = Passwords()
    assert match(passwords, "alice", b"secret")
    changed = {"alice": bcrypt.hashpw(b"other", bcrypt.gensalt(4))}
    assert not match(passwords, "alice", b"secret", changed)
    assert not match(passwords, "alice", b"secret", {"bob": HASH})
    assert len(checked) == 3


def test_a_stranger_costs_what_the_dearest_user_does(checked: list[bytes]) -> None:
    assert not match(Passwords(), "mallory", b"secret", {"a": HASH, "b": HASH.replace(b"$04$", b"$05$")})
    (decoy,) = checked
    assert decoy.startswith(b"$2b$05$")
    assert bcrypt.hashpw(b"x", decoy)[:29] == decoy[:29]  # bcrypt takes it for a hash


def test_a_stranger_stays_one_whatever_bcrypt_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bcrypt, "checkpw", lambda _, __: True)
    passwords = Passwords()
    assert [match(passwords, "mallory", b"x") for _ in range(2)] == [False] * 2
    assert match(passwords, "alice", b"x")


def test_a_hundred_are_remembered(checked: list[bytes]) -> None:
    passwords = Passwords()
    users = {str(number): HASH for number in range(101)}
    for user in users:
        assert match(passwords, user, b"secret", users)
    assert match(passwords, "100", b"secret", users)
    assert len(checked) == 101
    assert match(passwords, "0", b"secret", users)
    assert len(checked) == 102


def test_a_hash_that_no_password_has_lets_nobody_in() -> None:
    assert not match(Passwords(), "a", b"secret", {"a": b"$2b$04$" + b"z" * 53})


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (None, None),
        (b"", None),
        (b"Basic", None),
        (b"Bearer " + base64.b64encode(b"a:b"), None),
        (b"Basic " + base64.b64encode(b"a"), None),
        (b"Basic a", None),
        (b"Basic \xff", None),
        (b"BASIC " + base64.b64encode(b"a:b"), ("a", b"b")),
        (b"Basic " + base64.b64encode(b":"), ("", b"")),
        (b"Basic " + base64.b64encode(b"a:b:\xff"), ("a", b"b:\xff")),
        (b"Basic " + base64.b64encode("ä:b".encode()), ("ä", b"b")),
        (b"Basic " + base64.b64encode(b"\xff:b"), ("\udcff", b"b")),
    ],
)
def test_headers(header: bytes | None, expected: tuple[str, bytes] | None) -> None:
    assert credentials(header) == expected


def test_a_name_of_any_bytes_is_somebody_unknown() -> None:
    assert not match(Passwords(), "\udcff", b"\xff\0")
