"""The command: what it prints of which file, and its exit code."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import grafana
from tests.support.sample_dashboard import sample
from tools.dashlint.__main__ import main

ROOT = Path(grafana.__file__).parents[1]
COMMITTED = sorted((ROOT / "grafana" / "dashboards").glob("*.json"))


def written(file: Path, **changes: object) -> str:
    """Write the sample with changes; return the path as it is given to the command."""
    file.write_text(json.dumps({**sample(), **changes}))
    return str(file)


def test_of_good_dashboards_it_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([written(tmp_path / "sample.json"), *map(str, COMMITTED)]) == 0
    assert capsys.readouterr().out == ""


def test_it_says_all_faults_of_all_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    files = [
        written(tmp_path / "head.json", tags=[], refresh=""),
        written(tmp_path / "good.json"),
        written(tmp_path / "key.json", timezon="utc"),
    ]
    assert main(files) == 1
    assert capsys.readouterr().out.splitlines() == [
        f"{files[0]}: no tags",
        f"{files[0]}: no refresh",
        f"{files[0]}: link 'TickrMeter' lists dashboards that do not belong to this one",
        f"{files[2]}: dashboard: Additional properties are not allowed ('timezon' was unexpected)",
    ]


def test_dashboards_may_link_to_one_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    link = {**sample()["links"][0], "type": "link", "title": "There", "url": "/d/there"}
    from_here = written(tmp_path / "here.json", links=[link])
    assert main([from_here]) == 1
    assert capsys.readouterr().out == f"{from_here}: link 'There' leads to no dashboard: 'there'\n"
    assert main([from_here, written(tmp_path / "there.json", uid="there")]) == 0


def test_what_no_rule_can_judge_is_said_once(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    changed = sample()
    changed["templating"]["list"][1]["query"] = "metrics(tickrmeter_.*)"
    file = written(tmp_path / "asks.json", templating=changed["templating"])
    assert main([file]) == 1
    lines = capsys.readouterr().out.splitlines()
    told = f"{file}: variable 'job': not label_values(SELECTOR, LABEL): 'metrics(tickrmeter_.*)'"
    assert lines.count(told) == 1


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "No such file or directory"),
        (b"{", "Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
        (b"[]", "$: [] is not of type 'object'"),
        (b'{"panels": [1], "uid": "x"}', "$.panels[0]: 1 is not of type 'object'"),
        (b'{"panels": [], "uid": 2}', "$.uid: 2 is not of type 'string'"),
        (b"[" * 200_000, "it is nested too deeply"),
    ],
    ids=["missing", "no JSON", "no record", "a panel", "uid", "deep"],
)
def test_what_is_no_dashboard_is_a_fault_of_that_file(
    content: bytes | None, fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bad, other = tmp_path / "bad.json", written(tmp_path / "other.json", tags=[])
    if content is not None:
        bad.write_bytes(content)
    assert main([str(bad), other]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert f"{bad}: {fault}" in lines
    assert f"{other}: no tags" in lines


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tools.dashlint"]
    bad = written(tmp_path / "bad.json", editable=True)
    done = subprocess.run([*command, bad], cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, f"{bad}: it is editable\n", "")
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "FILE" in done.stderr
