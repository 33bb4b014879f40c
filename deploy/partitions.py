"""What runs several exporters of one fleet, made from what runs one: the two then cannot differ otherwise."""

import re
from pathlib import Path
from typing import Any

import yaml

PARTITIONS = 2
"""As many as the examples have."""

UNIT = "otel-tickrmeter@.service"
STATEFUL_SET = "overlays/partitions/statefulset.yaml"

_UNIT_HEAD = """\
# Written by `python -m deploy` from otel-tickrmeter.service: change that, then run it again.
#
# One exporter of several that share a fleet (docs/partitions.md): the number behind the @ is its partition.
# In /etc/otel-tickrmeter/settings.toml, which all of them read: [partition] count = 2. Not beside the unit
# without @.
# Copy to /etc/systemd/system, then: systemctl enable --now otel-tickrmeter@0 otel-tickrmeter@1
"""
_UNIT_LINES = """\
# Ports 9470 to 9479. Another one, and whatever else is one's own, in partition-0.env, partition-1.env and so
# on: TICKRMETER_PROMETHEUS__PORT=9480
Environment=TICKRMETER_PARTITION__INDEX=%i TICKRMETER_PROMETHEUS__PORT=947%i
EnvironmentFile=-/etc/otel-tickrmeter/partition-%i.env
"""


def partitioned(tree: Path) -> dict[str, str]:
    """Make the files by their paths below `deploy`, from the project's `tree`."""
    folder = tree / "deploy"
    unit = (folder / "otel-tickrmeter.service").read_text(encoding="utf-8")
    deployment = yaml.safe_load((folder / "kubernetes" / "deployment.yaml").read_text(encoding="utf-8"))
    return {UNIT: template_unit(unit), STATEFUL_SET: stateful_set(deployment)}


def template_unit(unit: str) -> str:
    """The unit of one exporter as a template for several.

    Raises:
        ValueError: It lacks what is to be changed in it.
    """
    text = _UNIT_HEAD + unit[unit.index("[Unit]") :]
    for pattern, replacement in (
        (r"(?m)^(Description=.*)$", r"\1, partition %i"),
        (r"(?m)^(LogsDirectory=.*)$", r"\1-%i"),
        (r"(?m)^(StateDirectory=.*)$", r"\1-%i"),
        (r"(may be: /var/lib/otel-tickrmeter)\.", r"\1-%i."),
        (r"(systemctl edit otel-tickrmeter)\)", r"\1@.service)"),
        (r"(?m)^(ExecStart=)", _UNIT_LINES + r"\1"),
    ):
        text, found = re.subn(pattern, replacement, text)
        if found != 1:
            raise ValueError(f"the unit has {found} of {pattern}")
    return text


def stateful_set(deployment: dict[str, Any]) -> str:
    """The Deployment of one exporter as a StatefulSet of several, each of which knows its number."""
    spec = deployment["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    index = {"fieldRef": {"fieldPath": "metadata.labels['apps.kubernetes.io/pod-index']"}}
    container["env"] = [
        {"name": "TICKRMETER_PARTITION__COUNT", "value": str(PARTITIONS)},
        {"name": "TICKRMETER_PARTITION__INDEX", "valueFrom": index},
    ]
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": deployment["metadata"],
        "spec": {
            "replicas": PARTITIONS,
            "serviceName": deployment["metadata"]["name"],
            # They do not wait for each other, and none is of use without the rest.
            "podManagementPolicy": "Parallel",
            "selector": spec["selector"],
            "template": spec["template"],
        },
    }
    head = (
        "# Written by `python -m deploy` from deployment.yaml: change that, then run it again.\n"
        "# replicas and TICKRMETER_PARTITION__COUNT are one number. Needs Kubernetes 1.28, which labels\n"
        "# pods with theirs.\n"
    )
    return head + yaml.safe_dump(manifest, sort_keys=False, width=110)
