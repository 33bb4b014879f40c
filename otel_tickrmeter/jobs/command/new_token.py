"""Makes a token."""

import os
import secrets
import sys
from pathlib import Path

from otel_tickrmeter.jobs.asked import Caller
from otel_tickrmeter.jobs.tokens import entry_line

_BYTES = 32


def make_token(caller: Caller, output: Path | None) -> int:
    """Make one, and print the line for the file of tokens; the exit code.

    The token is printed before it, or written to a file that was not there, which only its owner can read.
    """
    token = secrets.token_urlsafe(_BYTES)
    if output is None:
        sys.stderr.write("The token, which cannot be shown again, and the line for dagda.tokens_file:\n")
        sys.stdout.write(f"{token}\n")
    else:
        try:
            with os.fdopen(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
                file.write(f"{token}\n")
        except OSError as error:
            sys.stderr.write(f"otel-tickrmeter jobs: {output} cannot be made: {error.strerror}\n")
            return 2
    sys.stdout.write(f"{entry_line(caller, token)}\n")
    return 0
