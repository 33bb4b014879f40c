"""OpenTelemetry's variables about traces or logs alone: each is obeyed for that signal, and for no other."""

from collections.abc import Mapping
from operator import attrgetter
from pathlib import Path

import pytest

from otel_tickrmeter.configuration import effective_toml, load_settings
from otel_tickrmeter.settings.faults import SettingsError
from otel_tickrmeter.settings.known_secrets import known_secrets
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import OtherSignal, Settings
from otel_tickrmeter.settings.show import MASK
from otel_tickrmeter.telemetry.otlp_exporter import make_log_exporter, make_span_exporter
from tests.support.certificates import Authority
from tests.support.otlp_collector import Collector
from tests.unit.test_telemetry_otlp_exporter import a_span

SIGNALS: tuple[OtherSignal, ...] = ("traces", "logs")
OTHER: Mapping[OtherSignal, OtherSignal] = {"traces": "logs", "logs": "traces"}
ON = {f"TICKRMETER_OTLP__{name}": "true" for name in ("ENABLED", "TRACES", "LOGS")}
OTLP = "OTEL_EXPORTER_OTLP_"
DEFAULT = Settings().otlp
# The end of the variable, what it says, what it says for all, the field, and what comes of both.
CASES = (
    ("PROTOCOL", "grpc", "http/protobuf", "protocol", "grpc", "http/protobuf"),
    ("TIMEOUT", "2500", "1000", "request_timeout", 2.5, 1.0),
    ("COMPRESSION", "gzip", "none", "compression", "gzip", "none"),
    ("INSECURE", "true", "false", "insecure", True, False),
    ("HEADERS", "a=b%20c", "d=e", "headers", {"a": "b c"}, {"d": "e"}),
)
FILES = (
    ("CERTIFICATE", "tls.ca_file"),
    ("CLIENT_CERTIFICATE", "tls.cert_file"),
    ("CLIENT_KEY", "tls.key_file"),
)


def loaded(directory: Path, environ: Mapping[str, str], toml: str = "", **options: str) -> Settings:
    directory.mkdir(exist_ok=True)
    (directory / "settings.toml").write_text(toml)
    given = {f"otlp.{name}": Found(value, f"option --{name}") for name, value in options.items()}
    return load_settings([], given, {**ON, **environ}, directory)


def faults(directory: Path, environ: Mapping[str, str], toml: str = "") -> list[str]:
    with pytest.raises(SettingsError) as raised:
        loaded(directory, environ, toml)
    return [str(each) for each in raised.value.faults]


@pytest.mark.parametrize("signal", SIGNALS)
@pytest.mark.parametrize(("name", "own", "all_", "field", "wanted", "general"), CASES)
def test_what_is_said_of_one_signal_counts_for_it_alone(
    tmp_path: Path,
    signal: OtherSignal,
    *,
    name: str,
    own: str,
    all_: str,
    field: str,
    wanted: object,
    general: object,
) -> None:
    environ = {f"{OTLP}{signal.upper()}_{name}": own, f"{OTLP}{name}": all_}
    settings = loaded(tmp_path, environ)
    assert getattr(settings.otlp_for(signal), field) == wanted
    assert getattr(settings.otlp, field) == getattr(settings.otlp_for(OTHER[signal]), field) == general
    assert settings.signals.keys() == {signal}


@pytest.mark.parametrize(("name", "own", "all_", "field", "wanted", "general"), CASES)
def test_what_is_said_of_metrics_counts_for_no_other(
    tmp_path: Path, *, name: str, own: str, all_: str, field: str, wanted: object, general: object
) -> None:
    settings = loaded(tmp_path, {f"{OTLP}METRICS_{name}": own, f"{OTLP}{name}": all_})
    assert getattr(settings.otlp, field) == wanted
    assert {getattr(settings.otlp_for(signal), field) == general for signal in SIGNALS} == {True}
    settings = loaded(tmp_path, {f"{OTLP}METRICS_{name}": own})
    usual = getattr(DEFAULT, field)
    assert {getattr(settings.otlp_for(signal), field) == usual for signal in SIGNALS} == {True}


@pytest.mark.parametrize("signal", SIGNALS)
def test_certificates_of_one_signal(tmp_path: Path, signal: OtherSignal) -> None:
    cert, key = Authority(tmp_path, "own").issue("client")
    other_cert, other_key = Authority(tmp_path, "all").issue("client2")
    own = dict(zip((name for name, _ in FILES), (cert, cert, key), strict=True))
    all_ = dict(zip((name for name, _ in FILES), (other_cert, other_cert, other_key), strict=True))
    environ = {f"{OTLP}{signal.upper()}_{name}": str(path) for name, path in own.items()}
    environ |= {f"{OTLP}{name}": str(path) for name, path in all_.items()}
    settings = loaded(tmp_path, {**environ, f"{OTLP}ENDPOINT": "https://c:4317"})
    for name, field in FILES:
        assert attrgetter(field)(settings.otlp_for(signal)) == own[name]
        assert attrgetter(field)(settings.otlp) == all_[name]


def test_the_endpoint_of_metrics_is_not_that_of_others(tmp_path: Path) -> None:
    said = {f"{OTLP}ENDPOINT": "http://all:1", f"{OTLP}METRICS_ENDPOINT": "http://metrics:2/m"}
    settings = loaded(tmp_path, said)
    assert settings.otlp.endpoint == "http://metrics:2/m"
    assert {settings.otlp_for(signal).endpoint for signal in SIGNALS} == {"http://all:1/v1/metrics"}


def test_later_sources_win_over_what_is_said_of_a_signal(tmp_path: Path) -> None:
    toml = '[otlp]\ncompression = "gzip"\nrequest_timeout = "7s"\nheaders = {f = "g"}\n'
    environ = {f"{OTLP}METRICS_TIMEOUT": "1000", f"{OTLP}TRACES_HEADERS": "a=b"}
    settings = loaded(tmp_path, environ, toml)
    traces = settings.otlp_for("traces")
    # The file is for all; what is said of metrics alone hides it from them only.
    assert (traces.compression, traces.request_timeout, traces.headers) == ("gzip", 7.0, {"a": "b"})
    assert (settings.otlp.request_timeout, settings.otlp.headers) == (1.0, {"f": "g"})
    ours = loaded(tmp_path, {**environ, "TICKRMETER_OTLP__HEADERS": '{x = "y"}'}, toml, request_timeout="3s")
    for otlp in (ours.otlp, *(ours.otlp_for(signal) for signal in SIGNALS)):
        assert (otlp.headers, otlp.request_timeout) == ({"x": "y"}, 3.0)


def test_a_signal_that_is_not_sent_is_not_looked_at(tmp_path: Path) -> None:
    environ = {f"{OTLP}LOGS_CERTIFICATE": "/nowhere", f"{OTLP}LOGS_HEADERS": "a=b"}
    assert loaded(tmp_path, {**environ, "TICKRMETER_OTLP__LOGS": "false"}).signals == {}
    off = dict.fromkeys(ON, "false")
    assert loaded(tmp_path, {**environ, **off}).signals == {}


@pytest.mark.parametrize(
    ("environ", "toml", "wanted"),
    [
        (
            {f"{OTLP}TRACES_CERTIFICATE": "/nowhere"},
            "",
            [f"environment variable {OTLP}TRACES_CERTIFICATE: otlp.tls.ca_file: /nowhere has no usable"],
        ),
        (
            {f"{OTLP}LOGS_CLIENT_KEY": "/nowhere"},
            "",
            [
                f"environment variable {OTLP}LOGS_CLIENT_KEY: otlp.tls.key_file: otlp.tls.cert_file and",
                f"environment variable {OTLP}LOGS_CLIENT_KEY: otlp.tls.key_file: /nowhere cannot be read",
            ],
        ),
        (
            {f"{OTLP}TRACES_PROTOCOL": "http/protobuf", f"{OTLP}TRACES_ENDPOINT": "c:4317"},
            "",
            [f"environment variable {OTLP}TRACES_ENDPOINT: otlp.traces_endpoint: must start with http://"],
        ),
        # A fault of all signals is told once, and so is one of a file that metrics have something else for.
        (
            {f"{OTLP}CERTIFICATE": "/nowhere"},
            "",
            [f"environment variable {OTLP}CERTIFICATE: otlp.tls.ca_file"],
        ),
        ({}, '[otlp]\ncompression = "zstd"\n', ["settings.toml:2: otlp.compression: must be one of"]),
        (
            {f"{OTLP}METRICS_COMPRESSION": "gzip"},
            '[otlp]\ncompression = "zstd"\n',
            ["settings.toml:2: otlp.compression: must be one of"],
        ),
    ],
)
def test_what_is_wrong_with_a_signal_is_told_with_its_place(
    tmp_path: Path, environ: dict[str, str], toml: str, wanted: list[str]
) -> None:
    found = faults(tmp_path, environ, toml)
    assert len(found) == len(wanted)
    assert [each in text for each, text in zip(wanted, found, strict=True)] == [True] * len(wanted)


def test_each_signal_may_have_a_protocol_and_an_endpoint_that_goes_with_it(tmp_path: Path) -> None:
    environ = {
        f"{OTLP}PROTOCOL": "http/protobuf",
        f"{OTLP}ENDPOINT": "http://c:4318",
        f"{OTLP}TRACES_PROTOCOL": "grpc",
        f"{OTLP}TRACES_ENDPOINT": "c:4317",
    }
    assert loaded(tmp_path, environ).otlp_for("traces").traces_endpoint == "c:4317"


def test_headers_of_a_signal_are_secret_and_what_is_different_is_shown(tmp_path: Path) -> None:
    environ = {f"{OTLP}TRACES_HEADERS": "key=hunter2", f"{OTLP}TRACES_TIMEOUT": "2500"}
    settings = loaded(tmp_path, environ)
    assert known_secrets(settings) == ("hunter2",)
    shown = effective_toml(settings)
    assert "# traces, by variables of OpenTelemetry about them alone:" in shown
    assert '#   otlp.request_timeout = "2500ms"' in shown
    assert f'#   otlp.headers = {{"key" = "{MASK}"}}' in shown
    assert "hunter2" not in shown
    assert "# logs, by" not in shown


@pytest.mark.parametrize("signal", SIGNALS)
def test_the_exporter_of_a_signal_is_told(collector: Collector, tmp_path: Path, signal: OtherSignal) -> None:
    own = f"{OTLP}{signal.upper()}_"
    environ = {
        f"{OTLP}ENDPOINT": collector.url,
        f"{OTLP}METRICS_HEADERS": "api-key=secret",
        f"{OTLP}PROTOCOL": "grpc",
        f"{own}PROTOCOL": "http/protobuf",
        f"{own}HEADERS": "a=b",
        f"{own}COMPRESSION": "gzip",
    }
    settings = loaded(tmp_path, environ).otlp_for(signal)
    if signal == "traces":
        spans = make_span_exporter(settings)
        spans.export([a_span()])
        spans.shutdown()
    else:
        logs = make_log_exporter(settings)
        logs.export([])
        logs.shutdown()  # type: ignore[no-untyped-call]
    ((path, headers, _),) = collector.requests
    assert path == f"/v1/{signal}"
    assert (headers["a"], headers["content-encoding"], "api-key" in headers) == ("b", "gzip", False)
