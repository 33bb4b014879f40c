"""Whose token is whose: the file's faults, its changes, and that nothing of it gets out."""

import hashlib
import os
from pathlib import Path

import anyio
import pytest
from loguru import logger

from otel_tickrmeter.jobs.asked import Caller, Role
from otel_tickrmeter.jobs.token_file import TokenFile, TokensUnusableError, check_tokens_file
from otel_tickrmeter.jobs.tokens import caller_of, check_name, entry_line, read_tokens
from otel_tickrmeter.settings.faults import SettingsError

ANN, BOB = Caller("ann", Role.OPERATE), Caller("bob@example", Role.ADMIN)
DIGEST = "ab" * 32


def faults(text: str | bytes) -> list[str]:
    raw = text if isinstance(text, bytes) else text.encode()
    with pytest.raises(SettingsError) as caught:
        read_tokens(raw, "f")
    return [str(fault) for fault in caught.value.faults]


def test_a_token_is_its_callers_and_nobody_elses() -> None:
    lines = [entry_line(ANN, "one"), "", "# a remark"]
    lines += [entry_line(BOB, "two"), entry_line(ANN, "new")]
    entries = read_tokens("\r\n".join(lines).encode(), "f")
    for token, caller in (("one", ANN), ("two", BOB), ("new", ANN)):
        assert caller_of(entries, token) == caller
    for token in ("", "On", "one ", "ONE", "\udcff", hashlib.sha256(b"one").hexdigest(), "ann"):
        assert caller_of(entries, token) is None
    assert caller_of((), "one") is None


def test_a_digest_may_be_in_capitals_and_a_file_may_have_a_mark_or_nothing() -> None:
    line = entry_line(ANN, "one")
    digest = line.rpartition(" ")[2]
    entries = read_tokens(b"\xef\xbb\xbf" + line.replace(digest, digest.upper()).encode(), "f")
    assert caller_of(entries, "one") == ANN
    assert read_tokens(b"", "f") == ()
    assert read_tokens(b"# nobody yet", "f") == ()


def test_what_is_kept_shows_no_digest() -> None:
    entries = read_tokens(entry_line(ANN, "one").encode(), "f")
    assert "digest" not in repr(entries)
    assert "one" not in entry_line(ANN, "one")


def test_every_fault_is_told_with_its_place_and_nothing_of_the_token() -> None:
    text = f"ann operate {DIGEST}\n\nann\nbob root {DIGEST[2:]}\n-c operate x\nsystem admin {'cd' * 32}\n"
    assert faults(text + f"ann admin {DIGEST}\nd operate {DIGEST} e\n") == [
        "f:3: must have a name, a role and the SHA-256 of a token, with blanks between them",
        "f:4: the role must be one of operate, admin",
        "f:4: the SHA-256 must have 64 hexadecimal digits: `otel-tickrmeter jobs token` makes such a line",
        "f:5: the name must have letters, digits and -._@, 64 at most, and begin with a letter or digit",
        "f:5: the SHA-256 must have 64 hexadecimal digits: `otel-tickrmeter jobs token` makes such a line",
        "f:6: the name must not be system: that is the owner of what the schedule starts",
        "f:7: ann has the role operate in line 1",
        "f:7: has the token of line 1",
        "f:8: must have a name, a role and the SHA-256 of a token, with blanks between them",
    ]


@pytest.mark.parametrize(
    "secret", ["hunter2", "gAAAAABhunter2", "\u043f\u0430\u0440\u043e\u043b\u044c", "\x1b[2J"]
)
def test_a_token_in_the_place_of_anything_is_not_told(secret: str) -> None:
    for line in (
        secret,
        f"{secret}!",
        f"ann {secret} {DIGEST}",
        f"ann operate {secret}",
        f"ann operate {DIGEST} {secret}",
    ):
        assert not any(secret in fault or "\x1b" in fault for fault in faults(line)), line


def test_bytes_that_are_no_text_are_faults() -> None:
    assert len(faults(b"\xff\xfe operate " + DIGEST.encode())) == 1
    assert len(faults(b"\x00")) == 1
    many = "".join(f"n{number} admin {number:064x}\n" for number in range(1_001))
    assert faults(many) == ["f: has more than 1000 tokens"]


@pytest.mark.parametrize("name", ["", "a b", "a" * 65, "é", ".a", "a/b", "a\n", "system"])
def test_nobody_is_called_that(name: str) -> None:
    with pytest.raises(ValueError, match=r"\Amust"):
        check_name(name)


def ask(file: TokenFile, token: str) -> Caller | None:
    return anyio.run(file.caller, token)


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    path.write_text(entry_line(ANN, "one"))
    said: list[str] = []
    sink = logger.add(lambda message: said.append(message.record["message"]), level="INFO")
    try:
        file = TokenFile(path)
        assert ask(file, "one") == ask(file, "one") == ANN
        assert said == []
        path.write_text(entry_line(BOB, "two") + "\n")
        assert ask(file, "one") is None
        assert ask(file, "two") == BOB
        assert said == [f"Jobs: {path} has changed, and was read anew"]
        path.write_text("secret-token\n" * 2)
        for _ in range(3):
            with pytest.raises(TokensUnusableError):
                ask(file, "two")
        assert len(said) == 3
        assert "secret-token" not in str(said)
        path.unlink()
        with pytest.raises(TokensUnusableError):
            ask(file, "two")
        assert said[-1] == f"Jobs: nobody can use a token: {path}: cannot be read: No such file or directory"
        path.write_text(entry_line(ANN, "one"))
        assert ask(file, "one") == ANN
    finally:
        logger.remove(sink)


def test_a_file_put_in_the_place_of_another_is_noticed(tmp_path: Path) -> None:
    path, other = tmp_path / "tokens", tmp_path / "other"
    path.write_text(entry_line(ANN, "one"))
    file = TokenFile(path)
    assert ask(file, "one") == ANN
    other.write_text(entry_line(ANN, "two"))
    os.utime(other, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns))
    other.replace(path)
    assert (ask(file, "one"), ask(file, "two")) == (None, ANN)


def test_what_is_wrong_with_a_file_can_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "tokens"
    assert [str(fault) for fault in check_tokens_file(path)] == [
        f"{path}: cannot be read: No such file or directory"
    ]
    path.write_text("x")
    assert len(check_tokens_file(path)) == 1
    path.write_text(entry_line(ANN, "one"))
    assert check_tokens_file(path) == ()
    assert "longer than" in str(check_tokens_file(Path("/dev/zero"))[0])
