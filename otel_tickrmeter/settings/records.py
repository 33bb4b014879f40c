"""Between the records of the model and the dotted keys that operators write."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.model import MessagesSettings, Settings

_FIELDS = "messages.fields."


def flatten(settings: Settings, schema: Schema) -> dict[str, Any]:
    """The values of `settings` under their dotted keys, in the order of the schema."""
    values: dict[str, Any] = {_FIELDS + reading: names for reading, names in settings.messages.fields.items()}

    def visit(record: Any, prefix: str) -> None:  # noqa: ANN401  any record of the model
        for field in fields(record):
            value = getattr(record, field.name)
            if is_dataclass(value):
                visit(value, f"{prefix}{field.name}.")
            else:
                values[f"{prefix}{field.name}"] = value

    visit(settings, "")
    return {key: values[key] for key in schema.keys}


def build(values: Mapping[str, Any]) -> Settings:
    """The records with `values` under their dotted keys, and defaults for what is missing."""

    def record(default: Any, prefix: str) -> Any:  # noqa: ANN401  any record of the model
        found = {}
        for field in fields(default):
            value = getattr(default, field.name)
            if isinstance(default, MessagesSettings) and field.name == "fields":
                given = {key.removeprefix(_FIELDS): values[key] for key in values if key.startswith(_FIELDS)}
                found[field.name] = MappingProxyType({**value, **given})
            elif is_dataclass(value):
                found[field.name] = record(value, f"{prefix}{field.name}.")
            else:
                found[field.name] = values.get(f"{prefix}{field.name}", value)
        return type(default)(**found)

    settings: Settings = record(Settings(), "")
    return settings
