"""A short run of what `python -m tests.chaos` does for longer."""

import subprocess
import sys
from pathlib import Path

from tests.chaos.faults import FAULTS, NETWORK, RESTARTS
from tests.chaos.run import Plan, run

SHORT = (
    # First: of what came before it there are no accounts.
    (("exporter killed",), 0.5),
    (("strangers: poison", "receiver killed"), 1.5),
    (("strangers: inventions", "main process stopped"), 2.0),
    # Not beside those in which messages may come twice.
    (("acknowledgements lost",), 1.0),
    (("malformed bytes",), 1.0),
    (("exporter restarted", "strangers: inventions"), 0.5),
    (("link half-open", "strangers: forgeries"), 1.0),
    (("strangers: retained",), 0.5),
    (("broker restarted",), 0.2),
    (("exporter stopped", "strangers: silence"), 2.0),
    (("broker killed", "strangers: flood"), 1.0),
)


def test_everything_adds_up_whatever_goes_wrong(tmp_path: Path) -> None:
    known = {fault.name: fault for fault in (*FAULTS, *RESTARTS)}
    report = run(tmp_path, 7, Plan(iter([([known[name] for name in names], for_) for names, for_ in SHORT])))
    assert report.faults == []
    assert len(report.rounds) == len(SHORT)
    # Else little was proven.
    assert report.sent > 200
    assert report.messages > 1000
    assert report.good_scrapes > 0


def test_everything_adds_up_on_a_network_that_loses_packets(tmp_path: Path) -> None:
    names = [fault.name for fault in NETWORK]
    # The seed has each of them by itself in the first three rounds, for 7.5 s together.
    options = ["--minutes", "0.3", "--seed", "74", "--keep", str(tmp_path), "--only", *names]
    command = [sys.executable, "-m", "tests.chaos", *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert [name for name in names if f"descriptors  {name}\n" not in done.stdout] == []
    log = (tmp_path / "exporter.log").read_text()
    # It was not without effect.
    assert "The broker does not answer for 1.0 s: the link may be dead" in log
    assert "(keepalive_timeout)" in log
