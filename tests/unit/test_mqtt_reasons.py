"""What went wrong while connecting, for people."""

import ssl

from otel_tickrmeter.mqtt.reasons import network_detail


def refusal(reason: str) -> str:
    error = ssl.SSLError(1, f"[SSL: {reason}] in the words of OpenSSL")
    error.reason = reason
    return network_detail(error)


def test_a_broker_that_wants_our_certificate_is_told_with_the_remedy() -> None:
    detail = refusal("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    assert "set mqtt.tls.cert_file and mqtt.tls.key_file" in detail
    assert detail.endswith("in the words of OpenSSL")


def test_another_fault_of_tls_is_told_as_it_is() -> None:
    assert refusal("WRONG_VERSION_NUMBER") == "[SSL: WRONG_VERSION_NUMBER] in the words of OpenSSL"
