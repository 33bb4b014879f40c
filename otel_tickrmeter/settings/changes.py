"""What is different when the settings are read again, and what of it takes effect at once."""

from dataclasses import dataclass

from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.records import build, flatten
from otel_tickrmeter.settings.show import shown


@dataclass(frozen=True, slots=True)
class Change:
    """A key with another value than before; both as they may be logged, which may look the same."""

    key: str
    before: str
    now: str
    at_once: bool


def changes(running: Settings, read: Settings, schema: Schema) -> tuple[Change, ...]:
    """How the settings that were `read` differ from those that the program is `running` with.

    What stands in a file of its own and is read from there when it is needed is no change, as long as that
    file is the same one.
    """
    before, now = flatten(running, schema), flatten(read, schema)
    found = []
    for key, spec in schema.keys.items():
        if before[key] == now[key]:
            continue
        file = f"{key}_file"
        if not spec.reload and now.get(file) is not None and before[file] == now[file]:
            continue
        was, will_be = (shown(key, values[key], schema) for values in (before, now))
        found.append(Change(key, was, will_be, spec.reload))
    return tuple(found)


def taken_over(running: Settings, read: Settings, schema: Schema) -> Settings:
    """The settings that the program is `running` with; keys that may change meanwhile are as `read`."""
    now = flatten(read, schema)
    values = flatten(running, schema) | {key: now[key] for key, spec in schema.keys.items() if spec.reload}
    return build(values, running, schema)
