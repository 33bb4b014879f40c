"""Files that workers write."""

from pathlib import Path
from secrets import token_hex


def write_output(path: Path, content: bytes) -> None:
    """Write a file at once: whoever reads it sees all of it, or what was there before.

    Raises:
        OSError: It cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{token_hex(4)}.part")
    try:
        draft.write_bytes(content)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
