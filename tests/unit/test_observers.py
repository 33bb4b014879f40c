"""What the observable instruments see of a known state."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from opentelemetry.metrics import CallbackOptions

from otel_tickrmeter.catalogue import Kind
from otel_tickrmeter.catalogue.observe import Observe, as_callbacks
from otel_tickrmeter.exporter import names
from otel_tickrmeter.exporter.observers import (
    KafkaObserver,
    LetterObserver,
    LinkObserver,
    OutcomeObserver,
    PartitionObserver,
    ProcessObserver,
    ReloadObserver,
    SaveObserver,
)
from otel_tickrmeter.fleets.tickrmeter.observers import FleetObserver, Ranks
from otel_tickrmeter.fleets.tickrmeter.state import MIN_TIMEOUTS_IN_A_ROW, Fleet
from otel_tickrmeter.jobs import names as job_names
from otel_tickrmeter.jobs.observers import JobObserver
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import Lost, Subscribed, Watermark
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.assembly import (
    BOUNDS,
    BUILD,
    RELOADS,
    SAMPLE,
    START_NS,
    UNIX_OFFSET_NS,
    Assembly,
    Step,
    assemble,
    compact_telemetry,
)
from tests.support.settings import rows_in
from tests.support.traffic import FIRST, SECOND, THIRD, answer, at, bare, request, status

Seen = list[tuple[object, dict[str, object]]]


def quiet(at_ns: int) -> Watermark:
    return Watermark(at_ns, 0, at_ns)


def played(*steps: Step) -> Assembly:
    telemetry = compact_telemetry("device")
    assembly = assemble(telemetry, "device")
    assembly.play(steps)
    return assembly


def fleet_callbacks(fleet: Fleet, *, min_outcomes: int = 2, size: int = 10) -> dict[str, Observe]:
    return FleetObserver(fleet, Ranks(min_outcomes, size), lambda: UNIX_OFFSET_NS).callbacks()


def seen(callbacks: dict[str, Observe], name: str) -> Seen:
    return [(each.value, dict(each.attributes or {})) for each in callbacks[name]()]


def ask(device: str, symbol: str, asked: float, latency: float) -> Iterable[Step]:
    return (request(device, symbol, at(asked)), answer(device, symbol, at(asked + latency)))


def test_every_observable_of_the_catalogue_is_observed() -> None:
    link = LinkState(START_NS)
    observed = (
        fleet_callbacks(played().fleet)
        | LinkObserver(link, lambda: 0).callbacks()
        | PartitionObserver(1, 4).callbacks()
        | LetterObserver(None).callbacks()
        | OutcomeObserver(names.OTLP_SPANS, None).callbacks()
        | OutcomeObserver(names.OTLP_LOG_RECORDS, None).callbacks()
        | ProcessObserver(BUILD).callbacks()
        | ReloadObserver(RELOADS).callbacks()
        | SaveObserver(None).callbacks()
        | KafkaObserver(None, lambda: None, None).callbacks()
        | {job_names.STATUS: JobObserver(lambda: None).callbacks()[job_names.STATUS]}
    )
    observable = {row.name for row in rows_in("device") if row.kind not in (Kind.COUNTER, Kind.HISTOGRAM)}
    assert observed.keys() == observable - {names.EXPOSITION_AGE, names.EXPOSITION_SERIES}


def test_the_partition_is_shown_as_a_label_and_as_a_figure() -> None:
    callbacks = PartitionObserver(1, 4).callbacks()
    assert seen(callbacks, names.PARTITION_INFO) == [(1, {"partition": "1", "partitions": "4"})]
    assert seen(callbacks, names.PARTITIONS) == [(4, {})]


def test_a_reading_never_reported_has_no_series() -> None:
    callbacks = fleet_callbacks(played(*ask(FIRST, "AAPL", 1, 1)).fleet)
    silent = [
        "tickrmeter.device.battery.level",
        "tickrmeter.device.charging.status",
        "tickrmeter.device.uptime",
        "tickrmeter.device.wifi_lost.count",
        "tickrmeter.device.vin.level",
        "tickrmeter.device.boot.count",
    ]
    assert [seen(callbacks, name) for name in silent] == [[]] * len(silent)
    assert seen(callbacks, "tickrmeter.device.last_seen.timestamp") == [
        ((at(1) + UNIX_OFFSET_NS) / 1e9, {"device_id": FIRST})
    ]


def test_readings_as_reported() -> None:
    beat = status(
        FIRST, at(1), battery="78", charging=0, vin=4.5, uptime="86400", wifi_lost=0, boot_count=7, fw="62p"
    )
    callbacks = fleet_callbacks(played(beat).fleet)
    device = {"device_id": FIRST}
    assert seen(callbacks, "tickrmeter.device.battery.level") == [(78, {**device, "firmware_version": "62p"})]
    assert seen(callbacks, "tickrmeter.device.charging.status") == [(0, device)]
    assert seen(callbacks, "tickrmeter.device.vin.level") == [(4.5, device)]
    assert seen(callbacks, "tickrmeter.device.uptime") == [(86400, device)]
    assert seen(callbacks, "tickrmeter.device.wifi_lost.count") == [(0, device)]
    assert seen(callbacks, "tickrmeter.device.boot.count") == [(7, device)]


def test_the_battery_follows_the_firmware() -> None:
    beats = (status(FIRST, at(1), battery=5, fw="61a"), status(FIRST, at(2), fw="62p"))
    assert seen(fleet_callbacks(played(*beats).fleet), "tickrmeter.device.battery.level") == [
        (5, {"device_id": FIRST, "firmware_version": "62p"})
    ]


def test_boots_seen_until_boots_are_reported() -> None:
    boots = [bare(b"TICKRMETERBOOT", FIRST, at(number)) for number in range(1, 4)]
    assert seen(fleet_callbacks(played(*boots).fleet), "tickrmeter.device.boot.count") == [
        (3, {"device_id": FIRST})
    ]
    reported = status(FIRST, at(5), boot_count=99)
    assert seen(fleet_callbacks(played(*boots, reported).fleet), "tickrmeter.device.boot.count") == [
        (99, {"device_id": FIRST})
    ]


def test_online_is_by_versions_and_without_who_left() -> None:
    name = "tickrmeter.devices.online.total"
    assembly = played(
        status(FIRST, at(1), fw="62p", iv="1", flash_id="E"),
        status(SECOND, at(2), fw="62p", iv="1", flash_id="E"),
        status(THIRD, at(3)),
    )
    callbacks = fleet_callbacks(assembly.fleet)
    known = {"firmware_version": "62p", "iv": "1", "flash_id": "E"}
    unknown = dict.fromkeys(known, "unknown")
    assert seen(callbacks, name) == [(2, known), (1, unknown)]
    assembly.play([status(FIRST, at(4), status="offline")])
    assert seen(callbacks, name) == [(1, known), (1, unknown)]
    assert seen(callbacks, "tickrmeter.devices.by_firmware.total") == [
        (2, {"firmware_version": "62p", "iv": "1"}),
        (1, {"firmware_version": "unknown", "iv": "unknown"}),
    ]
    assert seen(callbacks, "tickrmeter.devices.by_flash_id.total") == [
        (2, {"flash_id": "E"}),
        (1, {"flash_id": "unknown"}),
    ]
    # Past the device timeout, before the cleanup that forgets them: no longer online, still known.
    assembly.play([quiet(at(300)), quiet(at(304) + 1)])
    assert seen(callbacks, name) == []
    assert seen(callbacks, "tickrmeter.devices.by_flash_id.total")[0][0] == 2


def test_the_devices_whose_symbols_gave_way_are_named_ten_at_most() -> None:
    bounds = replace(BOUNDS, max_device_symbols=1)
    assembly = assemble(compact_telemetry("device"), "device", bounds)
    for number in range(12):
        device = f"{number:012}"
        assembly.play(request(device, f"S{n}", at(n)) for n in range(number + 1))
    shown = seen(fleet_callbacks(assembly.fleet), "tickrmeter.device.symbols.displaced")
    assert shown == [(n, {"device_id": f"{n:012}"}) for n in range(11, 1, -1)]


def test_the_sum_of_the_fleet_holds_when_a_device_and_its_symbol_have_left() -> None:
    bounds = replace(BOUNDS, device_timeout=50.0, symbol_retention=50.0)
    assembly = assemble(compact_telemetry("device"), "device", bounds)
    assembly.play(
        [
            *ask(FIRST, "AAPL", 1, 0.5),
            request(FIRST, "AAPL", at(2)),
            request(FIRST, "AAPL", at(3)),
            quiet(at(40)),
            request(FIRST, "AAPL", at(41)),
            Lost(at(42), LinkReason.CLOSED_BY_BROKER, ""),
            Subscribed(at(43)),
            *(quiet(at(seconds)) for seconds in (110, 180)),
        ]
    )
    assert not assembly.fleet.devices
    assert not assembly.fleet.symbols
    assert seen(fleet_callbacks(assembly.fleet), "tickrmeter.stock_update.events") == [
        (4, {"event": "requested"}),
        *((1, {"event": event}) for event in ("answered", "timeout", "superseded", "abandoned")),
    ]


def test_answers_are_missing_while_requests_time_out_and_none_is_seen() -> None:
    name = "tickrmeter.stock_update.answers_missing"
    assembly = played(*(request(f"{n:012}", "AAPL", at(1)) for n in range(MIN_TIMEOUTS_IN_A_ROW)))
    callbacks = fleet_callbacks(assembly.fleet)
    assert seen(callbacks, name) == [(0, {})]
    assembly.play([quiet(at(40))])
    assert seen(callbacks, name) == [(1, {})]
    # An answer shows that answers come through, whether anybody asked or not.
    assembly.play([answer(SECOND, "S1", at(41))])
    assert seen(callbacks, name) == [(0, {})]


def test_charging_states_are_all_there_even_at_zero() -> None:
    callbacks = fleet_callbacks(played(status(FIRST, at(1), charging=True), status(SECOND, at(2))).fleet)
    assert seen(callbacks, "tickrmeter.devices.by_charging_state.total") == [
        (1, {"charging_state": "charging"}),
        (0, {"charging_state": "discharging"}),
        (1, {"charging_state": "unknown"}),
    ]


def test_symbol_figures() -> None:
    steps = [step for n in range(1, 101) for step in ask(FIRST, "AAPL", n * 3, n / 50)]
    callbacks = fleet_callbacks(played(*steps).fleet)
    aapl = {"symbol": "AAPL"}
    for name in ("stock_update.avg_latency", "symbol.avg_latency", "symbol.avg_response_time"):
        assert seen(callbacks, f"tickrmeter.{name}") == [(pytest.approx(1.01), aapl)]
    # Nearest rank: index floor(100 q) of the sorted samples 0.02, 0.04, ...
    assert seen(callbacks, "tickrmeter.stock_update.p95_latency") == [(1.92, aapl)]
    assert seen(callbacks, "tickrmeter.stock_update.p99_latency") == [(2.0, aapl)]
    assert seen(callbacks, "tickrmeter.symbol.response_rate") == [(1.0, aapl)]
    assert seen(callbacks, "tickrmeter.stock_update.slowest_symbol") == [(pytest.approx(1.01), aapl)]
    assert seen(callbacks, "tickrmeter.stock_updates.pending") == [(0, {})]


def test_a_symbol_that_only_timed_out_has_a_rate_and_a_rank_but_no_latency() -> None:
    assembly = played(request(FIRST, "BTC", at(1)), request(SECOND, "BTC", at(1)), quiet(at(40)))
    callbacks = fleet_callbacks(assembly.fleet)
    assert seen(callbacks, "tickrmeter.symbol.response_rate") == [(0.0, {"symbol": "BTC"})]
    assert seen(callbacks, "tickrmeter.slowest_symbols.ranking") == [(10.0, {"symbol": "BTC", "rank": "1"})]
    for name in ("avg_latency", "p95_latency", "p99_latency", "slowest_symbol"):
        assert seen(callbacks, f"tickrmeter.stock_update.{name}") == []


def test_figures_follow_the_state_and_the_time() -> None:
    assembly = played(*ask(FIRST, "AAPL", 1, 1))
    callbacks = fleet_callbacks(assembly.fleet)
    name = "tickrmeter.stock_update.avg_latency"
    assert seen(callbacks, name) == [(1.0, {"symbol": "AAPL"})]
    # At one and the same moment: the second answer of the same nanosecond counts too.
    assembly.play([request(SECOND, "AAPL", at(2)), answer(SECOND, "AAPL", at(2))])
    assert seen(callbacks, name) == [(0.5, {"symbol": "AAPL"})]
    assembly.play([quiet(at(902))])
    assert seen(callbacks, name) == []


def test_ranking_is_bounded_and_ties_go_by_name() -> None:
    steps = [step for symbol in ("C", "A", "B") for n in (1, 5) for step in ask(FIRST, symbol, n * 10, 1)]
    steps += ask(FIRST, "RARE", 60, 9)
    fleet = played(*sorted(steps, key=lambda step: step.arrived_ns)).fleet  # type: ignore[union-attr]
    name = "tickrmeter.slowest_symbols.ranking"
    assert seen(fleet_callbacks(fleet, size=2), name) == [
        (1.0, {"symbol": "A", "rank": "1"}),
        (1.0, {"symbol": "B", "rank": "2"}),
    ]
    assert seen(fleet_callbacks(fleet, min_outcomes=3), name) == []
    # It is not ranked with one outcome, but the slowest all the same.
    assert seen(fleet_callbacks(fleet), "tickrmeter.stock_update.slowest_symbol") == [
        (9.0, {"symbol": "RARE"})
    ]


def test_pending_requests_are_counted() -> None:
    callbacks = fleet_callbacks(played(request(FIRST, "AAPL", at(1)), request(SECOND, "AAPL", at(2))).fleet)
    assert seen(callbacks, "tickrmeter.stock_updates.pending") == [(2, {})]


def test_the_link() -> None:
    link = LinkState(START_NS)
    callbacks = LinkObserver(link, lambda: UNIX_OFFSET_NS).callbacks()
    assert seen(callbacks, "tickrmeter.mqtt.connected") == [(0, {})]
    assert seen(callbacks, "tickrmeter.mqtt.last_message.timestamp") == []
    assert seen(callbacks, "tickrmeter.queue.size") == [(0, {"queue": "receive"})]
    link.subscribed_ns, link.last_message_ns, link.queue_size = at(1), at(2), 9
    assert seen(callbacks, "tickrmeter.mqtt.connected") == [(1, {})]
    assert seen(callbacks, "tickrmeter.mqtt.last_message.timestamp") == [((at(2) + UNIX_OFFSET_NS) / 1e9, {})]
    assert seen(callbacks, "tickrmeter.queue.size") == [(9, {"queue": "receive"})]


def test_the_process() -> None:
    observer = ProcessObserver(BUILD, lambda: 3)
    callbacks = observer.callbacks()
    sampled = callbacks.keys() - {"tickrmeter.build.info", "tickrmeter.log.lines.dropped"}
    assert seen(callbacks, "tickrmeter.build.info") == [(1, BUILD)]
    assert seen(callbacks, "tickrmeter.log.lines.dropped") == [(3, {})]
    assert [seen(callbacks, name) for name in sampled] == [[]] * 7
    observer.publish(SAMPLE)
    assert seen(callbacks, "system.cpu.usage") == [
        (12.5, {"cpu": "cpu0"}),
        (50.0, {"cpu": "cpu1"}),
        (31.25, {"cpu": "total"}),
    ]
    assert seen(callbacks, "system.memory.usage") == [
        (3_000_000_000, {"type": "used"}),
        (5_000_000_000, {"type": "available"}),
    ]
    assert seen(callbacks, "system.memory.total") == [(8_000_000_000, {"type": "total"})]
    assert seen(callbacks, "process.cpu") == [(1.5, {})]
    assert seen(callbacks, "process.resident_memory") == [(64_000_000, {})]
    assert seen(callbacks, "process.open_fds") == [(17, {})]
    assert seen(callbacks, "process.start_time") == [(1_700_000_900.25, {})]


def test_callbacks_have_opentelemetrys_signature() -> None:
    callback = as_callbacks(ProcessObserver(BUILD).callbacks())["tickrmeter.build.info"]
    assert callable(callback)
    assert [each.value for each in callback(CallbackOptions())] == [1]
