"""What is worth a line in the log at start: settings that are allowed but do nothing, or do harm."""

from collections.abc import Mapping
from types import MappingProxyType

from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.loopback import is_loopback_host
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.settings.opentelemetry import otel_notices

_NOTHING: Mapping[str, str] = MappingProxyType({})


def notices(settings: Settings, environ: Mapping[str, str] = _NOTHING) -> tuple[str, ...]:
    """One sentence each; with `environ` also of OpenTelemetry's variables that are not obeyed."""
    found = list(otel_notices(settings, environ))
    if settings.performance.workers is not None:
        found.append("performance.workers has no effect: one process receives, one records and serves")
    if settings.mqtt.tls.insecure:
        found.append(
            "mqtt.tls.insecure accepts any certificate: anyone on the path can read and forge messages"
        )
    address = parse_broker_url(settings.mqtt.broker)
    if settings.mqtt.password is not None and not address.tls and not is_loopback_host(address.host):
        found.append("mqtt.password goes over the network in clear: mqtt.broker is not encrypted")
    return tuple(found)
