"""What a simulation says of itself, held to what an exporter of it shows."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from tests.integration.exposition import Exposition


def compare_exposed(shown: Exposition, expected: Mapping[str, Sequence[Mapping[str, Any]]]) -> None:
    """Hold the series of each name to `expected` of a summary; those that are 0 need not be there."""
    for name, samples in expected.items():
        wanted = {frozenset(each["labels"].items()): each["value"] for each in samples if each["value"]}
        found = {labels: value for labels, value in shown.named(name).items() if value}
        assert found == pytest.approx(wanted), name
