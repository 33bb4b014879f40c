"""What is released: one version wherever it is written, with a section of the changelog and a date."""

import re
from datetime import date

import pytest

from otel_tickrmeter import __version__
from tests.contract.deployed import DEPLOY, TREE

CHANGELOG = (TREE / "CHANGELOG.md").read_text()
RELEASES = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - (.+)$", CHANGELOG, re.MULTILINE)


def test_the_newest_release_of_the_changelog_is_this_version() -> None:
    assert CHANGELOG.count("\n## [Unreleased]\n") == 1
    assert RELEASES[0][0] == __version__
    days = [date.fromisoformat(day) for _, day in RELEASES]
    assert days == sorted(days, reverse=True)


@pytest.mark.parametrize("name", ["compose.yaml", "kubernetes/deployment.yaml"])
def test_what_is_deployed_is_this_version(name: str) -> None:
    tags = re.findall(r"image: otel-tickrmeter:(\S+)", (DEPLOY / name).read_text())
    assert set(tags) == {__version__}


def test_the_way_names_settings_that_exist() -> None:
    settings = (TREE / "docs" / "settings.md").read_text()
    way = (TREE / "docs" / "upgrading.md").read_text()
    named = set(re.findall(r"^\| `([a-z_]+\.[a-z_.]+)` \|", way, re.MULTILINE))
    assert named
    assert {key for key in named if f"\n| `{key}` |" not in settings} == set()
    # What it says is the default today.
    for key in ("mqtt.protocol", "mqtt.device_id_form"):
        (default,) = re.findall(rf'^\| `{key}` \| `"(\w+)"`', settings, re.MULTILINE)
        assert f"| `{key}` | `{default}`: " in way


def test_the_way_to_this_version_is_described() -> None:
    ways = re.findall(r"^## From (\S+) to (\S+)$", (TREE / "docs" / "upgrading.md").read_text(), re.MULTILINE)
    assert __version__ in {to for _, to in ways}
