"""What the environment says in our own variables and in those without a prefix, each group a layer.

An empty variable counts as unset, as OpenTelemetry's specification has it for its own.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from otel_tickrmeter.settings.broker import check_host, replace_broker_host
from otel_tickrmeter.settings.faults import Fault, unknown
from otel_tickrmeter.settings.key import Schema
from otel_tickrmeter.settings.layer import Found, Layer, always, read_tree

PREFIX = "TICKRMETER_"

_HOST, _PORT = "MQTT_BROKER_HOST", "MQTT_BROKER_PORT"

# Kubernetes puts the address of every Service into every container. A Service named "tickrmeter" yields
# TICKRMETER_PORT=tcp://10.0.0.1:80 and more, one named "mqtt-broker" MQTT_BROKER_PORT. Nobody wrote those.
_LINK_NAME = re.compile(r"(?:.*_)?(?:SERVICE_HOST|SERVICE_PORT(?:_.*)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_.*)?)")
_LINK_VALUE = re.compile(r"(?:tcp|udp|sctp)://\S+:[0-9]+")


def place(variable: str) -> str:
    """How faults name an environment variable."""
    return f"environment variable {variable}"


def is_service_link(variable: str, text: str) -> bool:
    """Whether Kubernetes put the variable there."""
    return bool(_LINK_NAME.fullmatch(variable) or _LINK_VALUE.fullmatch(text))


def plain_layer(environ: Mapping[str, str], broker: str, schema: Schema) -> Layer:
    """The variables without a prefix; `broker` is the URL that `MQTT_BROKER_HOST` and `_PORT` change."""
    found = {
        key.name: Found(environ[key.variable], place(key.variable))
        for key in schema.keys.values()
        if key.variable and environ.get(key.variable)
    }
    host = environ.get(_HOST) or None
    port = environ.get(_PORT) or None
    if port and _LINK_VALUE.fullmatch(port):
        port = None
    faults: list[Fault] = []
    if host:
        try:
            check_host(host.removeprefix("[").removesuffix("]"))
        except ValueError:
            message = "must be a host, without scheme, port or credentials"
            faults.append(Fault(place(_HOST), "mqtt.broker", message))
    if port and not re.fullmatch(r"[0-9]{1,5}", port):
        faults.append(Fault(place(_PORT), "mqtt.broker", "must be a port number"))
    if (host or port) and not faults:
        try:
            url = replace_broker_host(broker, host, port)
        except ValueError:
            # The URL below is at fault, and is reported where it stands.
            return Layer(found)
        given = " and ".join(name for name, value in ((_HOST, host), (_PORT, port)) if value)
        found["mqtt.broker"] = Found(url, place(given))
    return Layer(found, tuple(faults))


def own_layer(environ: Mapping[str, str], parse: Callable[[str], object], schema: Schema) -> Layer:
    """The variables `TICKRMETER_<TABLE>__<KEY>`; `parse` reads the text of lists and tables.

    All other values are taken as the text they are: a client id `1e5` is no number.
    """
    found: dict[str, Found] = {}
    faults: list[Fault] = []
    for variable, text in environ.items():
        if not text or not variable.startswith(PREFIX):
            continue
        name = variable.removeprefix(PREFIX)
        key = name.lower().replace("__", ".")
        location = place(variable)
        if key in schema.tables:
            inner = read_tree({key: parse(text)}, always(location), schema)
            found |= {below: value for below, value in inner.found.items() if below not in found}
            faults += inner.faults
        elif key in schema.keys:
            structured = schema.keys[key].kind.structured and text.lstrip()[:1] in ("[", "{")
            found[key] = Found(parse(text) if structured else text, location)
        elif not is_service_link(name, text):
            known = [f"{PREFIX}{each.upper().replace('.', '__')}" for each in sorted(schema.keys)]
            faults.append(replace(unknown(location, variable, known), key=""))
    return Layer(found, tuple(faults))
