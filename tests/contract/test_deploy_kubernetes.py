"""The manifests for Kubernetes: valid, safe, and generated from what the rest of the project uses."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from deploy.manifests import BY_HAND, DASHBOARD_FILES, RULE_FILES, manifests
from tests.contract.deployed import KUBERNETES, TREE, document, manifest

CUSTOM = {"PrometheusRule", "ServiceMonitor"}
"""Kinds of the Prometheus Operator, which Kubernetes' own schemas do not know."""
RULE_FIELDS = {"record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"}
RELABELING_FIELDS = {"action", "regex", "replacement", "separator", "sourceLabels", "targetLabel"}
COMMENTED_OUT = re.compile(r"^( +)#(?=  )", re.MULTILINE)
"""The parts that mount the password: "#  - name: …"."""
DNS_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")


def test_the_generated_manifests_are_those_of_this_tree() -> None:
    committed = {file.name: file.read_text() for file in KUBERNETES.glob("*.yaml")}
    generated = {name: text for name, text in committed.items() if name not in BY_HAND}
    assert generated == manifests(TREE), "run: python -m deploy"


def test_what_is_generated_reads_back_as_it_was() -> None:
    groups = [group for name in RULE_FILES for group in document(TREE / "alerts" / name)["groups"]]
    assert manifest("prometheusrule.yaml")["spec"] == {"groups": groups}
    dashboards = list((TREE / "grafana" / "dashboards").glob("*.json"))
    assert dashboards
    for file in dashboards:
        wrapped = manifest(f"dashboard-{file.stem}.yaml")
        assert wrapped["data"] == {file.name: file.read_text()}
        assert wrapped["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert len(list(KUBERNETES.glob(DASHBOARD_FILES))) == len(dashboards)


def test_a_dashboard_that_no_config_map_can_hold_is_refused(tmp_path: Path) -> None:
    for folder in ("alerts", "deploy", "grafana/dashboards"):
        (tmp_path / folder).mkdir(parents=True)
    for name in RULE_FILES:
        (tmp_path / "alerts" / name).write_text("groups: []")
    (tmp_path / "deploy" / "settings.toml").touch()
    dashboard = tmp_path / "grafana" / "dashboards" / "large.json"

    dashboard.write_text("x" * (2**20 - len("large.json")))
    assert "dashboard-large.yaml" in manifests(tmp_path)
    dashboard.write_text("x" * 2**20)
    with pytest.raises(ValueError, match=r"large\.json does not fit"):
        manifests(tmp_path)


def test_every_manifest_is_valid_with_its_commented_parts_and_without(tmp_path: Path) -> None:
    texts = {
        str(file.relative_to(KUBERNETES)): file.read_text()
        for file in KUBERNETES.rglob("*.yaml")
        if file.name != "kustomization.yaml"
    }
    files = []
    for name, text in texts.items():
        read = document(text)
        assert DNS_NAME.fullmatch(read["metadata"]["name"])
        assert read["metadata"]["labels"]["app.kubernetes.io/name"] == "otel-tickrmeter"
        if read["kind"] not in CUSTOM:
            files += [tmp_path / name.replace("/", "-"), tmp_path / f"full-{name.replace('/', '-')}"]
            files[-2].write_text(text)
            files[-1].write_text(COMMENTED_OUT.sub(r"\1", text))
    program = Path(sys.executable).with_name("kubernetes-validate")
    done = subprocess.run([program, "--strict", *files], capture_output=True, text=True, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert said.count(" passed for resource ") == len(files), said


def test_the_commented_parts_mount_what_they_name() -> None:
    text = (KUBERNETES / "deployment.yaml").read_text()
    spec = document(COMMENTED_OUT.sub(r"\1", text))["spec"]["template"]["spec"]
    volumes = {volume["name"]: volume for volume in spec["volumes"]}
    assert set(volumes) == {mount["name"] for mount in spec["containers"][0]["volumeMounts"]}
    secret = manifest("optional/mqtt-password.yaml")["metadata"]["name"]
    assert volumes["mqtt-password"]["secret"]["secretName"] == secret


def test_the_operator_knows_every_field_of_the_rules() -> None:
    read = manifest("prometheusrule.yaml")
    assert (read["apiVersion"], set(read["spec"])) == ("monitoring.coreos.com/v1", {"groups"})
    names = [group["name"] for group in read["spec"]["groups"]]
    assert len(names) == len(set(names)) > 0
    for group in read["spec"]["groups"]:
        assert set(group) <= {"name", "interval", "limit", "query_offset", "labels", "rules"}
        for rule in group["rules"]:
            assert set(rule) <= RULE_FIELDS
            assert ("record" in rule) != ("alert" in rule)
            texts = [rule["expr"], *rule.get("labels", {}).values(), *rule.get("annotations", {}).values()]
            # The operator refuses a label such as `true` or `1`.
            assert all(isinstance(text, str) for text in texts)


def test_the_operator_knows_every_field_of_the_monitor() -> None:
    read = manifest("servicemonitor.yaml")
    assert read["apiVersion"] == "monitoring.coreos.com/v1"
    assert set(read["spec"]) == {"jobLabel", "selector", "endpoints"}
    for endpoint in read["spec"]["endpoints"]:
        assert set(endpoint) == {"port", "path", "interval", "scrapeTimeout", "relabelings"}
        for relabeling in endpoint["relabelings"]:
            assert set(relabeling) <= RELABELING_FIELDS
