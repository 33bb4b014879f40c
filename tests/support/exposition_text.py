"""An exposition, parsed by prometheus_client's own parsers into something that can be compared."""

from typing import NamedTuple

from prometheus_client import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_text

from otel_tickrmeter.telemetry.render import Format

Key = tuple[str, frozenset[tuple[str, str]]]


class Exposition(NamedTuple):
    """`samples` by name and labels; `families` maps each family's name to type, help and unit.

    A counter's name has its `_total`, which parsers take away: a gauge may have the name that is left.
    """

    samples: dict[Key, float]
    families: dict[str, tuple[str, str, str]]


def families(text: bytes, form: Format) -> list[Metric]:
    """Parse; text that does not keep to its format is a ValueError."""
    parse = parse_openmetrics if form == "openmetrics" else parse_text
    return list(parse(text.decode()))


def exposition(text: bytes, form: Format) -> Exposition:
    """Parse, and insist that no series and no family stands there twice."""
    samples: dict[Key, float] = {}
    introduced: dict[str, tuple[str, str, str]] = {}
    for family in families(text, form):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        assert name not in introduced, name
        introduced[name] = (family.type, family.documentation, family.unit)
        assert family.samples, name
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in samples, key
            samples[key] = sample.value
    return Exposition(samples, introduced)


def labels_of(samples: dict[Key, float], name: str) -> list[dict[str, str]]:
    """Return the labels of every series of this name."""
    return [dict(labels) for found, labels in samples if found == name]
