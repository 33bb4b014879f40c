"""What is worth a line in the log at start: settings that are allowed but do nothing, or do harm."""

from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType

from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.environment import otel_layer
from otel_tickrmeter.settings.model import Settings

_NOTHING: Mapping[str, str] = MappingProxyType({})


def notices(settings: Settings, environ: Mapping[str, str] = _NOTHING) -> tuple[str, ...]:
    """One sentence each; with `environ` also the OpenTelemetry variables whose values were ignored."""
    found = list(otel_layer(environ).notes)
    if settings.performance.workers is not None:
        found.append("performance.workers has no effect: one process receives, one records and serves")
    otlp = settings.otlp
    given = (otlp.endpoint, otlp.protocol, otlp.headers, otlp.interval, otlp.timeout)
    if not otlp.enabled and any(value is not None for value in given):
        found.append("the otlp settings have no effect: otlp.enabled is false")
    if settings.mqtt.tls.insecure:
        found.append(
            "mqtt.tls.insecure accepts any certificate: anyone on the path can read and forge messages"
        )
    address = parse_broker_url(settings.mqtt.broker)
    if settings.mqtt.password is not None and not address.tls and not _is_local(address.host):
        found.append("mqtt.password goes over the network in clear: mqtt.broker is not encrypted")
    return tuple(found)


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
