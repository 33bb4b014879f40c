"""The directory of all files of jobs."""

from pathlib import Path
from tempfile import NamedTemporaryFile


class JobDirectoryError(Exception):
    """It cannot be used; the text says why."""


def make_directory(directory: Path) -> None:
    """Make it, for us alone, if it is not there.

    Raises:
        JobDirectoryError: It cannot be made, or not be written to.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        with NamedTemporaryFile(dir=directory, prefix="."):
            pass
    except OSError as error:
        raise JobDirectoryError(
            f"dagda.directory: {directory} cannot be used: {error.strerror or error}"
        ) from None
