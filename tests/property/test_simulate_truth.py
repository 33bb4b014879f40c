"""The simulator's truth against the exporter's own state, which reads the payloads at their times."""

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.tickrmeter.decode import Decoder
from otel_tickrmeter.fleets.tickrmeter.device import Device, Pair
from otel_tickrmeter.fleets.tickrmeter.heartbeat import PLACES
from otel_tickrmeter.fleets.tickrmeter.labels import UNKNOWN
from otel_tickrmeter.fleets.tickrmeter.reason import (
    DisplacedKind,
    ExpiredKind,
    IdentityKind,
    RejectionReason,
    UnmatchedReason,
)
from otel_tickrmeter.fleets.tickrmeter.registry import Limits
from otel_tickrmeter.fleets.tickrmeter.settings import SpellingSettings, TopicSettings
from otel_tickrmeter.fleets.tickrmeter.simulate.options import SimulateOptions
from otel_tickrmeter.fleets.tickrmeter.simulate.plan import Plan
from otel_tickrmeter.fleets.tickrmeter.simulate.truth import KnownDevice, Truth
from otel_tickrmeter.fleets.tickrmeter.state import Fleet
from otel_tickrmeter.fleets.tickrmeter.symbol import Symbol
from otel_tickrmeter.stream.message import Message
from otel_tickrmeter.stream.reason import ErrorReason
from tests.property.test_simulate_plan import options

NS = 1_000_000_000


class Tally:
    """Counts what the state tells."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, ...]] = Counter()

    def requested(self, pair: Pair) -> None:
        self.counts["request", pair.device.id, pair.symbol.name] += 1

    def answered(self, pair: Pair, latency_ns: int | None) -> None:
        assert latency_ns is not None
        self.counts["response", pair.device.id, pair.symbol.name] += 1
        self.counts["outcome", pair.device.firmware_version, "answered"] += 1

    def timed_out(self, pair: Pair, waited_ns: int) -> None:
        assert waited_ns >= 0
        self.counts["timeout", pair.symbol.name] += 1
        self.counts["outcome", pair.device.firmware_version, "timeout"] += 1

    def superseded(self, pair: Pair) -> None:
        self.counts["superseded", pair.symbol.name] += 1

    def abandoned(self, pair: Pair) -> None:
        raise AssertionError(f"abandoned {pair.symbol.name}")

    def unmatched(self, reason: UnmatchedReason) -> None:
        self.counts["unmatched", reason.value] += 1

    def rejected(self, kind: IdentityKind, reason: RejectionReason) -> None:
        raise AssertionError(f"rejected {kind} {reason}")

    def displaced(self, kind: DisplacedKind) -> None:
        self.counts["displaced", kind.value] += 1

    def misread(self, reason: ErrorReason) -> None:
        raise AssertionError(f"misread {reason}")

    def boot_started(self, device: Device) -> None:
        self.counts["boot", device.firmware_version] += 1

    def boot_finished(self, device: Device, duration_ns: int | None) -> None:
        assert duration_ns is not None
        self.counts["booted", device.firmware_version] += 1

    def streamed(self, device: Device) -> None:
        self.counts["stream", device.firmware_version] += 1

    def ended_pair(self, pair: Pair) -> None:
        raise AssertionError(f"ended {pair.device.id} {pair.symbol.name}")

    def ended(self, kind: ExpiredKind, identity: Device | Symbol | str) -> None:
        raise AssertionError(f"ended {kind} {identity}")


def limits(request_timeout: float) -> Limits:
    return Limits(
        request_timeout_ns=int(request_timeout * NS),
        device_timeout_ns=300 * NS,
        cleanup_interval_ns=10 * NS,
        latency_window_ns=900 * NS,
        symbol_retention_ns=86_400 * NS,
        max_latency_samples=1000,
        max_devices=20_000,
        max_symbols=5_000,
        max_pairs=100_000,
        max_device_symbols=100,
    )


def counted(truth: Truth) -> Counter[tuple[str, ...]]:
    everything: Counter[tuple[str, ...]] = Counter()
    for name, by_tuple in (
        ("request", truth.requests),
        ("response", truth.responses),
        ("outcome", truth.outcomes),
    ):
        everything.update({(name, *key): n for key, n in by_tuple.items()})
    for name, by_name in (
        ("timeout", truth.timeouts),
        ("superseded", truth.superseded),
        ("unmatched", truth.unmatched),
        ("boot", truth.boots),
        ("booted", truth.boot_durations),
        ("stream", truth.http_streams),
    ):
        everything.update({(name, key): n for key, n in by_name.items() if n})
    return everything


def as_known(device: Device) -> KnownDevice:
    kept = dict(zip(PLACES, device.readings, strict=True))
    readings = {"firmware_version": device.firmware_version, **kept}
    told = {name: value for name, value in readings.items() if value is not None and value != UNKNOWN}
    return KnownDevice(told, offline=device.offline, boots=device.boots_seen)


@given(options(), st.floats(0, 20), st.floats(0, 45))
def test_the_core_sees_what_the_simulator_says(
    drawn: SimulateOptions, stopped_at: float, stopped_for: float
) -> None:
    """The machine may stand still for a while: what was due then leaves when it goes on, in its order."""
    tally = Tally()
    fleet = Fleet(limits(drawn.request_timeout), tally)
    decoder = Decoder("", "mac", TopicSettings().device_id_pattern, SpellingSettings().fields)
    truth = Truth(drawn.request_timeout)
    last_ns = 0
    for planned in Plan(drawn).messages():
        sent_at = planned.at_seconds
        if stopped_at <= sent_at:
            sent_at = max(sent_at, stopped_at + stopped_for)
        truth.record(planned._replace(at_seconds=sent_at))
        last_ns = round(sent_at * NS)
        message = Message(planned.topic.encode(), planned.payload, last_ns)
        message_type = decoder.classify(message.topic)
        assert message_type is not None
        event = decoder.decode(message_type, message)
        assert event is not None
        fleet.advance(last_ns, last_ns)
        fleet.apply(event, last_ns, backlog=False)
    end_ns = last_ns + int((drawn.request_timeout + 1) * NS)
    fleet.advance(end_ns, end_ns)
    truth.expire(float("inf"))

    assert fleet.pending == 0
    assert tally.counts == counted(truth)
    assert {device.id: as_known(device) for device in fleet.devices.values()} == truth.devices
    rates = {
        name: (figures.answered, figures.timed_out)
        for name, symbol in fleet.symbols.items()
        if (figures := symbol.window.figures(fleet.now_ns)).outcomes
    }
    assert rates == {
        name: (len(window) - list(window).count(None), list(window).count(None))
        for name, window in truth.windows.items()
    }
