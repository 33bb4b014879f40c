"""The resource: what `target_info` and OTLP say of this program."""

import json
import re

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from otel_tickrmeter import __version__
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.series import label_text

# Several become one underscore: two at the beginning are Prometheus' own, and "__name__" spoils the scrape.
_NOT_IN_LABEL_NAMES = re.compile("[^a-zA-Z0-9]+")


def make_resource(host: str) -> Resource:
    """Make the resource; OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES override our defaults.

    Args:
        host: The default instance id. The SDK's own is new at every start, which would make every restart
            a new `target_info` series.
    """
    defaults = {
        "service.name": "otel-tickrmeter",
        "service.version": __version__,
        "service.instance.id": host,
    }
    resource = Resource.create(defaults).merge(OTELResourceDetector().detect())
    # An environment that is not UTF-8 becomes lone surrogates, which no exposition and no OTLP can carry.
    attributes = {_encodable(key): _encodable(value) for key, value in resource.attributes.items()}
    return Resource(attributes, resource.schema_url)  # type: ignore[arg-type]


def target_info(resource: Resource, form: Format) -> str:
    """Render the `target_info` family, with the label names of the stock reader.

    Values whose keys become the same label are joined, as OpenTelemetry's rules for Prometheus say: by ";",
    in the order of the keys.
    """
    labels: dict[str, str] = {}
    for key, value in sorted(resource.attributes.items()):
        name = _label_name(key)
        shown = value if isinstance(value, str) else json.dumps(value, default=str)
        labels[name] = f"{labels[name]};{shown}" if name in labels else shown
    text = label_text(dict(sorted(labels.items())))
    name, kind = ("target", "info") if form == "openmetrics" else ("target_info", "gauge")
    return f"# HELP {name} Target metadata\n# TYPE {name} {kind}\ntarget_info{{{text}}} 1.0\n"


def labels_collide(resource: Resource) -> bool:
    """Whether two keys become the same label, of which the stock reader shows the last only."""
    return len(set(map(_label_name, resource.attributes))) < len(resource.attributes)


def _label_name(key: str) -> str:
    return _NOT_IN_LABEL_NAMES.sub("_", f"_{key[1:]}" if key[0].isdigit() else key)


def _encodable(value: object) -> object:
    return value.encode(errors="replace").decode() if isinstance(value, str) else value
