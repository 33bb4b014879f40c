"""The whole way: a simulated fleet, Mosquitto, the exporter; and its exposition against the summary."""

from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.simulation import simulate

REQUEST_TIMEOUT = "3s"
FLEET = (
    *("--devices", "120", "--rate", "200", "--duration", "6s", "--symbols", "30"),
    *("--request-timeout", REQUEST_TIMEOUT, "--slow-latency", "1.5s"),
    *("--late", "0.03", "--superseded", "0.03", "--boots", "0.03"),
)
LATENCY = "tickrmeter_stock_update_latency_seconds"


# A prefix that ends with an empty level, where everybody who reads the setting must agree.
@pytest.mark.parametrize(("qos", "prefix"), [("0", ""), ("1", "fleet//")])
def test_the_exposition_says_what_was_sent(tmp_path: Path, qos: str, prefix: str) -> None:
    with Mosquitto(tmp_path) as broker:
        settings = {
            "TICKRMETER_MQTT__BROKER": broker.url,
            "TICKRMETER_MQTT__TOPIC_PREFIX": prefix,
            "TICKRMETER_MONITORING__REQUEST_TIMEOUT": REQUEST_TIMEOUT,
            "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": "0.5s",
        }
        with Exporter(tmp_path, settings, measured=True) as exporter:
            exporter.wait_ready()
            run = simulate(tmp_path, broker.url, *FLEET, "--qos", qos, "--topic-prefix", prefix)

            def settled() -> bool:
                shown = exporter.scrape()
                pending = shown.named("tickrmeter_stock_updates_pending").values()
                return shown.total("tickrmeter_messages_total") >= run.sent and not any(pending)

            exporter.wait(settled, "to have seen all, with no open request")
            shown = exporter.scrape()

    for name, series in run.expected.items():
        if name == f"{LATENCY}_bucket":
            assert shown.named(name).keys() == series.keys()
            # A busy machine delays some messages by more than the 50 ms that the plan keeps from an edge.
            moved = [labels for labels, count in series.items() if shown.named(name)[labels] != count]
            assert len(moved) < 0.1 * len(series)
        elif name == f"{LATENCY}_sum":
            assert shown.named(name).keys() == series.keys()
            # As with the edges, so with the latencies themselves.
            off = [total for labels, total in series.items() if abs(shown.named(name)[labels] - total) > 0.2]
            assert len(off) < 0.1 * len(series)
        else:
            assert shown.named(name) == series, name
    for name, series in run.approximate.items():
        assert shown.named(name) == pytest.approx(series, rel=0.2, abs=0.2), name
