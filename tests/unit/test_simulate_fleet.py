"""What devices say, and how it is spelled."""

from random import Random

import orjson
import pytest

from otel_tickrmeter.fleets.tickrmeter.heartbeat import DEFAULT_FIELDS
from otel_tickrmeter.fleets.tickrmeter.simulate.device import Firmware, SimulatedDevice
from otel_tickrmeter.fleets.tickrmeter.simulate.fleet import draw_devices, draw_symbols
from otel_tickrmeter.fleets.tickrmeter.simulate.latency import slow_band
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Heartbeat
from otel_tickrmeter.fleets.tickrmeter.simulate.spelling import GENERATIONS, Spelling


@pytest.mark.parametrize("spelling", GENERATIONS)
def test_every_spelling_is_one_that_the_exporter_accepts(spelling: Spelling) -> None:
    for reading, name in spelling.names.items():
        assert name in DEFAULT_FIELDS[reading]


def test_generations_differ_in_every_field_and_in_types() -> None:
    assert len({spelling.names["battery"] for spelling in GENERATIONS}) == len(GENERATIONS)
    assert {spelling.as_text for spelling in GENERATIONS} == {True, False}
    assert any("boot_count" not in spelling.names for spelling in GENERATIONS)
    assert any("charging" not in spelling.names for spelling in GENERATIONS)


def make_device(spelling: Spelling) -> SimulatedDevice:
    return SimulatedDevice(
        id="08A6F792DD5C",
        symbols=("AAPL",),
        firmware=Firmware(rank=0, version="62p", inner_version="2.0", spelling=spelling),
        flash_id="c84016",
        battery=50,
        charging=False,
        wifi_lost=0,
        boot_count=3,
        started_at=-100.0,
    )


def test_a_whole_heartbeat_and_a_part_of_one() -> None:
    rng = Random(1)  # noqa: S311  no secret
    device = make_device(GENERATIONS[0])
    sizes = set()
    for second in range(100):
        message = device.heartbeat(second, rng, online=True)
        payload = orjson.loads(message.payload)
        assert isinstance(message.meaning, Heartbeat)
        assert all(isinstance(value, str) for value in payload.values())
        assert payload["device"] == device.id
        assert payload["status"] == "online"
        assert len(payload) == 2 + len(message.meaning.readings)
        if "uptime" in payload:
            assert payload["uptime"] == str(100 + second)
        sizes.add(len(payload))
    assert max(sizes) == 10
    assert len(sizes) > 3


def test_a_busy_device_keeps_a_new_firmware_to_itself() -> None:
    rng = Random(1)  # noqa: S311  no secret
    device = make_device(GENERATIONS[1])
    device.busy_until = 5.0
    heartbeats = [device.heartbeat(second, rng, online=True) for second in range(100)]
    told = [b"firmwareVersion" in heartbeat.payload for heartbeat in heartbeats]
    assert not any(told[:5])
    assert any(told[5:])


def test_the_draw_is_distinct_and_follows_the_options() -> None:
    options = SimulateOptions(devices=300, symbols=60, symbols_per_device=4, firmwares=("b", "a"))
    rng = Random(1)  # noqa: S311  no secret
    symbols = draw_symbols(60, rng)
    devices = draw_devices(options, symbols, rng)
    assert len(set(symbols)) == 60
    assert len({device.id for device in devices}) == 300
    assert all(len(set(device.symbols)) == 4 for device in devices)
    assert {device.firmware.version for device in devices} == {"a", "b"}


@pytest.mark.parametrize(
    ("latency", "low", "high"),
    [(4.0, 3.8, 4.2), (5.0, 4.465, 4.7), (0.05, 0.0475, 0.05), (1.0, 0.9025, 0.95), (100.0, 95.0, 105.0)],
)
def test_slow_answers_stay_inside_one_bucket(latency: float, low: float, high: float) -> None:
    assert slow_band(latency) == pytest.approx((low, high))
