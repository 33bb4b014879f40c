"""The resource: what `target_info` and OTLP say of this program."""

from opentelemetry.sdk.resources import OTELResourceDetector, Resource

from otel_tickrmeter import __version__
from otel_tickrmeter.telemetry.render import Format
from otel_tickrmeter.telemetry.series import label_text


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
    return Resource.create(defaults).merge(OTELResourceDetector().detect())


def target_info(resource: Resource, form: Format) -> str:
    """Render the `target_info` family."""
    labels = {_label_name(key): value for key, value in sorted(resource.attributes.items())}
    name, kind = ("target", "info") if form == "openmetrics" else ("target_info", "gauge")
    return f"# HELP {name} Target metadata\n# TYPE {name} {kind}\ntarget_info{{{label_text(labels)}}} 1.0\n"


def _label_name(key: str) -> str:
    name = "".join(c if c.isascii() and c.isalnum() else "_" for c in key)
    return f"_{name}" if name[:1].isdigit() else name
