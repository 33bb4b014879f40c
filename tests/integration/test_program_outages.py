"""The program while the broker, or the way to it, is away; and what that leaves behind."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.fake_broker import CONNACK, FakeBroker, Proxy
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    ABANDONED,
    CONNECTED,
    ERRORS,
    MESSAGES,
    PENDING,
    REQUESTS,
    RESPONSES,
    TIMEOUTS,
    changes,
    handled,
    on_the_wire,
    receiver_of,
    settings,
    unaccounted,
    wait_change,
)
from tests.support.wire import A, B, C, answer, boot, request, status

LAST_SEEN = "tickrmeter_device_last_seen_timestamp"
BATTERY = "tickrmeter_device_battery_level"
DENIED = {
    "defaultACLAccess": {
        "publishClientSend": True,
        "publishClientReceive": True,
        "subscribe": False,
        "unsubscribe": True,
    },
    "anonymousGroup": "all",
    "groups": [{"groupname": "all", "roles": []}],
    "clients": [],
    "roles": [],
}


def ready(exporter: Exporter) -> tuple[int, str]:
    response = exporter.get("/-/ready")
    return response.status_code, response.text


def times_of(exporter: Exporter, text: str) -> list[float]:
    """When the log lines that have `text` were written, Unix seconds."""
    return [
        datetime.fromisoformat(line.split()[0]).timestamp()
        for line in exporter.log.splitlines()
        if text in line
    ]


def test_a_broker_that_is_absent_at_start_is_waited_for(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    with Exporter(tmp_path, settings(broker.url)) as exporter:
        wait_change(exporter, "refused", {"connection_refused"}, 2)
        assert exporter.get("/-/healthy").status_code == 200
        code, reason = ready(exporter)
        assert code == 503
        assert "not ready: cannot connect to the broker: " in reason
        assert "Connection refused" in reason
        exposition = exporter.scrape()
        assert exposition.value(CONNECTED) == 0
        assert changes(exposition, "connected") == {}
        assert exporter.get("/health").json()["broker_connected"] is False
        with broker:
            exporter.wait_ready()
            broker.publish(on_the_wire([request(0), answer(0)]))
            exposition = handled(exporter, 2)
            assert exposition.value(CONNECTED) == 1
            assert changes(exposition, "connected") == {"subscribed": 1}
            assert changes(exposition, "lost") == {}
            assert exposition.total(RESPONSES) == 1


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_a_restart_of_the_broker_abandons_what_is_open(tmp_path: Path, protocol: str) -> None:
    with (
        Mosquitto(tmp_path) as broker,
        # No request may time out before the broker is stopped.
        Exporter(
            tmp_path, settings(broker.url, MQTT__PROTOCOL=protocol, MONITORING__REQUEST_TIMEOUT="60s")
        ) as exporter,
    ):
        exporter.wait_ready()
        broker.publish(on_the_wire([request(0, A), request(0, B), answer(0, B), request(0, C, "MSFT")]))
        assert handled(exporter, 4).value(PENDING) == 2

        broker.stop()
        wait_change(exporter, "lost", {"closed_by_broker", "broker_disconnect_shutdown"})
        code, reason = ready(exporter)
        assert (code, "not ready: " in reason) == (503, True)
        exposition = exporter.scrape()
        assert exposition.value(CONNECTED) == 0
        assert exposition.value(PENDING) == 0
        assert exposition.value(ABANDONED, symbol="AAPL") == 1
        assert exposition.value(ABANDONED, symbol="MSFT") == 1
        assert unaccounted(exposition) == 0

        broker.start()
        exporter.wait_ready()
        # The answer to what was asked before the outage: nobody can say how long it took.
        broker.publish(on_the_wire([answer(0, A), request(0, B), answer(0, B)]))
        exposition = handled(exporter, 7)
        assert exposition.value(CONNECTED) == 1
        assert changes(exposition, "connected") == {"subscribed": 2}
        assert sum(changes(exposition, "lost").values()) == 1
        assert exposition.total(RESPONSES) == 2
        assert exposition.value("tickrmeter_stock_update_unmatched_total", reason="unsolicited") == 1
        assert exposition.total(TIMEOUTS) == 0
        assert unaccounted(exposition) == 0


@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
@pytest.mark.parametrize("source", ["environment", "file"])
def test_a_wrong_password_is_told_and_never_written(tmp_path: Path, protocol: str, source: str) -> None:
    secret = "hunter2-is-wrong"  # noqa: S105  made up
    environment = settings("", MQTT__USERNAME="exporter", MQTT__PROTOCOL=protocol, LOGGING__LEVEL="TRACE")
    if source == "file":
        (tmp_path / "password").write_text(f"{secret}\n")
        environment["TICKRMETER_MQTT__PASSWORD_FILE"] = str(tmp_path / "password")
    else:
        environment["TICKRMETER_MQTT__PASSWORD"] = secret
    with Mosquitto(tmp_path, users={"exporter": "right"}) as broker:
        environment["TICKRMETER_MQTT__BROKER"] = broker.url
        with Exporter(tmp_path, environment) as exporter:
            wait_change(exporter, "refused", {"not_authorized"}, 2)
            code, reason = ready(exporter)
            assert code == 503
            assert "refused by the broker: Not authorized" in reason
            assert exporter.scrape().value(CONNECTED) == 0
            exporter.wait_logged("Refused by the broker (not_authorized)")
            everything = exporter.log + exporter.metrics() + exporter.get("/health").text + reason
    assert secret not in everything + exporter.log


def test_a_token_in_the_address_is_sent_and_never_written(tmp_path: Path) -> None:
    with Mosquitto(tmp_path, websockets=True) as broker:
        url = f"{broker.websockets_url}/mqtt?token=hunter2-or-so"
        with Exporter(tmp_path, settings(url, LOGGING__LEVEL="TRACE")) as exporter:
            exporter.wait_ready()
            everything = exporter.metrics() + exporter.get("/").text + exporter.get("/health").text
    assert "/mqtt?********" in exporter.log
    assert "hunter2-or-so" not in everything + exporter.log


@pytest.mark.parametrize(
    ("protocol", "expected"),
    [("5", "subscription_not_authorized"), ("3.1.1", "subscription_refused")],
)
def test_a_subscription_that_is_denied_is_told(tmp_path: Path, protocol: str, expected: str) -> None:
    with (
        Mosquitto(tmp_path, dynamic_security=DENIED, settings=["allow_anonymous true"]) as broker,
        Exporter(tmp_path, settings(broker.url, MQTT__PROTOCOL=protocol)) as exporter,
    ):
        wait_change(exporter, "refused", {expected}, 2)
        code, reason = ready(exporter)
        assert code == 503
        assert "not ready: " in reason
        exposition = exporter.scrape()
        assert exposition.value(CONNECTED) == 0
        # Accepted, but of no use: that is no connection.
        assert changes(exposition, "connected") == {}
        assert changes(exposition, "lost") == {}
        exporter.wait_logged(f"Refused by the broker ({expected})")


def test_a_broker_that_never_confirms_the_subscription_is_no_connection(tmp_path: Path) -> None:
    with FakeBroker([CONNACK["5"]]) as broker, Exporter(tmp_path, settings(broker.url)) as exporter:
        exporter.wait(
            lambda: (
                ready(exporter)
                == (503, "not ready: connected to the broker, subscription not confirmed yet\n")
            ),
            "to say that the subscription is not confirmed",
        )
        assert exporter.scrape().value(CONNECTED) == 0


def test_a_cut_that_nobody_tells_is_noticed_and_healed(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, Proxy(broker.port) as proxy:
        # Four seconds: within one and a half times of it, as the broker reckons, a busy machine sends a ping.
        environment = settings(proxy.url, MQTT__KEEPALIVE="4s", MONITORING__REQUEST_TIMEOUT="60s")
        with Exporter(tmp_path, environment) as exporter:
            exporter.wait_ready()
            broker.publish(on_the_wire([request(0, A)]))
            handled(exporter, 1)
            proxy.silence()
            # It was answered, and nobody could see it.
            broker.publish(on_the_wire([answer(0, A)]))
            wait_change(exporter, "lost", {"keepalive_timeout"})
            proxy.talk()
            exporter.wait_ready()
            broker.publish(on_the_wire([request(0, A), answer(0, A)]))
            exposition = handled(exporter, 3)
            assert exposition.value(ABANDONED, symbol="AAPL") == 1
            assert exposition.total(RESPONSES) == 1
            assert exposition.total(TIMEOUTS) == 0
            assert changes(exposition, "lost") == {"keepalive_timeout": 1}
            assert unaccounted(exposition) == 0


def test_the_waits_between_attempts_grow(tmp_path: Path) -> None:
    """Jittered between 0.1 s and a ceiling that doubles from 0.2 s with each attempt."""
    broker = Mosquitto(tmp_path)
    environment = settings(broker.url, MQTT__RECONNECT__MAX_DELAY="120s")
    with Exporter(tmp_path, environment) as exporter:

        def attempts() -> list[float]:
            return times_of(exporter, "Cannot connect to the broker (connection_refused)")

        def gaps() -> list[float]:
            return [late - early for early, late in zip(attempts(), attempts()[1:], strict=False)]

        exporter.wait(lambda: len(attempts()) >= 6 and max(gaps()) > 0.4, "to wait longer")
        before = attempts()
        # 50 ms: what the receiver holds back before it hands over.
        assert before[-1] - before[0] >= 0.1 * (len(before) - 1) - 0.1


def test_what_was_retained_is_nothing_that_happens_now(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker:
        broker.publish(on_the_wire([request(0, A), answer(0, A), boot(0, A)]), retain=True)
        broker.publish(on_the_wire([status(0, B, battery="42", firmware_version="62p")]), retain=True)
        with Exporter(tmp_path, settings(broker.url)) as exporter:
            exporter.wait_ready()
            exposition = handled(exporter, 4)
            for message_type in ("stock_request", "stock_response", "device_boot", "device_status"):
                assert exposition.value(ERRORS, message_type=message_type, reason="retained") == 1
            assert exposition.total(ERRORS) == 4
            assert exposition.total(REQUESTS) == exposition.value(PENDING) == 0
            assert exposition.total("tickrmeter_stock_update_unmatched_total") == 0
            assert LAST_SEEN not in exposition.series
            assert "tickrmeter_devices_by_firmware_total" not in exposition.series

            # Known by a message of its own, the device is described by what the next subscription brings.
            broker.publish(on_the_wire([boot(0, B)]))
            before = handled(exporter, 5)
            assert BATTERY not in before.series
            receiver_of(exporter).kill()
            exporter.wait(lambda: exporter.scrape().total(MESSAGES) >= 9, "to subscribe again")
            exposition = handled(exporter, 9)
            assert exposition.value(BATTERY, device_id=B, firmware_version="62p") == 42
            assert exposition.value(LAST_SEEN, device_id=B) == pytest.approx(
                before.value(LAST_SEEN, device_id=B),
                abs=0.5,  # a second receiver is a second later
            )
            assert exposition.value(ERRORS, message_type="device_status", reason="retained") == 2
            assert exposition.value("tickrmeter_device_boots_total", firmware_version="unknown") == 1


def test_what_is_sent_again_and_was_never_handled_counts(tmp_path: Path) -> None:
    """The broker redelivers what our receiver had not acknowledged when it died, marked with the DUP flag."""
    with (
        Mosquitto(tmp_path) as broker,
        Exporter(
            tmp_path,
            settings(
                broker.url,
                MQTT__QOS="1",
                MQTT__CLEAN_SESSION="false",
                MONITORING__REQUEST_TIMEOUT="60s",
            ),
        ) as exporter,
    ):
        exporter.wait_ready()
        receiver = receiver_of(exporter)
        receiver.suspend()
        broker.publish(on_the_wire([request(0, A), boot(0, A), request(0, A, "MSFT")]))
        receiver.kill()
        exposition = handled(exporter, 3)
        assert exposition.total(ERRORS) == 0
        assert exposition.total(REQUESTS) == exposition.value(PENDING) == 2
        assert exposition.value("tickrmeter_device_boots_total", firmware_version="unknown") == 1
