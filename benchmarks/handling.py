"""What handling a message costs here, and in another checkout beside it: `python -m benchmarks.handling DIR`.

Both run in turns, so that a noisy moment meets both. For a change that must not cost the hot path anything:
give it the commit before (`git worktree add DIR COMMIT`).
"""

import argparse
import os
import statistics
import subprocess
import sys
from pathlib import Path

from benchmarks.figure import number

_HERE = Path(__file__).parent.parent
_WORKER = Path(__file__).parent / "inside" / "handling.py"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.handling", description=__doc__)
    parser.add_argument("other", type=Path, metavar="DIR", help="a checkout to compare with")
    parser.add_argument("--pairs", type=int, default=15)
    options = parser.parse_args()
    pairs = [(_measure(_HERE), _measure(options.other.resolve())) for _ in range(options.pairs)]
    ours, others = zip(*pairs, strict=True)
    ratio = statistics.median(here / there for here, there in pairs)
    print("| a message, handled | µs of CPU, median | least |\n| --- | --- | --- |")  # noqa: T201  the output
    for name, figures in (("here", ours), ("there", others)):
        print(f"| {name} | {number(statistics.median(figures) / 1e3)} | {number(min(figures) / 1e3)} |")  # noqa: T201
    print(f"\nhere / there: {ratio:.3f} (median of {len(pairs)} pairs)")  # noqa: T201  the output


def _measure(checkout: Path) -> float:
    worker = subprocess.run(  # noqa: S603  our own interpreter, our own modules
        [sys.executable, "-P", _WORKER],
        env={**os.environ, "PYTHONPATH": str(checkout)},
        check=True,
        capture_output=True,
    )
    return float(worker.stdout)


if __name__ == "__main__":
    main()
