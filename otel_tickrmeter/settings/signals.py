"""How traces and logs are sent, where OpenTelemetry's variables say so of them alone: no key of ours does."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from otel_tickrmeter.settings.faults import Fault
from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import OtherSignal
from otel_tickrmeter.settings.named_files import read_named_files
from otel_tickrmeter.settings.opentelemetry import OTHER_SIGNALS, SIGNAL_KEYS, otel_layer
from otel_tickrmeter.settings.rules import broken_rules


class Sources(NamedTuple):
    """What is said where, under dotted keys; later ones win.

    Attributes:
        files: Settings files.
        environ: Variables, OpenTelemetry's among them.
        over: What wins over these.
        usual: The built-in values, as they are read, where none of these says anything.
    """

    files: Mapping[str, Found]
    environ: Mapping[str, str]
    over: Mapping[str, Found]
    usual: Mapping[str, Any]


class SignalValues(NamedTuple):
    """All values as they are for each signal that is sent besides metrics; and what is wrong with them."""

    values: Mapping[OtherSignal, Mapping[str, Any]]
    faults: tuple[Fault, ...]


def apart(values: Mapping[str, Any], signal: OtherSignal | None = None) -> Mapping[str, Any]:
    """The values as rules about one signal are to see them: without endpoints of others. None: metrics."""
    others = {f"otlp.{each}_endpoint": None for each in OTHER_SIGNALS if each != signal}
    if signal is not None and values.get(f"otlp.{signal}_endpoint") is not None:
        others["otlp.endpoint"] = None
    return {**values, **others}


def values_of_signals(values: Mapping[str, Any], sources: Sources, schema: Schema) -> SignalValues:
    """Read what is said of each signal; `values` are those of metrics."""
    found: dict[OtherSignal, Mapping[str, Any]] = {}
    faults: list[Fault] = []
    for signal in OTHER_SIGNALS:
        if values.get("otlp.enabled") and values.get(f"otlp.{signal}"):
            found[signal], wrong = _of_one(signal, values, sources, schema)
            faults += wrong
    return SignalValues(found, tuple(faults))


def _of_one(
    signal: OtherSignal, values: Mapping[str, Any], sources: Sources, schema: Schema
) -> tuple[Mapping[str, Any], list[Fault]]:
    given = {**sources.files, **otel_layer(sources.environ, signal).found, **sources.over}
    own: dict[str, Any] = dict(values)
    faults: list[Fault] = []
    for key in SIGNAL_KEYS:
        try:
            own[key] = schema.keys[key].kind.read(given[key].value) if key in given else sources.usual[key]
        except ValueError as error:
            # What metrics have at fault, too, is told already. The value is not told: it may be secret.
            own.pop(key, None)
            if key in values:
                faults.append(Fault(given[key].location, key, str(error)))

    def locate(key: str) -> str | None:
        return given[key].location if key in given else None

    about = [rule for rule in schema.rules if all(key.startswith("otlp.") for key in rule.keys)]
    faults += broken_rules(apart(own, signal), locate, about)
    files = {key: value for key, value in own.items() if key.startswith("otlp.")}
    faults += read_named_files(files, locate)[1]
    return own, faults
