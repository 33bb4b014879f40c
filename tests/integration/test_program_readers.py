"""Every detail and reader on the same traffic: the same figures."""

import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from otel_tickrmeter.stream.message import Message
from tests.integration.exporter import Exporter
from tests.integration.exposition import Exposition, Labels
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import (
    MESSAGES,
    PENDING,
    TIMEOUTS,
    device_ids,
    on_the_wire,
    settings,
    unaccounted,
)
from tests.support.wire import answer, boot, booted, message, request, status, stream

Key = tuple[str, Labels]
COMBINATIONS = [(detail, reader) for detail in ("device", "symbol") for reader in ("compact", "stock")]
DEVICES = device_ids(10)
TREND = "tickrmeter_symbol_latency_trend_ratio"
PER_DEVICE_COUNTERS = (
    "tickrmeter_stock_update_requests_total",
    "tickrmeter_stock_update_responses_total",
    "tickrmeter_stock_update_latency_seconds_count",
)
EXACT_GAUGES = (
    "tickrmeter_device_battery_level",
    "tickrmeter_device_boot_count",
    "tickrmeter_device_charging_status",
    "tickrmeter_device_uptime_seconds",
    "tickrmeter_device_vin_level",
    "tickrmeter_device_wifi_lost_count",
    "tickrmeter_devices_",
    "tickrmeter_mqtt_connected",
    "tickrmeter_symbol_response_rate",
    PENDING,
)


@pytest.fixture(scope="module")
def expositions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[tuple[str, str], Exposition]]:
    """One small day, seen by an exporter of each kind."""
    directory = tmp_path_factory.mktemp("readers")
    with ExitStack() as stack:
        broker = stack.enter_context(Mosquitto(directory))
        exporters = {}
        for detail, reader in COMBINATIONS:
            name = f"{detail}-{reader}"
            environment = settings(
                broker.url,
                MQTT__CLIENT_ID=name,
                METRICS__DETAIL=detail,
                PROMETHEUS__READER=reader,
                MONITORING__REQUEST_TIMEOUT="8s",  # SLOW has to be in time on a busy machine too
            )
            exporters[detail, reader] = stack.enter_context(Exporter(directory, environment, name=name))
        for exporter in exporters.values():
            exporter.wait_ready()

        sent = broker.publish(on_the_wire(morning()))
        time.sleep(0.3)  # how slow SLOW is
        sent += broker.publish(on_the_wire(answer(0, device, "SLOW") for device in DEVICES))
        for exporter in exporters.values():
            wait_total(exporter, TIMEOUTS, 5)
        sent += broker.publish(on_the_wire([answer(0, DEVICES[0], "DEAD")]))
        for exporter in exporters.values():
            wait_total(exporter, MESSAGES, sent)
        yield {combination: exporter.scrape() for combination, exporter in exporters.items()}


def wait_total(exporter: Exporter, name: str, count: float) -> None:
    exporter.wait(lambda: exporter.scrape().total(name) == count, f"to count {count} in {name}")


def morning() -> Iterator[Message]:
    """All kinds of messages, good and bad; half the requests for DEAD are never answered."""
    for number, device in enumerate(DEVICES):
        yield status(
            0,
            device,
            status="online",
            firmware_version="62p" if number % 3 else '5"1\\k',
            battery=str(10 * number),
            charging=number % 2 == 0,
            vin="5.1",
            uptime=1000 + number,
            wifi_lost=number,
            flash_id=f"f{number % 2}",
            iv="7",
        )
        yield boot(0, device)
        yield booted(0, device)
        yield stream(0, device)
        yield request(0, device, "FAST")
        yield answer(0, device, "FAST")
        yield request(0, device, "SLOW")
        yield request(0, device, "DEAD")
        if number >= 5:
            yield request(0, device, "DEAD")
            yield answer(0, device, "DEAD")
    yield answer(0, DEVICES[0], "FAST")  # a second time
    yield answer(0, DEVICES[0], "NEVER")
    yield message("STOCKPRICEUPDATE", b"{")
    yield request(0, DEVICES[0], "no\nsymbol")
    yield status(0, DEVICES[0], battery=101)
    yield message("SOMETHING_ELSE", b"x")
    yield status(0, DEVICES[9], status="offline")


def exact(exposition: Exposition) -> dict[Key, float]:
    """What does not depend on when it was looked at, nor on how quick the machine was."""
    found: dict[Key, float] = {}
    for name, series in exposition.series.items():
        own = name.startswith("tickrmeter_") and not name.startswith("tickrmeter_exposition_")
        if own and (name.endswith(("_total", "_count")) or name.startswith(EXACT_GAUGES)):
            found |= {(name, labels): value for labels, value in series.items()}
    return found


def keys(exposition: Exposition) -> set[Key]:
    """Names and labels of all series of ours but those that come with a whole minute.

    The exporters are scraped one after another, and a minute may end between two of them.
    """
    return {
        (name, labels)
        for name, series in exposition.series.items()
        if name.startswith("tickrmeter_") and name != TREND
        for labels in series
    }


@pytest.mark.parametrize("detail", ["device", "symbol"])
def test_both_readers_show_the_same(expositions: dict[tuple[str, str], Exposition], detail: str) -> None:
    compact, stock = expositions[detail, "compact"], expositions[detail, "stock"]
    assert keys(compact) == keys(stock)
    assert exact(compact) == exact(stock)
    assert len(exact(compact)) > 60
    assert {name: kind for name, kind in compact.types.items() if name.startswith("tickrmeter")} == {
        name: kind for name, kind in stock.types.items() if name.startswith("tickrmeter")
    }


@pytest.mark.parametrize("reader", ["compact", "stock"])
def test_symbol_detail_leaves_fleet_and_symbols_unchanged(
    expositions: dict[tuple[str, str], Exposition], reader: str
) -> None:
    by_device, by_symbol = expositions["device", reader], expositions["symbol", reader]
    for name in PER_DEVICE_COUNTERS:
        summed: Counter[str] = Counter()
        for labels, value in by_device.series[name].items():
            summed[dict(labels)["symbol"]] += int(value)
        assert {dict(labels)["symbol"]: value for labels, value in by_symbol.series[name].items()} == summed
        assert all(dict(labels).keys() == {"symbol"} for labels in by_symbol.series[name])
    unchanged = {
        key: value
        for key, value in exact(by_device).items()
        if not any(of == "device_id" for of, _ in key[1])
    }
    assert unchanged == {
        key: value for key, value in exact(by_symbol).items() if key[0] not in PER_DEVICE_COUNTERS
    }
    assert not [key for key in keys(by_symbol) if any(of == "device_id" for of, _ in key[1])]


@pytest.mark.parametrize(("detail", "reader"), COMBINATIONS)
def test_what_was_sent_is_what_is_shown(
    expositions: dict[tuple[str, str], Exposition], detail: str, reader: str
) -> None:
    seen = expositions[detail, reader]
    assert unaccounted(seen) == 0
    assert seen.total("tickrmeter_stock_update_requests_total") == 35
    assert seen.total("tickrmeter_stock_update_responses_total") == 25
    assert seen.total("tickrmeter_stock_update_latency_seconds_count") == 25
    assert seen.value("tickrmeter_stock_update_timeout_total", symbol="DEAD") == 5
    assert seen.value("tickrmeter_symbol_timeout_total", symbol="DEAD") == 5
    assert seen.value("tickrmeter_stock_update_superseded_total", symbol="DEAD") == 5
    for reason in ("late", "duplicate", "unsolicited"):
        assert seen.value("tickrmeter_stock_update_unmatched_total", reason=reason) == 1
    assert seen.value("tickrmeter_symbol_response_rate", symbol="DEAD") == 0.5
    assert seen.value("tickrmeter_slowest_symbols_ranking", symbol="DEAD", rank="1") == pytest.approx(
        5, abs=1
    )
    assert frozenset({("symbol", "SLOW")}) in seen.series["tickrmeter_stock_update_slowest_symbol_seconds"]
    assert seen.total("tickrmeter_devices_online_total") == 9
    assert seen.total("tickrmeter_devices_by_firmware_total", firmware_version='5"1\\k', iv="7") == 4
    assert seen.value("tickrmeter_device_boots_total", firmware_version="62p") == 6
    assert (
        seen.value("tickrmeter_message_errors_total", message_type="device_status", reason="out_of_range")
        == 1
    )
    assert ("tickrmeter_device_battery_level" in seen.series) == (detail == "device")
