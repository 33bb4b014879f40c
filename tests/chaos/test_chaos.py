"""A short run of what `python -m tests.chaos` does for longer."""

from pathlib import Path

from tests.chaos.faults import FAULTS, RESTARTS
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
