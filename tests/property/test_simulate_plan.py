"""The laws of a plan, for any options: the exporter's final state follows from it without doubt."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import replace
from itertools import pairwise

import orjson
from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.simulate.latency import BUCKETS
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions, faults, name_firmwares
from otel_tickrmeter.fleets.tickrmeter.simulate.plan import Plan
from otel_tickrmeter.fleets.tickrmeter.simulate.planned import Answer, Boot, Heartbeat, Planned, Request
from otel_tickrmeter.fleets.tickrmeter.simulate.truth import Truth

SHARES = st.sampled_from([0.0, 0.05, 0.3])


@st.composite
def options(draw: st.DrawFn) -> SimulateOptions:
    devices = draw(st.integers(1, 60))
    rate = draw(st.floats(5, 400))
    symbols_per_device = draw(st.integers(1, 4))
    symbols = draw(st.integers(symbols_per_device + 1, 30))
    request_timeout = draw(st.floats(2, 40))
    drawn = SimulateOptions(
        devices=devices,
        rate=rate,
        duration=4 * devices / rate + draw(st.floats(0.1, 15)),
        symbols=symbols,
        symbols_per_device=symbols_per_device,
        seed=draw(st.integers(0, 2**32)),
        request_timeout=request_timeout,
        slow_symbols=draw(st.integers(0, symbols)),
        slow_latency=draw(st.floats(0.01, 0.9 * (request_timeout - 1))),
        unanswered=draw(SHARES),
        superseded=draw(SHARES),
        late=draw(SHARES),
        duplicates=draw(st.sampled_from([0.0, 0.3, 1.0])),
        unsolicited=draw(SHARES),
        boots=draw(SHARES),
        offline=draw(SHARES),
        http_streams=draw(SHARES),
        firmwares=name_firmwares(draw(st.integers(1, 6))),
        settle=draw(st.booleans()),
    )
    if any(faults(drawn)):  # the slow band may reach over the timeout's margin
        drawn = replace(drawn, slow_symbols=0)
    assert not list(faults(drawn))
    return drawn


Exchange = list[tuple[float, Request | Answer]]


def pairs(messages: Iterable[Planned]) -> dict[tuple[str, str], Exchange]:
    found: dict[tuple[str, str], Exchange] = defaultdict(list)
    for message in messages:
        meaning = message.meaning
        if isinstance(meaning, Request | Answer):
            found[meaning.device_id, meaning.symbol].append((message.at_seconds, meaning))
    return found


@given(options())
def test_every_request_ends_in_one_outcome(drawn: SimulateOptions) -> None:
    truth = Truth(drawn.request_timeout)
    for message in Plan(drawn).messages():
        truth.record(message)
    truth.expire(float("inf"))
    assert not truth.open_requests
    assert truth.requests.total() == (
        truth.responses.total() + truth.timeouts.total() + truth.superseded.total()
    )
    assert truth.outcomes.total() == truth.responses.total() + truth.timeouts.total()


@given(options())
def test_times_never_go_back_and_settling_is_bounded(drawn: SimulateOptions) -> None:
    times = [message.at_seconds for message in Plan(drawn).messages()]
    assert all(earlier <= later for earlier, later in pairwise(times))
    tail = max(10.0, drawn.request_timeout + max(1.0, 0.6 * drawn.request_timeout)) if drawn.settle else 0.0
    assert times[-1] <= drawn.duration + tail


@given(options())
def test_same_options_same_bytes(drawn: SimulateOptions) -> None:
    assert list(Plan(drawn).messages()) == list(Plan(drawn).messages())


@given(options())
def test_exchanges_of_a_pair_never_overlap_and_each_time_is_sure(drawn: SimulateOptions) -> None:
    timeout = drawn.request_timeout
    for exchange in pairs(Plan(drawn).messages()).values():
        opened: float | None = None
        settled_at = 0.0
        for at, meaning in exchange:
            if isinstance(meaning, Request):
                superseding = opened is not None and at - opened < timeout
                assert at >= settled_at or superseding
                opened = at
            elif meaning.fate == "answered":
                assert opened is not None
                latency = at - opened
                assert latency <= timeout - 1
                assert all(abs(latency - edge) > 0.04 for edge in BUCKETS), latency
                opened, settled_at = None, at
            elif meaning.fate == "late":
                assert opened is not None
                assert timeout + 1 - 1e-9 <= at - opened <= timeout + max(1.0, 0.6 * timeout) + 1e-9
                opened, settled_at = None, at
            elif meaning.fate == "duplicate":
                assert opened is None
                settled_at = at
            else:
                assert all(isinstance(other, Answer) for _, other in exchange)


@given(options())
def test_each_device_introduces_itself_before_anything_else(drawn: SimulateOptions) -> None:
    seen: set[str] = set()
    for message in Plan(drawn).messages():
        device_id = message.meaning.device_id
        assert re.fullmatch("[0-9A-F]{12}", device_id)
        if isinstance(message.meaning, Heartbeat):
            seen.add(device_id)
        assert device_id in seen
        assert isinstance(orjson.loads(message.payload), dict)
    assert len(seen) == drawn.devices


@given(options())
def test_a_device_that_went_offline_is_silent_until_it_is_online_again(drawn: SimulateOptions) -> None:
    offline: set[str] = set()
    for message in Plan(drawn).messages():
        meaning = message.meaning
        if isinstance(meaning, Heartbeat):
            assert meaning.online or meaning.device_id not in offline
            offline.discard(meaning.device_id) if meaning.online else offline.add(meaning.device_id)
        else:
            assert meaning.device_id not in offline


@given(options())
def test_firmware_changes_only_between_exchanges_and_never_dies_out(drawn: SimulateOptions) -> None:
    truth = Truth(drawn.request_timeout)
    population: Counter[str] = Counter()
    for message in Plan(drawn).messages():
        meaning = message.meaning
        before = after = "unknown"
        if known := truth.devices.get(meaning.device_id):
            before = known.text("firmware_version")
        truth.record(message)
        if meaning.device_id not in truth.devices:
            continue
        after = truth.devices[meaning.device_id].text("firmware_version")
        if before != after:
            assert meaning.device_id not in {device_id for device_id, _ in truth.open_requests}
            population[before] -= 1
            population[after] += 1
            assert before == "unknown" or population[before] > 0
        if isinstance(meaning, Boot):
            assert meaning.device_id not in {device_id for device_id, _ in truth.open_requests}


@given(options())
def test_rate_is_kept(drawn: SimulateOptions) -> None:
    in_duration = sum(message.at_seconds < drawn.duration for message in Plan(drawn).messages())
    due = int(drawn.rate * drawn.duration)
    # Answers come when they come: a burst of them may go over, and a fleet that is all offline under.
    assert in_duration <= due + 4 * drawn.devices * drawn.symbols_per_device + 1
