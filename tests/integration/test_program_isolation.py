"""Where the exporter is started decides nothing: no module is taken from there."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from otel_tickrmeter.mqtt import child
from otel_tickrmeter.settings.model import MqttSettings
from tests.integration.exporter import Exporter
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings

POISONED = (
    "select",
    "json",
    "socket",
    "ssl",
    "random",
    "typing",
    "signal",
    "pathlib",
    "paho",
    "dynaconf",
    "loguru",
)


@pytest.fixture
def poisoned(tmp_path: Path) -> Iterator[Path]:
    """A directory of modules that say who imported them; nobody may."""
    directory = tmp_path / "poisoned"
    directory.mkdir()
    for name in POISONED:
        said = f"open({str(tmp_path / name)!r}, 'a').write(f'{{__file__}} ')\nraise SystemExit(7)\n"
        (directory / f"{name}.py").write_text(said)
    yield directory
    assert [name for name in POISONED if (tmp_path / name).exists()] == []


@pytest.mark.parametrize(
    "program",
    [(sys.executable, "-m", "otel_tickrmeter"), (str(Path(sys.executable).with_name("otel-tickrmeter")),)],
    ids=["module", "command"],
)
def test_nothing_is_imported_from_the_working_directory(
    poisoned: Path, tmp_path: Path, program: tuple[str, ...]
) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(poisoned, settings(broker.url), program=program) as exporter,
    ):
        exporter.wait_ready()
        exporter.scrape()


def test_where_the_working_directory_is_gone_nothing_else_is_forgotten(tmp_path: Path) -> None:
    """Python does not search it then: the first place is another one."""
    package = Path(child.__file__).parent.parent
    shutil.copytree(package, tmp_path / "copy" / package.name, ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "copy" / "here.py").write_text("")
    program = (
        "import os, runpy, sys; os.chdir(sys.argv[1]); os.rmdir(sys.argv[1]); sys.path[0] = sys.argv[2];"
        "sys.argv[1:] = ['--version']\n"
        "try: runpy.run_module('otel_tickrmeter', run_name='__main__')\n"
        "except SystemExit: import here"
    )
    (tmp_path / "gone").mkdir()
    command = [sys.executable, "-c", program, str(tmp_path / "gone"), str(tmp_path / "copy")]
    subprocess.run(command, check=True)


def test_nor_does_the_receiver_import_what_pythonpath_offers(
    poisoned: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(poisoned)
    monkeypatch.setenv("PYTHONPATH", f":{poisoned}")
    with Mosquitto(tmp_path) as broker, FeedThread(MqttSettings(broker.url)) as feed:
        feed.wait_subscribed()


def test_the_receiver_is_of_the_same_copy_as_the_exporter(tmp_path: Path) -> None:
    """A checkout, or a directory of PYTHONPATH, while another copy is installed."""
    package = Path(child.__file__).parent.parent
    copy = tmp_path / "copy" / package.name
    shutil.copytree(package, copy, ignore=shutil.ignore_patterns("__pycache__"))
    receiver, mark = copy / "mqtt" / "receiver.py", tmp_path / "mark"
    receiver.write_text(
        receiver.read_text().replace("def main() -> int:", f"open({str(mark)!r}, 'w')\n\ndef main() -> int:")
    )
    with Mosquitto(tmp_path) as broker:
        environment = settings(broker.url) | {"PYTHONPATH": str(copy.parent)}
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
    assert mark.exists()
