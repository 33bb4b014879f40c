"""What the blueprint of made-up fleets takes, and which broker it may publish to."""

import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from otel_tickrmeter.blueprints.simulate import simulate_blueprint
from otel_tickrmeter.blueprints.watched import WatchedBrokerError, check_resolved, check_written
from otel_tickrmeter.jobs.blueprint import BlueprintParameterError, read_parameters
from tests.support.worker_process import surroundings

BROKER = "mqtt://broker.example"


def faults(directory: Path, given: Mapping[str, Any]) -> tuple[str, ...]:
    try:
        read_parameters(simulate_blueprint(), {"broker": BROKER, **given}, surroundings(directory))
    except BlueprintParameterError as error:
        return tuple(map(str, error.faults))
    return ()


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"fleet": "autocore", "relays": 2, "late": 0.5, "rate": 1, "devices": 2, "qos": 1, "patience": "1m"},
        {"firmwares": 3, "settle": False, "seed": -7, "duration": "2 days", "slow_symbols": 0},
        {"firmwares": ["2a", "1b"], "username": "fleet", "password_file": "secrets/fleet"},
    ],
)
def test_these_are_right(tmp_path: Path, given: Mapping[str, Any]) -> None:
    assert faults(tmp_path, given) == ()


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"broker": "http://x"}, "broker: must have one of the schemes"),
        ({"fleet": "buses"}, "fleet: must be one of tickrmeter, autocore"),
        ({"devices": 0}, "devices: must be a whole number from 1 to"),
        ({"rate": "fast"}, "rate: must be a number from 0.001 to"),
        ({"rate": float("nan")}, "rate: must be a number from 0.001 to"),
        ({"late": 1.5}, "late: must be a number from 0 to 1"),
        ({"late": True}, "late: must be a number from 0 to 1"),
        ({"qos": 2}, "qos: must be a whole number from 0 to 1"),
        ({"firmwares": 41}, "firmwares: must be a whole number from 1 to 40"),
        ({"firmwares": ["1", "1"]}, "firmwares: must be a number, or 1 to 40 different names"),
        ({"firmwares": []}, "firmwares: must be a number, or 1 to 40 different names"),
        ({"output": "../x"}, "output: must name a file below"),
        ({"password_file": "/etc/passwd"}, "password_file: must name a file below"),
        ({"password_file": "p"}, "password_file needs username"),
        ({"patience": "10s"}, "patience needs qos 1"),
        ({"symbols": 2, "slow_symbols": 0}, "symbols_per_device must not exceed symbols"),
        ({"duration": "1s"}, "8000 devices at 1000 messages a second need 16s"),
        ({"summary": "x"}, "summary: there is no such parameter"),
        ({"password": "x"}, "password: there is no such parameter"),
        ({"fleet": "autocore", "symbols": 3}, "symbols: the fleet autocore has no such parameter"),
        ({"spikes": 0.1}, "spikes: the fleet tickrmeter has no such parameter"),
        ({"fleet": "autocore", "rate": 90, "devices": 1}, "rate must not be above 50 a second for each"),
        ({"broker": "tcp://127.0.0.1:1"}, "broker: is the broker that the exporter watches"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, given: Mapping[str, Any], fault: str) -> None:
    (told,) = faults(tmp_path, given)
    assert told.startswith(fault)


def test_the_broker_must_be_named(tmp_path: Path) -> None:
    with pytest.raises(BlueprintParameterError) as raised:
        read_parameters(simulate_blueprint(), {}, surroundings(tmp_path))
    assert str(raised.value) == "broker: must be given"


SAME = [
    ("mqtt://localhost", "mqtt://127.0.0.1:1883"),
    ("mqtt://[::1]:1883", "tcp://127.0.0.9"),
    ("mqtt://[::ffff:127.0.0.1]", "mqtt://LOCALHOST."),
    ("mqtt://0.0.0.0", "mqtt://here.localhost"),
    ("mqtts://Broker.example.", "ssl://broker.example:8883"),
    ("mqtt://[2001:db8::0:1]", "mqtt://[2001:0db8::1]"),
    ("ws://broker.example:1883/any", "mqtt://broker.example"),
]
OTHER = [
    ("mqtt://localhost", "mqtt://localhost:1884"),
    ("mqtt://broker.example", "mqtts://broker.example"),
    ("mqtt://a.example", "mqtt://b.example"),
    ("mqtt://192.0.2.1", "mqtt://192.0.2.2"),
]


@pytest.mark.parametrize(("one", "other"), [*SAME, *(pair[::-1] for pair in SAME)])
def test_a_broker_has_several_names(tmp_path: Path, one: str, other: str) -> None:
    with pytest.raises(WatchedBrokerError, match="allow_watched_broker"):
        check_written(one, surroundings(tmp_path, watched_broker=other))
    check_written(one, surroundings(tmp_path, watched_broker=other, allow_watched_broker=True))


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_another_broker_may_be_used(tmp_path: Path, one: str, other: str) -> None:
    check_written(one, surroundings(tmp_path, watched_broker=other))


NAMES = {"a.example": "192.0.2.1", "b.example": "192.0.2.1", "c.example": "192.0.2.3"}


@pytest.fixture
def _names(monkeypatch: pytest.MonkeyPatch) -> None:
    """A resolver that knows few names; the kernel is asked all the same."""
    usual = socket.getaddrinfo

    def resolve(host: str, port: int, **more: Any) -> list[Any]:  # noqa: ANN401  whatever there is
        return usual(NAMES.get(host, host), port, flags=socket.AI_NUMERICHOST, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.usefixtures("_names")
@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("mqtt://a.example", "mqtt://b.example", True),
        ("mqtt://192.0.2.1", "mqtt://b.example", True),
        ("mqtt://127.1", "mqtt://localhost", True),  # a name to us, an address to the resolver
        ("mqtt://2130706433", "mqtt://127.0.0.1", True),
        ("mqtt://c.example", "mqtt://b.example", False),
        ("mqtt://a.example:1", "mqtt://b.example", False),
        ("mqtt://none.example", "mqtt://nobody.example", False),
        ("mqtt://none.example", "mqtt://none.example", True),
    ],
)
def test_two_names_of_an_address_are_one_broker(tmp_path: Path, one: str, other: str, *, same: bool) -> None:
    where = surroundings(tmp_path, watched_broker=other)
    if same:
        with pytest.raises(WatchedBrokerError):
            check_resolved(one, where)
    else:
        check_resolved(one, where)
