"""The lives of an exporter that is restarted: what each heard, and whether its counters went on."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

CAPTURE = "arrived.gz"


class Life(NamedTuple):
    """The files of its capture; `counted`: the counters of the next one go on where its own ended."""

    files: list[Path]
    counted: bool


class Lives:
    """What was captured in `directory`, life by life; `crashed` is told of each whose counters are gone.

    Attributes:
        faults: Exit codes that should not be.
    """

    def __init__(self, directory: Path, crashed: Callable[[], None]) -> None:
        self._directory = directory
        self._crashed = crashed
        self._ended: list[Life] = []
        self.faults: list[str] = []

    def end(self, *, code: int, saved: bool) -> None:
        """A life is over: its capture makes room for the next one's."""
        if code != 0:
            self.faults.append(f"exit code {code} of life {len(self._ended)}")
        if not saved:
            self._crashed()
        place = self._directory / f"life-{len(self._ended)}"
        place.mkdir()
        files = [file.rename(place / file.name) for file in self._files()]
        self._ended.append(Life(files, saved))

    def all(self) -> Iterator[Life]:
        """Those that are over, in their order."""
        yield from self._ended

    def _files(self) -> list[Path]:
        return sorted(self._directory.glob(f"{CAPTURE}*"))
