"""Kubernetes manifests made from the files that compose.yaml mounts: the two then cannot differ."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

DASHBOARD_FILES = "dashboard-*.yaml"
"""The names of the dashboards' manifests, as a pattern."""

BY_HAND = ("deployment.yaml", "service.yaml", "servicemonitor.yaml")
"""The manifests that nothing generates."""

RULE_FILES = ("recording.rules.yaml", "alerts.rules.yaml")
"""In `alerts`: recorded series first, then the alerts that ask for them."""

_MOST_BYTES = 1024 * 1024
"""What a ConfigMap may hold, as Kubernetes says; kubectl without --server-side stops at a quarter."""

_PROGRAM = "otel-tickrmeter"


def manifests(tree: Path) -> dict[str, str]:
    """Make the generated files of `deploy/kubernetes`, by name, from the project's `tree`.

    Raises:
        ValueError: A file is larger than a ConfigMap may be.
    """
    made = {
        "settings.yaml": _config_map(_PROGRAM, tree, "deploy/settings.toml"),
        "prometheusrule.yaml": _prometheus_rule(tree / "alerts"),
    }
    for file in sorted((tree / "grafana" / "dashboards").glob("*.json")):
        name = f"dashboard-{file.stem}"
        # The label and the annotation are what Grafana's sidecar looks for.
        made[f"{name}.yaml"] = _config_map(
            name,
            tree,
            f"grafana/dashboards/{file.name}",
            labels={"grafana_dashboard": "1"},
            annotations={"grafana_folder": "TickrMeter"},
        )
    made["kustomization.yaml"] = _kustomization([*BY_HAND, *made])
    return made


def _kustomization(resources: Sequence[str]) -> str:
    manifest = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": sorted(resources),
    }
    return _text(manifest, "what is in this folder")


def _prometheus_rule(alerts: Path) -> str:
    groups = []
    for name in RULE_FILES:
        groups += yaml.safe_load((alerts / name).read_text(encoding="utf-8"))["groups"]
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": _metadata(_PROGRAM),
        "spec": {"groups": groups},
    }
    return _text(manifest, "alerts/*.rules.yaml")


def _config_map(
    name: str,
    tree: Path,
    source: str,
    *,
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> str:
    file = tree / source
    content = file.read_text(encoding="utf-8")
    size = len(content.encode()) + len(file.name)
    if size > _MOST_BYTES:
        raise ValueError(f"{source} does not fit into a ConfigMap: {size} of {_MOST_BYTES} bytes")
    manifest = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": _metadata(name, labels, annotations),
        "data": {file.name: content},
    }
    return _text(manifest, source)


def _metadata(
    name: str, labels: Mapping[str, str] | None = None, annotations: Mapping[str, str] | None = None
) -> dict[str, object]:
    all_labels = {"app.kubernetes.io/name": _PROGRAM, **(labels or {})}
    more = {"annotations": dict(annotations)} if annotations else {}
    return {"name": name, "labels": all_labels, **more}


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as such, so that a change of one shows as one."""

    def represent_scalar(self, tag: str, value: str, style: str | None = None) -> yaml.ScalarNode:
        """Choose the style that PyYAML leaves open."""
        return super().represent_scalar(tag, value, style or ("|" if "\n" in value else None))


def _text(manifest: Mapping[str, object], source: str) -> str:
    body = yaml.dump(manifest, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return f"# Written by `python -m deploy` from {source}: change that, then run it again.\n{body}"
