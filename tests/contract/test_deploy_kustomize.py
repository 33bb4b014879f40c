"""Kustomize: the base has every manifest once, and the overlay only changes what is in the base.

No Kustomize is among what the tests install: it is held to what it would trip over.
"""

from pathlib import Path

import pytest

from otel_tickrmeter import __version__
from otel_tickrmeter.configuration import load_settings
from tests.contract.deployed import DEPLOY, KUBERNETES, Document, document

OVERLAY = DEPLOY / "overlays" / "example"
FIELDS = {
    KUBERNETES: {"apiVersion", "kind", "resources"},
    OVERLAY: {"apiVersion", "kind", "namespace", "resources", "images", "configMapGenerator"},
}
SHIPPED = frozenset(file.name for file in KUBERNETES.glob("*.yaml")) - {"kustomization.yaml"}


def kustomization(folder: Path) -> Document:
    return document(folder / "kustomization.yaml")


@pytest.fixture
def resources() -> list[Document]:
    return [document(KUBERNETES / name) for name in kustomization(KUBERNETES)["resources"]]


@pytest.mark.parametrize("folder", FIELDS, ids=lambda folder: folder.name)
def test_kustomize_knows_every_field(folder: Path) -> None:
    read = kustomization(folder)
    assert (read["apiVersion"], read["kind"]) == ("kustomize.config.k8s.io/v1beta1", "Kustomization")
    assert set(read) == FIELDS[folder]


def test_the_base_has_every_manifest_once(resources: list[Document]) -> None:
    assert sorted(kustomization(KUBERNETES)["resources"]) == sorted(SHIPPED)
    # Two of one kind and name cannot be told apart, and are refused.
    objects = [(read["kind"], read["metadata"]["name"]) for read in resources]
    assert len(objects) == len(set(objects))
    # A namespace of the overlay would not reach what names one of its own.
    assert all("namespace" not in read["metadata"] for read in resources)


def test_a_base_is_not_above_its_overlay() -> None:
    (base,) = kustomization(OVERLAY)["resources"]
    assert (OVERLAY / base).resolve() == KUBERNETES
    assert not OVERLAY.is_relative_to(KUBERNETES)


def test_the_overlay_names_an_image_that_the_base_runs(resources: list[Document]) -> None:
    (deployment,) = (read for read in resources if read["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    (image,) = kustomization(OVERLAY)["images"]
    assert set(image) == {"name", "newName", "newTag"}
    assert image["name"] == container["image"].partition(":")[0]
    assert image["newTag"] == __version__


def test_the_overlay_replaces_settings_that_the_base_mounts(
    resources: list[Document], tmp_path: Path
) -> None:
    (generator,) = kustomization(OVERLAY)["configMapGenerator"]
    assert set(generator) == {"name", "behavior", "files"}
    assert generator["behavior"] == "replace"
    (replaced,) = (
        read
        for read in resources
        if (read["kind"], read["metadata"]["name"]) == ("ConfigMap", generator["name"])
    )
    assert generator["files"] == list(replaced["data"])

    settings = load_settings([OVERLAY / name for name in generator["files"]], {}, {}, tmp_path)

    assert settings.mqtt.broker == "mqtts://broker.example:8883"


def test_the_overlay_scales_nothing() -> None:
    # Two exporters would count every message twice.
    assert not {"replicas", "patches"} & set(kustomization(OVERLAY))
