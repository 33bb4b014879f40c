"""Options: the defaults agree, and every bad one is told."""

import argparse
from dataclasses import replace
from pathlib import Path

import orjson
import pytest

from otel_tickrmeter.fleets.autocore.simulate.options import SimulateOptions as AutoCoreOptions
from otel_tickrmeter.fleets.autocore.simulate.options import faults as autocore_faults
from otel_tickrmeter.fleets.tickrmeter.simulate.options import (
    SimulateOptions,
    add_arguments,
    faults,
    from_arguments,
)
from tests.support.certificates import Authority


def parse(*arguments: str) -> SimulateOptions:
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_arguments(parser)
    return from_arguments(parser.parse_args(arguments))


def test_without_arguments_the_defaults() -> None:
    assert parse() == SimulateOptions()


def test_arguments_are_taken(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("geheim\nsecond line\n")
    authority = Authority(tmp_path).ca_file
    summary = tmp_path / "summary.json"
    options = parse(
        *("--broker", "mqtts://broker.example", "--devices", "10", "--rate", "7.5", "--duration", "2m"),
        *("--protocol", "3.1.1", "--qos", "1", "--username", "fleet", "--password-file", str(password)),
        *("--ca-file", str(authority)),
        *("--topic-prefix", "fleet/a"),
        *("--firmwares", "2.0,1.9", "--no-settle", "--http-streams", "0.5", "--summary", str(summary)),
    )
    assert options == replace(
        SimulateOptions(),
        broker="mqtts://broker.example",
        devices=10,
        rate=7.5,
        duration=120.0,
        protocol="3.1.1",
        qos=1,
        username="fleet",
        password="geheim",  # noqa: S106  the test's own
        ca_file=str(authority),
        topic_prefix="fleet/a/",
        firmwares=("2.0", "1.9"),
        settle=False,
        http_streams=0.5,
        summary=str(summary),
    )
    assert "geheim" not in repr(options)
    assert b"geheim" not in orjson.dumps(options.as_json())


def test_a_number_of_firmwares_makes_up_their_names() -> None:
    assert len(set(parse("--firmwares", "40").firmwares)) == 40


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--broker", "http://x", "schemes"),
        ("--devices", "0", "1 at least"),
        ("--devices", "-3", "whole number"),
        ("--rate", "0", "messages a second"),
        ("--rate", "nan", "messages a second"),
        ("--duration", "soon", "duration"),
        ("--topic-prefix", "a/+", "# or NUL"),
        ("--late", "1.5", "share"),
        ("--boots", "x", "share"),
        ("--firmwares", "41", "1 to 40"),
        ("--firmwares", "a,,b", "different versions"),
        ("--firmwares", "a,a", "different versions"),
        ("--qos", "2", "invalid choice"),
        ("--protocol", "4", "invalid choice"),
    ],
)
def test_a_bad_option_is_told(option: str, value: str, message: str) -> None:
    with pytest.raises(argparse.ArgumentError, match=message):
        parse(f"{option}={value}")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"symbols_per_device": 501}, "--symbols-per-device"),
        ({"symbols": 3, "slow_symbols": 0}, "--unsolicited"),
        ({"slow_symbols": 501}, "--slow-symbols"),
        ({"unanswered": 0.5, "late": 0.5, "superseded": 0.1}, "1 in all"),
        ({"boots": 0.6, "http_streams": 0.6}, "1 in all"),
        ({"request_timeout": 1.9}, "--request-timeout"),
        ({"request_timeout": 4.5}, "--slow-latency"),
        ({"duration": 31.0}, "need 16s for their first heartbeats"),
        ({"password": "x"}, "--username"),
        ({"broker": "mqtts://b", "ca_file": "/dev/null"}, "no usable certificate"),
    ],
)
def test_what_does_not_go_together_is_told(changes: dict[str, float], message: str) -> None:
    told = list(faults(replace(SimulateOptions(), **changes)))  # type: ignore[arg-type]  # a table of cases
    assert len(told) == 1
    assert message in told[0]


def test_certificates_to_trust_need_tls(tmp_path: Path) -> None:
    authority = str(Authority(tmp_path).ca_file)
    told = ["--ca-file needs a --broker with TLS: mqtts:// or wss://"]
    assert list(faults(SimulateOptions(ca_file=authority))) == told
    assert list(autocore_faults(AutoCoreOptions(ca_file=authority))) == told


def test_all_faults_at_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="--slow-symbols") as raised:
        parse(
            "--slow-symbols", "600", "--password-file", str(tmp_path / "absent"), "--summary", str(tmp_path)
        )
    assert "--password-file cannot be read" in str(raised.value)
    assert "--summary" in str(raised.value)
