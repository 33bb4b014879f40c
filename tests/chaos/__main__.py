"""`python -m tests.chaos --minutes 30 --seed 7`: everything goes wrong for that long, and must add up."""

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.chaos import network
from tests.chaos.faults import FAULTS, NETWORK, RESTARTS
from tests.chaos.run import Plan, Report, Round, drawn, run


def main() -> int:
    """Run it; the exit code is 1 when something was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument(
        "--restarts",
        action="store_true",
        help="the exporter is stopped and killed, too, and has a state file",
    )
    parser.add_argument("--keep", type=Path, help="a directory for the files of the run, which stay there")
    parser.add_argument("--only", nargs="+", metavar="FAULT", help="nothing but these goes wrong")
    options = parser.parse_args()
    network.enter("tests.chaos", sys.argv[1:])
    possible = (*FAULTS, *NETWORK, *(RESTARTS * 3 if options.restarts else ()))
    if options.only:
        possible = tuple(fault for fault in possible if fault.name in options.only)
    until = time.monotonic() + 60 * options.minutes
    with tempfile.TemporaryDirectory() as temporary:
        directory = options.keep or Path(temporary)
        directory.mkdir(parents=True, exist_ok=True)
        report = run(directory, options.seed, Plan(drawn(options.seed, until, possible), _say))
    _tell(report)
    return 1 if report.faults else 0


def _say(done: Round) -> None:
    size = f"{done.resident_bytes / 1e6:.0f} MB, {done.descriptors} descriptors"
    sys.stdout.write(f"{done.seconds:4.1f} s  {size}  {', '.join(done.names)}\n")
    sys.stdout.flush()


def _tell(report: Report) -> None:
    sys.stdout.write(
        f"{len(report.rounds)} rounds, {report.sent} messages of the fleet among {report.messages}, "
        f"{report.good_scrapes} scrapes with open requests\n"
    )
    played = Counter(name for done in report.rounds for name in done.names)
    sys.stdout.writelines(f"{count:4} times {name}\n" for name, count in played.most_common())
    sys.stdout.writelines(f"WRONG: {fault}\n" for fault in report.faults)
    sys.stdout.write(f"{len(report.faults)} faults\n")


if __name__ == "__main__":
    sys.exit(main())
