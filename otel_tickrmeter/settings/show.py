"""The settings as text: the effective ones with secrets masked, the shipped file, the table of the docs."""

from collections.abc import Mapping
from dataclasses import replace

from otel_tickrmeter.settings.broker import hide_query
from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.records import flatten

MASK = "********"

_HEAD = """\
# The settings of otel-tickrmeter, every key with its default. Remove the "#" before a key to set it.
# Later sources win: this file, .secrets.toml, --config files, the environment (TICKRMETER_MQTT__BROKER=…),
# options. Durations are "500ms", "30s", "5m", "24h", "7d", "1m30s" or seconds.
"""


def effective_toml(settings: Settings, schema: Schema) -> str:
    """`settings` as a TOML file: secrets are masked, keys without a value are comments."""
    lines: list[str] = []
    table = ""
    values = flatten(settings, schema)
    for key, value in values.items():
        table = _begin_table(lines, table, key)
        name = key.rpartition(".")[2]
        # With a file for a secret, that is the file's content, and the two exclude each other.
        from_file = schema.keys[key].secret and values.get(f"{key}_file") is not None
        if value is None or from_file:
            lines.append(f"# {name}: {f'from {key}_file' if from_file else shown(key, None, schema)}")
        else:
            lines.append(f"{name} = {shown(key, value, schema)}")
    for signal, otlp in settings.signals.items():
        own = flatten(replace(settings, otlp=otlp), schema)
        different = [key for key in values if own[key] != values[key]]
        lines += ["", f"# {signal}, by variables of OpenTelemetry about them alone:"]
        lines += [f"#   {key} = {shown(key, own[key], schema)}" for key in different]
    return "\n".join(lines).lstrip("\n") + "\n"


def shipped_toml(schema: Schema, defaults: Settings) -> str:
    """The settings file that is shipped: every key with its meaning and its default, commented out."""
    lines = [_HEAD.rstrip("\n")]
    table = ""
    for key, value in flatten(defaults, schema).items():
        table = _begin_table(lines, table, key)
        spec = schema.keys[key]
        meaning = spec.meaning
        if spec.default or value is None:
            meaning = f"{meaning} Default: {spec.default or 'none'}."
        example = spec.example or spec.kind.write(value)
        lines += [f"# {meaning}", f"#{key.rpartition('.')[2]} = {example}"]
    return "\n".join(lines) + "\n"


def shown(key: str, value: object, schema: Schema) -> str:
    """One value as it may be shown: as in TOML, a secret masked; without a value, what that stands for."""
    if value is None:
        return schema.keys[key].default or "none"
    return schema.keys[key].kind.write(_masked(key, value, schema))


def settings_table(schema: Schema, defaults: Settings) -> str:
    """All keys as a Markdown table: key, default, meaning, and when a change of it takes effect."""
    lines = ["| key | default | meaning | takes effect at a |", "|---|---|---|---|"]
    for key, value in flatten(defaults, schema).items():
        spec = schema.keys[key]
        default = spec.default or ("none" if value is None else f"`{spec.kind.write(value)}`")
        cells = (f"`{key}`", default, spec.meaning, "reload" if spec.reload else "restart")
        lines.append(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |")
    return "\n".join(lines) + "\n"


def _begin_table(lines: list[str], table: str, key: str) -> str:
    new = key.rpartition(".")[0]
    if new != table:
        lines += ["", f"[{new}]"]
    return new


def _masked(key: str, value: object, schema: Schema) -> object:
    if key == "mqtt.broker":
        return hide_query(str(value))
    if not schema.keys[key].secret:
        return value
    return dict.fromkeys(value, MASK) if isinstance(value, Mapping) else MASK
