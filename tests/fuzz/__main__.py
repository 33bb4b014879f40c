"""`python -m tests.fuzz TARGET --minutes 10`: looks for bytes that break a target's law, led by coverage.

Needs atheris: `pip install -e .[fuzz]`. What it finds is written into the working directory as `crash-…`, and
`python -m tests.fuzz TARGET FILE` runs one such file again.
"""

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from loguru import logger


def main() -> None:
    """Fuzz until the time is over, or a law is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target")
    parser.add_argument("file", nargs="?", type=Path)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--corpus", type=Path, help="a directory that keeps what was found to be new")
    options = parser.parse_args()
    atheris = importlib.import_module("atheris")
    # Before anything of ours is loaded: it is measured as it is.
    with atheris.instrument_imports(include=["otel_tickrmeter"]):
        targets = importlib.import_module("tests.fuzz.targets").TARGETS
    if options.target not in targets:
        parser.error(f"no such target: {options.target}; there are {', '.join(targets)}")
    run, seeds = targets[options.target]

    def once(data: bytes) -> None:
        run(data)  # what it says of the bytes is for the tests: here it would mean something else

    if options.file is not None:
        run(options.file.read_bytes())
        return
    logger.remove()  # nobody reads what is said of bytes that are wrong on purpose
    with tempfile.TemporaryDirectory() as temporary:
        begun, corpus = Path(temporary, "seeds"), options.corpus or Path(temporary, "corpus")
        for directory in (begun, corpus):
            directory.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(seeds):
            (begun / str(number)).write_bytes(seed)
        bounds = [f"-max_total_time={round(60 * options.minutes)}", "-max_len=8192", "-timeout=20"]
        atheris.Setup([sys.argv[0], *bounds, str(corpus), str(begun)], once)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
