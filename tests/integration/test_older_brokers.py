"""The whole way through brokers that refuse MQTT 5, with the version left to the exporter."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.older_brokers import Aedes, Nats, OlderBroker, RabbitMq
from tests.integration.program_traffic import settings
from tests.integration.simulation import simulate

FLEET = (
    *("--devices", "300", "--rate", "200", "--duration", "6s", "--symbols", "30", "--seed", "3"),
    *("--request-timeout", "3s", "--slow-latency", "1.5s", "--late", "0.03", "--superseded", "0.03"),
    *("--boots", "0.03", "--qos", "1"),  # at QoS 0 RabbitMQ drops what a subscriber is too slow for
)
PROTOCOL = "tickrmeter_mqtt_protocol_info"


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("kind", "protocol"), [(Mosquitto, "5"), (RabbitMq, "3.1.1"), (Nats, "3.1.1"), (Aedes, "3.1.1")]
)
def test_the_exposition_says_what_was_sent(
    tmp_path: Path, kind: Callable[[Path], Mosquitto | OlderBroker], protocol: str
) -> None:
    environment = settings("", MQTT__QOS="1", MONITORING__REQUEST_TIMEOUT="3s")
    with kind(tmp_path) as broker:
        environment["TICKRMETER_MQTT__BROKER"] = broker.url
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            assert exporter.get("/health").json()["mqtt_protocol"] == protocol
            exporter.wait_logged(f"with MQTT {protocol}")
            assert ("trying 3.1.1" in exporter.log) == (protocol == "3.1.1")
            run = simulate(tmp_path, broker.url, *FLEET)

            def settled() -> bool:
                shown = exporter.scrape()
                pending = shown.named("tickrmeter_stock_updates_pending").values()
                return shown.total("tickrmeter_messages_total") >= run.sent and not any(pending)

            exporter.wait(settled, "to have seen all, with no open request")
            shown = exporter.scrape()
    assert shown.value(PROTOCOL, protocol=protocol) == 1
    for name, series in run.expected.items():
        if not name.endswith(("_bucket", "_sum")):  # the machine's pace has a say in those
            assert shown.named(name) == series, name
