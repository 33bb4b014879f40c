"""OpenTelemetry's own variables (`OTEL_*`): each is obeyed, or said at start to have no effect.

Their values are read here, not by the SDK's exporters: those take the timeouts for seconds, end the program
at a value they do not know, and read client certificates only where an authority is given too.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Literal
from urllib.parse import unquote

from otel_tickrmeter.settings.environment import is_service_link, place
from otel_tickrmeter.settings.layer import Found, Layer
from otel_tickrmeter.settings.model import OtherSignal, OtlpSettings, Settings
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


def _endpoint_of_one(text: str) -> str:
    # Taken as it is. Where our own setting has no path it means the usual one; here it means "/", which is
    # what becomes of "/." on its way.
    return f"{text.rstrip('/')}/." if re.fullmatch(r"https?://[^/]+/?", text) else text


_OTLP = "OTEL_EXPORTER_OTLP_"
_Row = tuple[str, str, Callable[[str], object]]
_FOR_OTLP: tuple[_Row, ...] = (
    ("PROTOCOL", "otlp.protocol", str.lower),
    ("TIMEOUT", "otlp.request_timeout", _milliseconds),
    ("COMPRESSION", "otlp.compression", str.lower),
    ("INSECURE", "otlp.insecure", _boolean),
    ("CERTIFICATE", "otlp.tls.ca_file", str),
    ("CLIENT_CERTIFICATE", "otlp.tls.cert_file", str),
    ("CLIENT_KEY", "otlp.tls.key_file", str),
)
Signal = Literal["metrics", OtherSignal]
OTHER_SIGNALS: tuple[OtherSignal, ...] = ("traces", "logs")
_SIGNALS: tuple[Signal, ...] = ("metrics", *OTHER_SIGNALS)
SIGNAL_KEYS = ("otlp.endpoint", "otlp.headers", *(key for _, key, _ in _FOR_OTLP))
"""What may be said of each signal by itself."""
_READ: tuple[_Row, ...] = (
    ("OTEL_EXPORTER_PROMETHEUS_HOST", "prometheus.host", str),
    ("OTEL_EXPORTER_PROMETHEUS_PORT", "prometheus.port", str),
    *((f"{_OTLP}{name}", key, convert) for name, key, convert in _FOR_OTLP),
    (f"{_OTLP}ENDPOINT", "otlp.endpoint", _endpoint_of_all),
    (f"{_OTLP}TRACES_ENDPOINT", "otlp.traces_endpoint", _endpoint_of_one),
    (f"{_OTLP}LOGS_ENDPOINT", "otlp.logs_endpoint", _endpoint_of_one),
    (f"{_OTLP}METRICS_TEMPORALITY_PREFERENCE", "otlp.temporality", str.lower),
    ("OTEL_METRIC_EXPORT_INTERVAL", "otlp.interval", _milliseconds),
    ("OTEL_METRIC_EXPORT_TIMEOUT", "otlp.timeout", _milliseconds),
)
_HEADERS = f"{_OTLP}HEADERS"
_EXPORTERS = "OTEL_METRICS_EXPORTER"
_DISABLED = "OTEL_SDK_DISABLED"
_AGGREGATION = f"{_OTLP}METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
_EXEMPLARS = "OTEL_METRICS_EXEMPLAR_FILTER"


def _of_signal(signal: Signal) -> tuple[_Row, ...]:
    """What is read of a signal alone, its headers apart."""
    prefix = f"{_OTLP}{signal.upper()}_"
    rows = tuple((f"{prefix}{name}", key, convert) for name, key, convert in _FOR_OTLP)
    # That of others has a key of its own.
    return (*rows, (f"{prefix}ENDPOINT", "otlp.endpoint", _endpoint_of_one)) if signal == "metrics" else rows


def _headers_of(signal: Signal) -> str:
    return f"{_OTLP}{signal.upper()}_HEADERS"


def _names_of(signal: Signal) -> frozenset[str]:
    """Every variable about a signal alone."""
    prefix = f"{_OTLP}{signal.upper()}_"
    read = {name for name, _, _ in (*_READ, *_of_signal(signal)) if name.startswith(prefix)}
    return frozenset({*read, _headers_of(signal)})


_PUSHING = frozenset(
    {
        *(name for name, key, _ in _READ if key.startswith("otlp.")),
        *(name for signal in _SIGNALS for name in _names_of(signal)),
        *(_HEADERS, _AGGREGATION),
    }
)
_OBEYED = _PUSHING | {
    *(name for name, _, _ in _READ),
    _EXPORTERS,
    _DISABLED,
    # Read by the SDK, when it makes the resource.
    *("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"),
}


_READERS = {key.name: key.kind.read for key in OUTPUT_KEYS}


def otel_layer(environ: Mapping[str, str], signal: Signal = "metrics") -> Layer:
    """What the variables say of a signal, under our keys; what is said of it alone wins.

    A value that cannot be used is noted and ignored, never a fault: the specification has it so
    ("gracefully ignore the setting"), since these variables are set for whole clusters.
    """
    found: dict[str, Found] = {}
    notes: list[str] = []
    for variable, key, convert in (*_READ, *_of_signal(signal)):
        text = _given(environ, variable)
        if not text:
            continue
        try:
            found[key] = Found(_READERS[key](convert(text)), place(variable))
        except ValueError as error:
            notes.append(f"{variable} is ignored: {error}")
    for variable in (_HEADERS, _headers_of(signal)):
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
    notes = tuple(dict.fromkeys(note for signal in _SIGNALS for note in otel_layer(environ, signal).notes))
    yield from notes
    yield from _on_switches(settings, environ)
    given = sorted(name for name in environ if _given(environ, name) and _is_otel(name, environ[name]))
    told = {note.partition(" ")[0].rstrip(":") for note in notes}
    if settings.otlp.enabled:
        yield from _on_pushing(settings.otlp, environ)
        yield from _on_other_signals(settings, {*given} - told)
    else:
        idle = [name for name in given if name in _PUSHING and name not in told]
        if idle or settings.otlp != OtlpSettings():
            named = f" ({', '.join(idle)})" if idle else ""
            yield f"the otlp settings{named} have no effect: otlp.enabled is false"
    # What is traced is an exemplar, and nothing else.
    met = ("", "trace_based") if settings.otlp.traces else ("", "always_off", "trace_based")
    unmet = _given(environ, _EXEMPLARS).lower() not in met
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


def _on_other_signals(settings: Settings, given: AbstractSet[str]) -> Iterator[str]:
    for signal in OTHER_SIGNALS:
        on = {"traces": settings.otlp.traces, "logs": settings.otlp.logs}[signal]
        idle = sorted(given & _names_of(signal))
        if idle and not on:
            yield f"{', '.join(idle)}: no effect, otlp.{signal} is false"
        elif signal in settings.signals:
            otlp = settings.otlp_for(signal)
            endpoint = otlp.traces_endpoint if signal == "traces" else otlp.logs_endpoint
            yield from (f"{signal}: {each}" for each in _on_tls(otlp, endpoint or otlp.endpoint))


def _on_pushing(otlp: OtlpSettings, environ: Mapping[str, str]) -> Iterator[str]:
    if _given(environ, _AGGREGATION).lower() not in ("", "explicit_bucket_histogram"):
        yield f"{_AGGREGATION} has no effect: the buckets of the histograms are fixed"
    yield from _on_tls(otlp, otlp.endpoint)


def _on_tls(otlp: OtlpSettings, endpoint: str | None) -> Iterator[str]:
    scheme = (endpoint or "http://").partition("://")[0]
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
