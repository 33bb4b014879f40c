"""The whole fleet, 8,000 devices with 3 symbols each, through our meter and OpenTelemetry's: every sample."""

from collections.abc import Iterator
from typing import Any

from otel_tickrmeter.stream.message import Connected, Subscribed
from tests.integration.exposition import Exposition
from tests.support.assembly import Step, assemble, compact_telemetry, expose, stock_telemetry
from tests.support.traffic import answer, at, request, status

DEVICES = 8_000
SYMBOLS_EACH = 3
SYMBOLS = 500
LATENCIES = (0.05, 0.3, 0.7, 1.5, 4.0, 9.0, 20.0)
EVERY_READING: dict[str, Any] = {
    "inner_version": "1.4",
    "flash_id": "EF4016",
    "charging": "0",
    "vin": "4.97",
    "wifi_lost": 3,
}


def fleet() -> Iterator[Step]:
    """Everybody reports once, and asks for each symbol once; one in a hundred gets no answer."""
    yield Connected(at(1), session_present=False, protocol="5")
    yield Subscribed(at(1))
    exchanges = []
    for number in range(DEVICES):
        device = f"08A6{number:08X}"
        yield status(
            device,
            at(2),
            firmware_version=f"{60 + number % 4}p",
            battery=number % 101,
            uptime=number * 60,
            boot_count=number % 7,
            **EVERY_READING,
        )
        for place in range(SYMBOLS_EACH):
            exchange = number * SYMBOLS_EACH + place
            symbol = f"S{(number * 7 + place * 11) % SYMBOLS}"
            asked = 3 + exchange / 10_000
            exchanges.append((asked, request(device, symbol, at(asked))))
            if exchange % 100:
                answered = asked + LATENCIES[exchange % len(LATENCIES)]
                exchanges.append((answered, answer(device, symbol, at(answered))))
    exchanges.sort(key=lambda moment: moment[0])
    for _, message in exchanges:
        yield message


def test_every_sample_of_a_full_fleet_is_the_stock_readers() -> None:
    steps = list(fleet())
    ours, stock = compact_telemetry("device"), stock_telemetry("device")
    for telemetry in (ours, stock):
        assemble(telemetry, "device").play(steps)
    # The stock path counts its samples after each scrape, for the next.
    expose(stock)
    served, oracle = (Exposition.parse(expose(telemetry).decode()) for telemetry in (ours, stock))
    assert served.lines > 367_000
    assert served.types == oracle.types
    assert served.series == oracle.series
    assert served.lines == oracle.lines
