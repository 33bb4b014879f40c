"""Between the records of settings and the dotted keys that operators write."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from types import MappingProxyType
from typing import Any

from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.model import Settings


def flatten(settings: Settings, schema: Schema) -> dict[str, Any]:
    """The values of `settings`, and of its fleets, under their dotted keys, in the order of the schema."""
    values: dict[str, Any] = {}

    def visit(record: Any, prefix: str) -> None:  # noqa: ANN401  any record of settings
        for field in fields(record):
            value, name = getattr(record, field.name), f"{prefix}{field.name}"
            if is_dataclass(value):
                visit(value, f"{name}.")
            elif name in schema.tables:
                values.update({f"{name}.{key}": given for key, given in value.items()})
            else:
                values[name] = value

    for record in (settings, *settings.fleets):
        visit(record, "")
    return {key: values[key] for key in schema.keys}


def build(values: Mapping[str, Any], defaults: Settings, schema: Schema) -> Settings:
    """The records with `values` under their dotted keys, and `defaults` for what is missing."""

    def record(default: Any, prefix: str) -> Any:  # noqa: ANN401  any record of settings
        found = {}
        for field in fields(default):
            value, name = getattr(default, field.name), f"{prefix}{field.name}"
            if is_dataclass(value):
                found[field.name] = record(value, f"{name}.")
            elif name in schema.tables:
                given = {key: values.get(f"{name}.{key}", usual) for key, usual in value.items()}
                found[field.name] = MappingProxyType(given)
            else:
                found[field.name] = values.get(name, value)
        return type(default)(**found)

    settings: Settings = record(defaults, "")
    return replace(settings, fleets=tuple(record(fleet, "") for fleet in defaults.fleets))
