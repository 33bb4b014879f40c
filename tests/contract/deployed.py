"""What `deploy` has, for the tests to read."""

from pathlib import Path
from typing import Any

import yaml

TREE = Path(__file__).parents[2]
DEPLOY = TREE / "deploy"
KUBERNETES = DEPLOY / "kubernetes"

Document = dict[str, Any]


def document(source: Path | str) -> Document:
    """One YAML document, from its text or its file."""
    read = yaml.safe_load(source.read_text() if isinstance(source, Path) else source)
    assert isinstance(read, dict)
    return read


def manifest(name: str) -> Document:
    """A manifest for Kubernetes, by its path in the folder."""
    return document(KUBERNETES / name)
