"""What runs several exporters of one fleet: made from what runs one, and each is told its own number."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from deploy.partitions import PARTITIONS, STATEFUL_SET, UNIT, partitioned, template_unit
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.settings.faults import SettingsError
from tests.contract.deployed import DEPLOY, TREE, document, manifest

OVERLAY = DEPLOY / "overlays" / "partitions"


def environment_of(text: str, number: int) -> dict[str, str]:
    (line,) = (line for line in text.splitlines() if line.startswith("Environment="))
    pairs = line.removeprefix("Environment=").replace("%i", str(number)).split()
    return dict(pair.split("=", 1) for pair in pairs)


def test_the_committed_files_are_what_the_code_makes() -> None:
    for name, text in partitioned(TREE).items():
        assert (DEPLOY / name).read_text() == text, "run: python -m deploy"


def test_each_unit_has_its_partition_and_a_port_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[partition]\ncount = 3\n")
    text = (DEPLOY / UNIT).read_text()
    loaded = [load_settings([], {}, environment_of(text, number), tmp_path) for number in range(3)]
    assert [settings.partition.index for settings in loaded] == [0, 1, 2]
    assert [settings.prometheus.port for settings in loaded] == [9470, 9471, 9472]
    assert len({settings.mqtt.client_id for settings in loaded}) == 3


def test_from_ten_on_a_port_is_given_as_the_document_has_it(tmp_path: Path) -> None:
    (tmp_path / "settings.toml").write_text("[partition]\ncount = 11\n")
    made = environment_of((DEPLOY / UNIT).read_text(), 10)
    with pytest.raises(SettingsError, match=r"prometheus\.port: must be a whole number from 0 to 65535"):
        load_settings([], {}, made, tmp_path)
    text = (TREE / "docs" / "partitions.md").read_text()
    (given,) = re.findall(r"`(TICKRMETER_PROMETHEUS__PORT)=(\d+)`", text)
    # What is in an EnvironmentFile goes before what is in Environment.
    loaded = load_settings([], {}, made | dict([given]), tmp_path)
    assert (loaded.partition.index, loaded.prometheus.port) == (10, 9480)


def test_the_template_is_the_unit_but_for_what_is_each_ones_own() -> None:
    one = (DEPLOY / "otel-tickrmeter.service").read_text().splitlines()
    template = (DEPLOY / UNIT).read_text().splitlines()
    changed = {line.partition("=")[0] for line in {*one} ^ {*template} if line and not line.startswith("#")}
    assert changed == {"Description", "LogsDirectory", "StateDirectory", "Environment", "EnvironmentFile"}


def test_a_unit_names_its_own_directory_and_drop_in() -> None:
    text = (DEPLOY / UNIT).read_text()
    assert "may be: /var/lib/otel-tickrmeter-%i." in text
    assert "(systemctl edit otel-tickrmeter@.service):" in text


def test_a_unit_without_its_lines_is_refused() -> None:
    with pytest.raises(ValueError, match="the unit has 0 of"):
        template_unit("[Unit]\n")


def test_systemd_finds_nothing_to_complain_of(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.replace("@", "@0")
    unit.write_text(
        (DEPLOY / UNIT).read_text().replace("/opt/otel-tickrmeter/bin/otel-tickrmeter", "/bin/true")
    )
    program = shutil.which("systemd-analyze")
    assert program
    done = subprocess.run([program, "verify", unit], capture_output=True, text=True, check=False)
    assert [line for line in done.stderr.splitlines() if UNIT[:-9] in line] == []


def test_the_stateful_set_runs_the_pod_of_the_deployment() -> None:
    made, one = document(OVERLAY / "statefulset.yaml"), manifest("deployment.yaml")
    (container,) = made["spec"]["template"]["spec"]["containers"]
    env = {each["name"]: each for each in container.pop("env")}
    assert made["spec"]["template"] == one["spec"]["template"]
    assert made["spec"]["replicas"] == PARTITIONS == int(env["TICKRMETER_PARTITION__COUNT"]["value"])
    assert made["spec"]["serviceName"] == manifest("service.yaml")["metadata"]["name"]
    path = env["TICKRMETER_PARTITION__INDEX"]["valueFrom"]["fieldRef"]["fieldPath"]
    assert path == "metadata.labels['apps.kubernetes.io/pod-index']"


def test_kubernetes_takes_the_stateful_set() -> None:
    program = Path(sys.executable).with_name("kubernetes-validate")
    file = DEPLOY / STATEFUL_SET
    done = subprocess.run([program, "--strict", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_overlay_takes_the_deployment_away_and_tells_pods_apart() -> None:
    read = document(OVERLAY / "kustomization.yaml")
    assert set(read) == {"apiVersion", "kind", "resources", "patches"}
    assert [(OVERLAY / each).resolve().exists() for each in read["resources"]] == [True, True]
    removed, changed = read["patches"]
    deployment = manifest("deployment.yaml")
    assert yaml.safe_load(removed["patch"]) == {
        "$patch": "delete",
        "apiVersion": deployment["apiVersion"],
        "kind": deployment["kind"],
        "metadata": {"name": deployment["metadata"]["name"]},
    }
    monitor = manifest("servicemonitor.yaml")
    assert changed["target"] == {"kind": monitor["kind"], "name": monitor["metadata"]["name"]}
    (operation,) = yaml.safe_load(changed["patch"])
    place: object = monitor
    for step in operation["path"].strip("/").split("/"):
        place = place[int(step)] if isinstance(place, list) else place[step]  # type: ignore[index]
    assert place == ["__meta_kubernetes_namespace", "__meta_kubernetes_service_name"]
    assert operation["op"] == "replace"
    assert operation["value"] == ["__meta_kubernetes_namespace", "__meta_kubernetes_pod_name"]
