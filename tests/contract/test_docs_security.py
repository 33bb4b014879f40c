"""The recipe of docs/security.md, followed: what it makes and what it says is taken by those it is for."""

import re
import subprocess
import tomllib
from pathlib import Path

import bcrypt
import pytest

from otel_tickrmeter.configuration import SCHEMA
from otel_tickrmeter.http.protect.read import read_web_config
from otel_tickrmeter.http.protect.source import check_web_config

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text()
BLOCKS = [
    (found[1], found[2]) for found in re.finditer(r"^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
]


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("recipe")
    (make,) = (text for kind, text in BLOCKS if kind == "sh" and text.startswith("openssl"))
    subprocess.run(["sh", "-euc", make], cwd=directory, check=True, capture_output=True)
    return directory


@pytest.mark.parametrize(
    "text",
    [
        (ROOT / "deploy" / "web.yml").read_text(),
        *(text for kind, text in BLOCKS if kind == "yaml" and text.startswith("tls_server_config")),
    ],
    ids=["example", "page"],
)
def test_the_web_configuration_of_the_recipe(directory: Path, text: str) -> None:
    file = directory / "web.yml"
    file.write_text(text)
    assert check_web_config(file) == ()
    assert subprocess.run(["promtool", "check", "web-config", file], check=False).returncode == 0
    assert bcrypt.checkpw(b"change me", read_web_config(text.encode(), file).users["prometheus"])


def test_prometheus_takes_its_part(directory: Path) -> None:
    (text,) = (text for kind, text in BLOCKS if kind == "yaml" and text.startswith("scrape_configs"))
    (directory / "exporter-password").write_text("change me")
    file = directory / "prometheus.yml"
    file.write_text(text.replace("/etc/prometheus/", f"{directory}/"))
    checked = subprocess.run(
        ["promtool", "check", "config", file], capture_output=True, check=False, text=True
    )
    assert checked.returncode == 0, checked.stderr


def test_the_recipe_for_the_broker_is_of_settings_that_exist() -> None:
    (recipe,) = (text for kind, text in BLOCKS if kind == "toml" and "[mqtt.tls]" in text)
    tables = tomllib.loads(recipe.replace("\n#", "\n"))
    told = {f"mqtt.{name}" for name in tables["mqtt"] if name != "tls"}
    told |= {f"mqtt.tls.{name}" for name in tables["mqtt"]["tls"]}
    assert (
        {"mqtt.password_file", "mqtt.tls.ca_file", "mqtt.tls.key_file", "mqtt.tls.server_name"}
        <= told
        <= set(SCHEMA.keys)
    )
