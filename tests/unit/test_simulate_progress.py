"""Progress: only on a terminal, and without tqdm too."""

import io
import sys

import pytest

from otel_tickrmeter.simulate import progress as module
from otel_tickrmeter.simulate.progress import progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_nothing_without_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", output := io.StringIO())
    with progress(2) as advance:
        advance(1)
    assert output.getvalue() == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", output := Terminal())
    with progress(2) as advance:
        advance(1)
        advance(1)
    assert "2/2" in output.getvalue()


def test_lines_without_tqdm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", output := Terminal())
    monkeypatch.setitem(sys.modules, "tqdm", None)
    monkeypatch.setattr(module, "_LINE_SECONDS", 0.0)
    with progress(2000) as advance:
        advance(1)
    assert output.getvalue() == "1 of about 2,000 msg\n"
