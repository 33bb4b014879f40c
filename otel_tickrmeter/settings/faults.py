"""What is wrong with the settings, and where: every fault is collected before any is reported."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing to correct.

    `location` is a file with its line, an environment variable or an option; `key` is the dotted key, empty
    where a file as a whole is at fault. `message` never contains a secret.
    """

    location: str
    key: str
    message: str

    def __str__(self) -> str:
        text = ": ".join(part for part in (self.location, self.key, self.message) if part)
        # Names and values come from files and the environment: none may break the line or steer a terminal.
        return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


class SettingsError(Exception):
    """The settings cannot be used; `faults` has every reason, in the order of the sources."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(str(fault) for fault in self.faults))


def unknown(location: str, name: str, known: Iterable[str]) -> Fault:
    """The fault for a name nobody knows, with the nearest known one."""
    # The matching is quadratic, and the name is a stranger's: no known one is half as long as this cut.
    shown = name[:80]
    nearest = get_close_matches(shown, known, n=1, cutoff=0.5)
    advice = f"; did you mean {nearest[0]}?" if nearest else ""
    return Fault(location, shown, f"unknown{advice}")
