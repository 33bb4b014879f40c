"""How a connection ended: from what paho says, what the socket said, and what the broker did."""

from paho.mqtt.client import DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

from otel_tickrmeter.mqtt.reasons import disconnect_reason, network_detail, network_reason
from otel_tickrmeter.mqtt.tap import Tap
from otel_tickrmeter.stream.reason import LinkReason

_KEEPALIVE_TIMEOUT = 0x8D
_PROTOCOL_ERROR = 0x82


def ending(
    tap: Tap, flags: DisconnectFlags, code: ReasonCode, properties: Properties | None, *, connected: bool
) -> tuple[LinkReason, str]:
    """The reason, and the words for people; `connected` is whether there had been a CONNACK."""
    if flags.is_disconnect_packet_from_server:
        return disconnect_reason(code.value), said(code, properties)
    if tap.failure is not None:
        return network_reason(tap.failure), network_detail(tap.failure)
    if code.value == _KEEPALIVE_TIMEOUT:
        return LinkReason.KEEPALIVE_TIMEOUT, "the broker did not answer a ping"
    if tap.ended:
        return LinkReason.CLOSED_BY_BROKER, "the broker closed the connection"
    if code.value == _PROTOCOL_ERROR:
        # paho answers a CONNACK "unacceptable protocol version" like this, without another word.
        reason = LinkReason.PROTOCOL_ERROR if connected else LinkReason.BAD_PROTOCOL
        return reason, "the broker sent what MQTT does not allow, or refused our version of it"
    return LinkReason.OTHER, str(code)


def said(code: ReasonCode, properties: Properties | None) -> str:
    """What the broker said, for people, on one line; MQTT 5 brokers may add a sentence, and name another."""
    sentence, other = (
        " ".join(getattr(properties, name, "").split())[:200] for name in ("ReasonString", "ServerReference")
    )
    elsewhere = f" (it names {other}; we stay with mqtt.broker)" if other else ""
    return (f"{code}: {sentence}" if sentence else str(code)) + elsewhere
