"""The loader's law: any text anywhere either loads or raises SettingsError, never anything else."""

import tomllib
from collections.abc import Mapping, Sequence
from datetime import date, time
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import yaml
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.configuration import SCHEMA, effective_toml, load_settings
from otel_tickrmeter.settings.durations import format_duration, parse_duration
from otel_tickrmeter.settings.faults import SettingsError
from otel_tickrmeter.settings.files import read_file_text
from otel_tickrmeter.settings.kinds import toml_value
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.notices import notices
from otel_tickrmeter.settings.sizes import format_size, parse_size

ANY_TEXT = st.text(st.characters(), max_size=30) | st.sampled_from(
    [
        "@int x",
        "@format {this.x}",
        "@jinja {{",
        "@merge",
        "[1",
        "{a=",
        "1e999",
        "\udcff",
        "a\0",
        "true",
        "-1",
        "tcp://x:1",
    ]
)
# Surrogates cannot stand in a file.
FILE_TEXT = st.text(max_size=30)
SCALARS = FILE_TEXT | st.integers() | st.floats() | st.booleans() | st.dates() | st.datetimes()
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(FILE_TEXT, inner, max_size=3)
)
NAMES = st.sampled_from(sorted(SCHEMA.keys.keys() | SCHEMA.tables))
VARIABLES = (
    NAMES.map(lambda key: f"TICKRMETER_{key.upper().replace('.', '__')}")
    | st.text(max_size=20).map("TICKRMETER_{}".format)
    | st.sampled_from(
        [
            *("MQTT_BROKER_HOST", "MQTT_BROKER_PORT", "MQTT_USERNAME", "MQTT_PASSWORD", "MQTT_KEEPALIVE"),
            *("OTEL_EXPORTER_PROMETHEUS_HOST", "OTEL_EXPORTER_PROMETHEUS_PORT", "OTEL_METRICS_EXPORTER"),
            *("OTEL_EXPORTER_OTLP_TIMEOUT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_INSECURE"),
            *("OTEL_EXPORTER_OTLP_CERTIFICATE", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"),
            *("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"),
        ]
    )
)


def load(
    configs: Sequence[Path] = (),
    options: Mapping[str, Found] = MappingProxyType({}),
    environ: Mapping[str, str] = MappingProxyType({}),
) -> Settings | None:
    """The settings, or None for SettingsError; any other exception goes through."""
    try:
        settings = load_settings(configs, options, environ, Path("/nowhere"))
        assert all(notice.isprintable() for notice in notices(settings, environ))
        return settings  # noqa: TRY300  what notices raise goes through as well
    except SettingsError as error:
        faults = error.faults
    assert faults
    assert all(str(fault).isprintable() for fault in faults)
    return None


def as_toml(value: object) -> str:
    """Like `toml_value`, and dates too."""
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, list):
        return f"[{', '.join(map(as_toml, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{toml_value(name)} = {as_toml(item)}' for name, item in value.items())}}}"
    return toml_value(value)


def nested(key: str, value: object) -> dict[str, object]:
    for name in reversed(key.split(".")):
        value = {name: value}
    assert isinstance(value, dict)
    return value


@given(st.dictionaries(VARIABLES, ANY_TEXT, max_size=4))
def test_any_environment(environ: dict[str, str]) -> None:
    load(environ=environ)


@given(NAMES, ANY_TEXT | VALUES)
def test_any_option(key: str, value: object) -> None:
    load(options={key: Found(value, "option")})


@given(NAMES | FILE_TEXT, VALUES)
def test_any_value_in_a_file(key: str, value: object) -> None:
    tree = nested(key, value)
    table = ".".join(toml_value(name) for name in key.split("."))
    texts = {"c.yaml": yaml.safe_dump(tree, allow_unicode=True), "c.toml": f"{table} = {as_toml(value)}\n"}
    with TemporaryDirectory() as directory:
        for name, text in texts.items():
            path = Path(directory) / name
            path.write_text(text, encoding="utf-8", errors="surrogatepass", newline="")
            load(configs=[path])


@given(st.sampled_from(["c.toml", "c.yaml"]), st.binary() | st.text().map(str.encode))
def test_any_file(name: str, content: bytes) -> None:
    layer = read_file_text(content, name, SCHEMA)
    assert all(fault.location.startswith(name) for fault in layer.faults)


@given(
    st.text(st.sampled_from("[]{}:,=-\"'#&*!|>%@ \nmqttqos1."), max_size=60),
    st.sampled_from(["c.toml", "c.yaml"]),
)
def test_any_punctuation(text: str, name: str) -> None:
    read_file_text(text.encode(), name, SCHEMA)


@given(FILE_TEXT.filter(lambda text: text and "\0" not in text))
def test_a_password_is_the_same_text_from_every_source(password: str) -> None:
    user = {"MQTT_USERNAME": "u"}
    environ = load(environ={**user, "TICKRMETER_MQTT__PASSWORD": password})
    option = load(environ=user, options={"mqtt.password": Found(password, "option")})
    with TemporaryDirectory() as directory:
        path = Path(directory) / "c.toml"
        path.write_text(f"[mqtt]\npassword = {toml_value(password)}\n", encoding="utf-8", newline="")
        file = load(environ=user, configs=[path])
    assert environ is not None
    assert environ == option == file
    assert environ.mqtt.password == password
    assert password not in tomllib.loads(effective_toml(environ))["mqtt"]["password"] or set(password) <= {
        "*"
    }


@given(st.floats(min_value=0, exclude_min=True, allow_infinity=False))
def test_durations_round_trip(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == seconds
    assert parse_duration(seconds) == seconds


@given(st.integers(1, 10**15))
def test_sizes_round_trip(size: int) -> None:
    assert parse_size(format_size(size)) == size
