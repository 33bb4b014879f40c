"""What went wrong while connecting, for people."""

import ssl
from unittest.mock import Mock

from paho.mqtt.client import DisconnectFlags
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.reasoncodes import ReasonCode

from otel_tickrmeter.mqtt.ending import ending
from otel_tickrmeter.mqtt.reasons import network_detail
from otel_tickrmeter.mqtt.tap import Tap
from otel_tickrmeter.stream.reason import LinkReason


def alert(reason: str) -> ssl.SSLError:
    error = ssl.SSLError(1, f"[SSL: {reason}] in the words of OpenSSL")
    error.reason = reason
    return error


def refusal(reason: str) -> str:
    return network_detail(alert(reason))


def test_a_broker_that_wants_our_certificate_is_told_with_the_remedy() -> None:
    detail = refusal("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    assert "set mqtt.tls.cert_file and mqtt.tls.key_file" in detail
    assert detail.endswith("in the words of OpenSSL")


def test_another_fault_of_tls_is_told_as_it_is() -> None:
    assert refusal("WRONG_VERSION_NUMBER") == "[SSL: WRONG_VERSION_NUMBER] in the words of OpenSSL"


def test_a_broker_that_refuses_our_certificate_is_told_from_one_whose_own_is_refused() -> None:
    for reason in ("SSLV3_ALERT_CERTIFICATE_EXPIRED", "TLSV1_ALERT_UNKNOWN_CA"):
        assert refusal(reason).startswith("the broker refused our certificate, look at mqtt.tls.cert_file: ")


def test_the_remedy_is_told_after_the_handshake_too() -> None:
    """With TLS 1.3 our side has finished it by the time at which the broker looks at our certificate."""
    stream = Mock()
    stream.receive.side_effect = alert("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    tap = Tap(stream)
    assert tap.receive() == b""
    flags = DisconnectFlags(is_disconnect_packet_from_server=False)
    code = ReasonCode(PacketTypes.DISCONNECT, "Unspecified error")
    reason, detail = ending(tap, flags, code, None, connected=False)
    assert reason == LinkReason.TLS
    assert detail.startswith("the broker wants a certificate of ours, set mqtt.tls.cert_file")
