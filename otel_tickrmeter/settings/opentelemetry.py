"""OpenTelemetry's own variables (`OTEL_*`): each is obeyed, or said at start to have no effect.

Their values are read here, not by the SDK's exporters: those take the timeouts for seconds, end the program
at a value they do not know, and read client certificates only where an authority is given too.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import unquote

from otel_tickrmeter.settings.environment import is_service_link, place
from otel_tickrmeter.settings.layer import Found, Layer
from otel_tickrmeter.settings.model import OtlpSettings, Settings
from otel_tickrmeter.settings.schema import OUTPUT_KEYS


def _milliseconds(text: str) -> str:
    if not re.fullmatch(r"[0-9]{1,15}", text):
        raise ValueError("must be a whole number of milliseconds")
    return f"{text}ms"


def _boolean(text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError("must be true or false")
    return text.lower() == "true"


def _endpoint_of_all(text: str) -> str:
    # The path is for HTTP, and added to one that is there; gRPC looks at none.
    return f"{text.rstrip('/')}/v1/metrics" if "://" in text else text


def _endpoint_of_metrics(text: str) -> str:
    # Taken as it is. Where our own setting has no path it means the usual one; here it means "/", which is
    # what becomes of "/." on its way.
    return f"{text.rstrip('/')}/." if re.fullmatch(r"https?://[^/]+/?", text) else text


_OTLP = "OTEL_EXPORTER_OTLP_"
_FOR_OTLP: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("PROTOCOL", "otlp.protocol", str.lower),
    ("TIMEOUT", "otlp.request_timeout", _milliseconds),
    ("COMPRESSION", "otlp.compression", str.lower),
    ("INSECURE", "otlp.insecure", _boolean),
    ("CERTIFICATE", "otlp.tls.ca_file", str),
    ("CLIENT_CERTIFICATE", "otlp.tls.cert_file", str),
    ("CLIENT_KEY", "otlp.tls.key_file", str),
)
# Later ones win: what is said of metrics over what is said of all signals.
_READ: tuple[tuple[str, str, Callable[[str], object]], ...] = (
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "prometheus.host", str),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "prometheus.port", str),
    *((f"{_OTLP}{name}", key, convert) for name, key, convert in _FOR_OTLP),
    *((f"{_OTLP}METRICS_{name}", key, convert) for name, key, convert in _FOR_OTLP),
    (f"{_OTLP}ENDPOINT", "otlp.endpoint", _endpoint_of_all),
    (f"{_OTLP}METRICS_ENDPOINT", "otlp.endpoint", _endpoint_of_metrics),
    (f"{_OTLP}METRICS_TEMPORALITY_PREFERENCE", "otlp.temporality", str.lower),
    ("OTEL_METRIC_EXPORT_INTERVAL", "otlp.interval", _milliseconds),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "otlp.timeout", _milliseconds),
)
_HEADERS = (f"{_OTLP}HEADERS", f"{_OTLP}METRICS_HEADERS")
_EXPORTERS = "OTEL_METRICS_EXPORTER"
_DISABLED = "OTEL_SDK_DISABLED"
_AGGREGATION = f"{_OTLP}METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
_EXEMPLARS = "OTEL_METRICS_EXEMPLAR_FILTER"

_PUSHING = frozenset({*_HEADERS, _AGGREGATION, *(name for name, key, _ in _READ if key.startswith("otlp."))})
_OBEYED = _PUSHING | {
    *(name for name, _, _ in _READ),
    _EXPORTERS,
    _DISABLED,
    # Read by the SDK, when it makes the resource.
    *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"),
}


_READERS = {key.name: key.kind.read for key in OUTPUT_KEYS}


def otel_layer(environ: Mapping[str, str]) -> Layer:
    """What the variables say, under our keys.

    A value that cannot be used is noted and ignored, never a fault: the specification has it so
    ("gracefully ignore the setting"), since these variables are set for whole clusters.
    """
    found: dict[str, Found] = {}
    notes: list[str] = []
    for variable, key, convert in _READ:
        text = _given(environ, variable)
        if not text:
            continue
        try:
            found[key] = Found(_READERS[key](convert(text)), place(variable))
        except ValueError as error:
            notes.append(f"{variable} is ignored: {error}")
    for variable in _HEADERS:
        headers: dict[str, str] = {}
        for number, entry in enumerate(_given(environ, variable).split(","), 1):
            try:
                headers |= _header(entry)
            except ValueError as error:
                # Nothing of the entry is told: it may be a secret.
                notes.append(f"{variable}: entry {number} is ignored: {error}")
        if headers:
            found["otlp.headers"] = Found(headers, place(variable))
    if "otlp" in _exporters(environ):
        found["otlp.enabled"] = Found(value=True, location=place(_EXPORTERS))
    return Layer(found, notes=tuple(notes))


def otel_notices(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    """One sentence for every variable that is not obeyed as it stands, or for some of them together."""
    yield from otel_layer(environ).notes
    yield from _on_switches(settings, environ)
    given = sorted(name for name in environ if _given(environ, name) and _is_otel(name, environ[name]))
    if settings.otlp.enabled:
        yield from _on_pushing(settings.otlp, environ)
    else:
        told = {note.partition(" ")[0].rstrip(":") for note in otel_layer(environ).notes}
        idle = [name for name in given if name in _PUSHING and name not in told]
        if idle or settings.otlp != OtlpSettings():
            named = f" ({', '.join(idle)})" if idle else ""
            yield f"the otlp settings{named} have no effect: otlp.enabled is false"
    # The two that mean "none where nothing is traced" are met: there are no exemplars.
    unmet = _given(environ, _EXEMPLARS).lower() not in ("", "always_off", "trace_based")
    others = [name for name in given if name not in _OBEYED and (name != _EXEMPLARS or unmet)]
    if others:
        yield f"no effect here: {', '.join(others)}"


def _on_switches(settings: Settings, environ: Mapping[str, str]) -> Iterator[str]:
    exporters = _exporters(environ)
    if exporters - {"otlp", "prometheus"}:
        yield f"{_EXPORTERS}: only otlp and prometheus have an effect; the exposition is always served"
    if exporters and "otlp" not in exporters and settings.otlp.enabled:
        yield f"{_EXPORTERS} does not name otlp, but metrics are pushed: otlp.enabled is true"
    if _given(environ, _DISABLED).lower() not in ("", "true", "false"):
        yield f"{_DISABLED} is taken for false: must be true or false"


def _on_pushing(otlp: OtlpSettings, environ: Mapping[str, str]) -> Iterator[str]:
    if _given(environ, _AGGREGATION).lower() not in ("", "explicit_bucket_histogram"):
        yield f"{_AGGREGATION} has no effect: the buckets of the histograms are fixed"
    scheme = (otlp.endpoint or "http://").partition("://")[0]
    given = [name for name in ("ca_file", "cert_file", "key_file") if getattr(otlp.tls, name) is not None]
    if given and (scheme == "http" or (scheme != "https" and otlp.insecure)):
        yield f"otlp.tls.{', otlp.tls.'.join(given)}: no effect, the collector is not pushed to over TLS"
    if otlp.insecure and scheme == "https":
        yield "otlp.insecure has no effect: the endpoint is https://"


def _header(entry: str) -> Mapping[str, str]:
    name, equals, text = entry.partition("=")
    if not entry.strip():
        return {}
    if not equals:
        raise ValueError("must be name=value")
    read: Callable[[Any], Mapping[str, str]] = _READERS["otlp.headers"]
    return read({unquote(name.strip()): unquote(text.strip())})


def _exporters(environ: Mapping[str, str]) -> set[str]:
    return {name.strip().lower() for name in environ.get(_EXPORTERS, "").split(",")} - {""}


def _given(environ: Mapping[str, str], variable: str) -> str:
    return environ.get(variable, "").strip()


def _is_otel(name: str, value: str) -> bool:
    # A Service named "otel-collector" is no setting.
    return bool(re.fullmatch("OTEL_[A-Z0-9_]+", name)) and not is_service_link(name, value)
