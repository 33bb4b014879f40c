"""What is shipped of others: listed as installed, at the pinned versions, under free licences."""

import json
import re
from importlib import metadata

import pytest

from deploy.dependencies import EXTRAS, PROGRAM, dependencies
from deploy.notice import notice
from deploy.sbom import sbom
from otel_tickrmeter import __version__
from tests.contract.deployed import DEPLOY, TREE

GENERATE = "run: python -m deploy"
PINNED = dict(
    line.split("==") for line in (TREE / "constraints.txt").read_text().splitlines() if "==" in line
)
FREE = {
    *("Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "EPL-2.0", "LGPL-3.0-only"),
    *("MIT", "MIT-0", "MPL-2.0", "PSF-2.0"),
}


def test_the_bill_of_materials_is_that_of_what_is_installed() -> None:
    assert (DEPLOY / "otel-tickrmeter.cdx.json").read_text() == sbom(), GENERATE


def test_the_notice_is_that_of_what_is_installed() -> None:
    assert (TREE / "NOTICE.md").read_text() == notice(), GENERATE


def test_it_lists_what_is_pinned_and_each_once() -> None:
    bill = json.loads(sbom())
    found = [(each["name"], each["version"]) for each in bill["components"]]
    assert len(found) == len(dict(found))
    assert dict(found) == {name: PINNED[name] for name, _ in found}
    (program,) = (each for each in bill["dependencies"] if each["ref"] == f"{PROGRAM}@{__version__}")
    project = (TREE / "pyproject.toml").read_text()
    (needed,) = re.findall(r"^dependencies = \[\n(.*?)^\]", project, re.MULTILINE | re.DOTALL)
    names = {name.lower() for name in re.findall(r'^ +"([\w-]+)', needed, re.MULTILINE)}
    assert {each.partition("@")[0] for each in program["dependsOn"]} >= names


def test_it_lists_the_parts_that_the_image_has() -> None:
    found = re.search(r"^ARG EXTRAS=(\S+)$", (TREE / "Containerfile").read_text(), re.MULTILINE)
    assert found is not None
    assert found[1] == ",".join(EXTRAS)
    assert {each.name for each in dependencies(())} < {each.name for each in dependencies()}


def test_every_licence_is_a_free_one() -> None:
    for each in dependencies():
        assert set(re.findall(r"[\w.-]+", each.licence)) - {"AND", "OR"} <= FREE, each


def test_a_library_that_hides_its_licence_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    read = metadata.metadata

    def hidden(name: str) -> metadata.PackageMetadata:
        found = read(name)
        if name == "h11":
            for field in ("License-Expression", "License", "Classifier"):
                del found[field]  # type: ignore[attr-defined]
        return found

    monkeypatch.setattr(metadata, "metadata", hidden)
    with pytest.raises(LookupError, match="h11"):
        dependencies()
