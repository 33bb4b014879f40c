"""The dead-letter file: rotated, torn, moved away, on a full disk."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from otel_tickrmeter.letters.files import LetterFiles

LINE = b"123456789\n"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "letters"


def opened(path: Path, max_bytes: int = 10**6, kept: int = 3) -> LetterFiles:
    files = LetterFiles(path, max_bytes, kept)
    files.open()
    return files


def there(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.parent.iterdir()}


def append_all(files: LetterFiles, lines: list[bytes]) -> None:
    while lines:
        lines = lines[files.append(lines) :]


def test_it_is_for_its_owner_alone_and_grows_over_restarts(path: Path) -> None:
    for _ in range(2):
        files = opened(path)
        assert files.append([LINE, LINE]) == 2
        files.close()
    assert path.read_bytes() == LINE * 4
    assert path.stat().st_mode & 0o777 == 0o600


def test_full_files_move_on_and_the_oldest_goes(path: Path) -> None:
    files = opened(path, 25, 2)
    lines = [b"%09d\n" % number for number in range(9)]
    append_all(files, lines)
    assert there(path) == {
        "letters": lines[8],
        "letters.1": b"".join(lines[6:8]),
        "letters.2": b"".join(lines[4:6]),
    }
    files.close()


def test_without_kept_files_there_is_one(path: Path) -> None:
    files = opened(path, 25, 0)
    append_all(files, [LINE] * 5)
    assert there(path) == {"letters": LINE}
    files.close()


def test_a_line_larger_than_a_file_has_one_for_itself(path: Path) -> None:
    files = opened(path, 5, 2)
    append_all(files, [LINE, LINE])
    assert there(path) == {"letters": LINE, "letters.1": LINE}
    files.close()


def test_a_line_that_was_cut_off_stays_alone(path: Path) -> None:
    path.write_bytes(LINE + b"123")
    files = opened(path)
    files.append([LINE, LINE])
    files.append([LINE])
    assert path.read_bytes() == LINE + b"123\n" + 3 * LINE
    files.close()


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_file_that_is_moved_away_is_begun_anew(path: Path, how: str) -> None:
    files = opened(path)
    files.append([LINE])
    if how == "removed":
        path.unlink()
    else:
        path.rename(path.with_name("away"))
    if how == "replaced":
        path.touch()
    files.append([LINE])
    assert path.read_bytes() == LINE
    files.close()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Lets no file of this process grow beyond `size` bytes: the kernel takes a part, then refuses."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_fits_on_a_disk_that_gets_full_is_written_and_the_rest_is_told(path: Path) -> None:
    size = 1 << 20
    begin = b"x" * (size - 26) + b"\n"
    path.write_bytes(begin)
    files = opened(path, 10 * size)
    with files_of_at_most(size):
        assert files.append([LINE] * 5) == 2
        assert path.read_bytes() == begin + LINE * 2 + LINE[:5]
        for _ in range(2):
            with pytest.raises(OSError, match="File too large"):
                files.append([LINE])
    assert files.append([LINE, LINE]) == 2
    assert path.read_bytes() == begin + LINE * 2 + LINE[:5] + b"\n" + LINE * 2
    files.close()


def test_a_full_file_that_cannot_be_moved_does_not_grow(path: Path) -> None:
    files = opened(path, 25, 1)
    (path.with_name("letters.1") / "in the way").mkdir(parents=True)
    assert files.append([LINE] * 3) == 2
    with pytest.raises(IsADirectoryError):
        files.append([LINE])
    assert path.read_bytes() == LINE * 2
    files.close()
