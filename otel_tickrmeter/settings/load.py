"""All sources into one record of settings; the only module that knows dynaconf.

dynaconf opens the files and merges the sources, and its parser reads lists and tables in the environment.
What it also does by itself is left out, each for its reason: it reads `os.environ` (here the given
environment decides), loads `.env` and `*.local.*`, runs `dynaconf_hooks.py` beside a settings file, follows
`dynaconf_include`, searches parent directories, and lets `*_FOR_DYNACONF` variables change all of that.

Each value goes through the merge inside a `Found`. To dynaconf that is an opaque object, so "@int 5" or
"@format {env}" in a password stays text, a list replaces a list instead of being appended to it, and the
place of the value that wins comes out at the other end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, BinaryIO

from dynaconf.base import Settings as Merged
from dynaconf.loaders.base import BaseLoader
from dynaconf.utils.parse_conf import parse_conf_data

from otel_tickrmeter.settings.environment import own_layer, plain_layer
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.files import TOML_SUFFIXES, YAML_SUFFIXES, read_file_text
from otel_tickrmeter.settings.key import Key, Schema
from otel_tickrmeter.settings.layer import Found, Layer, always, nest, read_tree
from otel_tickrmeter.settings.model import Settings, default_client_id
from otel_tickrmeter.settings.named_files import read_named_files
from otel_tickrmeter.settings.opentelemetry import otel_layer
from otel_tickrmeter.settings.records import build, flatten
from otel_tickrmeter.settings.rules import broken_rules
from otel_tickrmeter.settings.signals import Sources, apart, values_of_signals

_SUFFIXES = TOML_SUFFIXES + YAML_SUFFIXES
_USUAL = ("settings.toml", ".secrets.toml")
_SHOWN = 60


def settings_files(config_files: Sequence[Path], directory: Path) -> tuple[Path, ...]:
    """The files that `load_settings` reads from these sources, in its order."""
    usual = (directory / name for name in _USUAL)
    return (*(path for path in usual if path.exists()), *config_files)


def load_settings(
    config_files: Sequence[Path],
    overrides: Mapping[str, Found],
    environ: Mapping[str, str],
    directory: Path,
    schema: Schema,
    *,
    defaults: Settings,
    chance: str = "",
) -> Settings:
    """The settings from all sources; later ones win, key by key.

    In order: built-in defaults, `settings.toml` and `.secrets.toml` in `directory` (each may be absent),
    `config_files`, the environment (OpenTelemetry's and plain names first, then `TICKRMETER_…`), `overrides`.
    Files that settings name are taken relative to the working directory.

    Args:
        config_files: TOML or YAML files, which must exist.
        overrides: dotted keys to values from the command line, each with its place ("option --broker").
        environ: the environment variables that count.
        directory: where `settings.toml` and `.secrets.toml` may be.
        schema: every key there is.
        defaults: the built-in ones, those of every fleet among them.
        chance: what stands in a default client id where a random text would: see `default_client_id`.

    Raises:
        SettingsError: with every fault of every source.
    """
    merged = Merged(
        dynaconf_skip_loaders=True, MERGE_ENABLED_FOR_DYNACONF=True, ENVIRONMENTS_FOR_DYNACONF=False
    )
    faults: list[Fault] = []
    for name in _USUAL:
        faults += _load_file(merged, directory / name, schema, required=False)
    for path in config_files:
        faults += _load_file(merged, path, schema, required=True)

    in_files = _found(merged)
    below = in_files.get("mqtt.broker")
    broker = defaults.mqtt.broker if below is None else str(below.value)
    above = (
        plain_layer(environ, broker, schema),
        own_layer(environ, _parse, schema),
        _option_layer(overrides, schema),
    )
    for layer in (otel_layer(environ), *above):
        merged.update(nest(layer.found))
        faults += layer.faults

    found = _found(merged)
    values = flatten(defaults, schema)
    for key, given in found.items():
        try:
            values[key] = schema.keys[key].kind.read(given.value)
        except ValueError as error:
            del values[key]
            faults.append(Fault(given.location, key, f"{error}{_shown(schema.keys[key], given.value)}"))

    def locate(key: str) -> str | None:
        return found[key].location if key in found else None

    if "mqtt.client_id" not in found and {"prometheus.port", "mqtt.clean_session"} <= values.keys():
        values["mqtt.client_id"] = default_client_id(
            values["prometheus.port"], clean_session=values["mqtt.clean_session"], chance=chance
        )
    faults += broken_rules(apart(values), locate, schema.rules)
    contents, more = read_named_files(values, locate)
    faults += more
    over: dict[str, Found] = {}
    for layer in above:
        over.update(layer.found)
    signals = values_of_signals(values, Sources(in_files, environ, over, flatten(defaults, schema)), schema)
    faults += (each for each in signals.faults if each not in faults)
    if faults:
        raise SettingsError(faults)
    settings = build(values | contents, defaults, schema)
    made = {signal: build(own, defaults, schema).otlp for signal, own in signals.values.items()}
    different = {signal: otlp for signal, otlp in made.items() if otlp != settings.otlp}
    return replace(settings, signals=MappingProxyType(different))


def _load_file(merged: Merged, path: Path, schema: Schema, *, required: bool) -> tuple[Fault, ...]:
    name = str(path)
    if path.suffix not in _SUFFIXES:
        return (Fault(name, "", f"must end in one of {', '.join(_SUFFIXES)}"),)
    try:
        # dynaconf would warn of a file that does not open, and go on.
        path.open("rb").close()
    except (OSError, ValueError) as error:
        if isinstance(error, FileNotFoundError) and not required:
            return ()
        return (Fault(name, "", f"cannot be read: {getattr(error, 'strerror', None) or error}"),)
    faults: tuple[Fault, ...] = ()

    def read(stream: BinaryIO) -> Mapping[str, object]:
        nonlocal faults
        layer = read_file_text(stream.read(), name, schema)
        faults = layer.faults
        return nest(layer.found)

    # "_envless": no [default] and [production] tables; a list of names: no search and no globs.
    BaseLoader(merged, "_envless", "settings", _SUFFIXES, read, None, {"mode": "rb"}).load([name])
    return faults


def _option_layer(overrides: Mapping[str, Found], schema: Schema) -> Layer:
    layers = [
        read_tree({key: given.value}, always(given.location), schema) for key, given in overrides.items()
    ]
    return Layer(
        {key: given for layer in layers for key, given in layer.found.items()},
        tuple(fault for layer in layers for fault in layer.faults),
    )


def _parse(text: str) -> object:
    """The list or table that an environment variable has as TOML; the text itself when it is none."""
    try:
        # Without the casts no "@token" is obeyed; without the boxes a table is a plain dictionary.
        value: object = parse_conf_data(
            text, tomlfy=True, box_settings={"AUTO_CAST_FOR_DYNACONF": False, "DYNABOXIFY": False}
        )
    except (ValueError, RecursionError):
        # dynaconf answers only TOML's own error with the text.
        return text
    return value


def _found(merged: Merged) -> dict[str, Found]:
    """What the merge holds under dotted keys, without dynaconf's own entries."""
    found: dict[str, Found] = {}

    def visit(tree: Mapping[str, Any], prefix: str) -> None:
        for name, value in tree.items():
            if isinstance(value, Found):
                found[prefix + name.lower()] = value
            elif isinstance(value, Mapping):
                visit(value, f"{prefix}{name.lower()}.")

    visit(merged.to_dict(), "")
    return found


def _shown(key: Key, value: object) -> str:
    # Beyond 4300 digits Python refuses to write an integer.
    plain = isinstance(value, str | float) or (isinstance(value, int) and value.bit_length() < _SHOWN)
    if key.secret or not plain:
        return ""
    # An "@" may stand behind a password in a URL, a broker's query may be a token, and a table hold anything.
    if "@" in str(value) or (key.name == "mqtt.broker" and "?" in str(value)):
        return ""
    return f", not {repr(value)[:_SHOWN]}"
