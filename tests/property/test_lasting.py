"""Any traffic, saved at any moment: what is taken back shows the same, and is saved as the same."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loguru import logger

from otel_tickrmeter.fleets.tickrmeter.detail import Detail
from otel_tickrmeter.stream.message import Lost, Message, Watermark
from otel_tickrmeter.stream.reason import LinkReason
from otel_tickrmeter.telemetry.exposition import Telemetry
from tests.property.traffic_strategy import DEVICES, SYMBOLS, traffic
from tests.support.assembly import (
    BOUNDS,
    SECOND_NS,
    START_NS,
    Assembly,
    Step,
    assemble,
    compact_telemetry,
    expose,
    stock_telemetry,
)
from tests.support.exposition_text import Key, exposition
from tests.support.lasting import read, written

BOUNDED = replace(BOUNDS, max_devices=len(DEVICES) - 1, max_symbols=len(SYMBOLS) - 1, max_pairs=7)
NOTHING_ENDS = replace(BOUNDED, cleanup_interval=10.0**9, device_timeout=10.0**9)
ALL_EXPIRES = replace(BOUNDS, device_timeout=20.0, symbol_retention=20.0, cleanup_interval=1e-9)
MINUTE_NS = 60 * SECOND_NS


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logger.disable("otel_tickrmeter")
    yield
    logger.enable("otel_tickrmeter")


def telemetry_of(reader: str, detail: Detail) -> Telemetry:
    return stock_telemetry(detail) if reader == "stock" else compact_telemetry(detail)


def samples(telemetry: Telemetry) -> dict[Key, float]:
    """What the fleet's instruments show; the program's begin anew."""
    expose(telemetry)
    shown = exposition(expose(telemetry), "text").samples
    of_program = ("tickrmeter_exposition_", "tickrmeter_mqtt_", "tickrmeter_queue_", "tickrmeter_receiver_")
    return {
        key: value
        for key, value in shown.items()
        if key[0].startswith("tickrmeter_") and not key[0].startswith(of_program)
    }


def without_times(shown: dict[Key, float]) -> dict[Key, float]:
    """Return all samples but those of Unix times, which go by the clock that was shifted."""
    return {key: value for key, value in shown.items() if "timestamp" not in key[0]}


def restarted(
    old: Assembly, before: Telemetry, after: Telemetry, detail: Detail, *, shift_ns: int = 0
) -> tuple[Assembly, int]:
    """Another one, which has taken back what the old one would have saved now; and when that was."""
    now_ns = max(START_NS, old.fleet.now_ns)
    rows = written(old.lasting(before))
    new = assemble(after, detail, old.bounds)
    lasting = new.lasting(after)
    lasting.read(read(lasting, rows), shift_ns, now_ns + shift_ns, counted=True)()
    return new, now_ns


def lose_connection(assembly: Assembly, now_ns: int) -> None:
    """What a restart is to the fleet: what was open is abandoned, and nobody was heard meanwhile."""
    assembly.play([Watermark(now_ns, 0, 0), Lost(now_ns, LinkReason.CLOSED_BY_BROKER, "")])


@pytest.mark.parametrize("detail", ["device", "symbol"])
@pytest.mark.parametrize("reader", ["compact", "stock"])
@settings(max_examples=25)
@given(steps=traffic(60))
def test_what_is_taken_back_shows_what_was_shown(reader: str, detail: Detail, steps: list[Step]) -> None:
    before, after = telemetry_of(reader, detail), telemetry_of(reader, detail)
    # The SDK's reader keeps series of those who left, until a restart.
    old = assemble(before, detail, BOUNDED if reader == "compact" else NOTHING_ENDS)
    old.play(steps)
    _, now_ns = restarted(old, before, after, detail)
    lose_connection(old, now_ns)
    assert samples(after) == samples(before)


@pytest.mark.parametrize("detail", ["device", "symbol"])
@settings(max_examples=60)
@given(steps=traffic(60), share=st.floats(0, 1))
def test_what_comes_after_a_restart_means_the_same(detail: Detail, steps: list[Step], share: float) -> None:
    before, after = compact_telemetry(detail), compact_telemetry(detail)
    old = assemble(before, detail, ALL_EXPIRES)
    first, then = steps[: int(share * len(steps))], steps[int(share * len(steps)) :]
    old.play(first)
    new, now_ns = restarted(old, before, after, detail)
    lose_connection(old, now_ns)
    end_ns = max([now_ns, *(step.arrived_ns for step in then if isinstance(step, Message))]) + 3 * MINUTE_NS
    for assembly in (old, new):
        # The first look at the clock sets when there is to be a cleanup, the second has one.
        assembly.play([Watermark(now_ns + 1, 0, 0), Watermark(now_ns + 2, 0, 0)])
        assembly.play(then)
        assembly.play([Watermark(end_ns, 0, 0), Watermark(end_ns + 1, 0, 0)])
    assert samples(after) == samples(before)


@settings(max_examples=25)
@given(steps=traffic(60), minutes=st.integers(-10_000, 10_000))
def test_another_clock_changes_no_age(steps: list[Step], minutes: int) -> None:
    before, after = compact_telemetry("device"), compact_telemetry("device")
    old = assemble(before, "device", BOUNDED)
    old.play(steps)
    new, now_ns = restarted(old, before, after, "device", shift_ns=minutes * MINUTE_NS)
    lose_connection(old, now_ns)
    assert without_times(samples(after)) == without_times(samples(before))
    ages = {name: new.fleet.now_ns - device.seen_ns for name, device in new.fleet.devices.items()}
    assert ages == {name: old.fleet.now_ns - device.seen_ns for name, device in old.fleet.devices.items()}


@settings(max_examples=25)
@given(steps=traffic(60))
def test_requests_and_their_ends_add_up_in_what_is_taken_back(steps: list[Step]) -> None:
    before, after = compact_telemetry("device"), compact_telemetry("device")
    old = assemble(before, "device", BOUNDED)
    old.play(steps)
    pending = old.fleet.pending
    abandoned = old.fleet.account.abandoned
    new, _ = restarted(old, before, after, "device")
    account = new.fleet.account
    assert new.fleet.pending == 0
    assert account.abandoned == abandoned + pending
    assert account.requested == sum(
        (account.answered, account.timeout, account.superseded, account.abandoned)
    )
