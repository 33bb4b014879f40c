"""The wheel, by way of the sdist: what it says holds on an index, and what an operator needs is in it."""

import re
import shutil
import subprocess
import sys
import tomllib
from email import message_from_bytes
from email.message import Message
from pathlib import Path
from zipfile import ZipFile

import pytest

from otel_tickrmeter import __version__
from tests.contract.deployed import TREE

# All that is written beside the package is left out where it is not named.
SOURCES = ("DESCRIPTION.md", "LICENSE", "NOTICE.md", "pyproject.toml", "settings.toml")
FOLDERS = ("alerts", "deploy", "docs/runbooks", "grafana/dashboards", "otel_tickrmeter")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> ZipFile:
    copy, made = tmp_path_factory.mktemp("copy"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        shutil.copy(TREE / name, copy)
    for name in FOLDERS:
        shutil.copytree(TREE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    pack = [sys.executable, "-c", "from setuptools.build_meta import build_sdist; build_sdist('dist')"]
    subprocess.run(pack, cwd=copy, capture_output=True, check=True)
    (sdist,) = (copy / "dist").iterdir()
    # Without an index: with the setuptools that is here.
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index"]
    done = subprocess.run(
        [*command, f"--wheel-dir={made}", str(sdist)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (file,) = made.iterdir()
    return ZipFile(file)


@pytest.fixture(scope="module")
def said(wheel: ZipFile) -> Message:
    (name,) = (name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    return message_from_bytes(wheel.read(name))


def shared(wheel: ZipFile) -> dict[str, str]:
    """What is installed below share/, by its path there, as in the wheel."""
    found = (name.partition(".data/data/share/") for name in wheel.namelist())
    return {path: before + mark + path for before, mark, path in found if mark}


def test_what_an_operator_needs_is_in_it_as_it_is_here(wheel: ZipFile) -> None:
    expected = {
        "man/man1/otel-tickrmeter.1": TREE / "deploy" / "otel-tickrmeter.1",
        **{
            f"otel-tickrmeter/{file.name}": file
            for file in (
                TREE / "settings.toml",
                *(
                    TREE / "deploy" / f"otel-tickrmeter.{ending}"
                    for ending in ("service", "socket", "cdx.json")
                ),
                TREE / "deploy" / "web.yml",
                TREE / "deploy" / "otel-tickrmeter@.service",
            )
        },
        **{
            f"otel-tickrmeter/{folder}/{file.name}": file
            for folder, files in (
                ("alerts", (TREE / "alerts").glob("*.yaml")),
                ("dashboards", (TREE / "grafana" / "dashboards").glob("*.json")),
                ("runbooks", (TREE / "docs" / "runbooks").glob("*.md")),
            )
            for file in files
        },
    }
    found = shared(wheel)
    # deploy/settings.toml is for containers.
    assert set(found) == set(expected)
    assert all(wheel.read(found[path]) == file.read_bytes() for path, file in expected.items())


def test_it_says_what_it_is(said: Message) -> None:
    assert (said["Version"], said["License-Expression"]) == (__version__, "Apache-2.0")
    assert said.get_all("License-File") == ["LICENSE", "NOTICE.md"]
    assert said["Author"] == "The authors of otel-tickrmeter"
    project = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]
    assert said.get_all("Classifier") == project["classifiers"]
    # With an SPDX expression an index refuses the old way of saying it.
    assert not any(text.startswith("License ::") for text in project["classifiers"])


def test_its_description_has_no_picture_and_no_link_that_only_holds_in_the_repository(said: Message) -> None:
    text = said.get_payload()
    assert isinstance(text, str)
    assert "# otel-tickrmeter" in text
    assert said["Description-Content-Type"] == "text/markdown"
    assert re.findall(r"!\[|<img|\]\((?!https://)", text) == []


def test_nothing_of_the_workshop_is_in_it(wheel: ZipFile) -> None:
    tops = {Path(name).parts[0] for name in wheel.namelist()}
    stem = f"otel_tickrmeter-{__version__}"
    assert tops == {"otel_tickrmeter", f"{stem}.dist-info", f"{stem}.data"}
