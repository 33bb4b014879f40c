"""A made-up fleet against a named broker: traffic to look at, or a load test."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

from otel_tickrmeter.blueprints.kinds import SHARE, json_number
from otel_tickrmeter.blueprints.made_up import MADE_UP, fleet_options, made_up_firmwares
from otel_tickrmeter.blueprints.watched import WatchedBrokerError, check_resolved, check_written
from otel_tickrmeter.jobs.blueprint import FILE, Blueprint, Parameter, ParameterFault, Stopped, Work
from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.kinds import (
    BOOL,
    BROKER,
    DURATION,
    NAME,
    NAMES,
    TOPIC_PREFIX,
    ValueKind,
    choice,
    integer,
)
from otel_tickrmeter.settings.secret import read_secret

_MOST = 1_000_000
_MOST_FIRMWARES = 40
_OPTION = re.compile(r"--([a-z]+(?:-[a-z]+)*)")
_OURS = ("fleet", "password_file", "ca_file", "output")
"""Parameters that are no options of a simulator by these names."""


def _read_firmwares(value: object) -> int | tuple[str, ...]:
    if isinstance(value, int):
        count: int = integer(1, _MOST_FIRMWARES).read(value)
        return count
    names: tuple[str, ...] = NAMES.read(value)
    if not 1 <= len({*names}) == len(names) <= _MOST_FIRMWARES:
        raise ValueError(f"must be a number, or 1 to {_MOST_FIRMWARES} different names")
    return names


def simulate_blueprint() -> Blueprint:
    """What `otel-tickrmeter simulate` does, as a job."""
    count = integer(1, _MOST)
    # Without a default here: those of the fleet.
    return Blueprint(
        "simulate",
        "Publishes a made-up fleet to a broker, and says exactly what was sent.",
        (
            Parameter("broker", BROKER, "where to publish; not the watched one, unless that is allowed"),
            Parameter("fleet", choice(*MADE_UP), "whose devices", MADE_UP[0]),
            Parameter("output", FILE, "what was sent in all, and what an exporter must show for it", None),
            Parameter("devices", count, "how many", None),
            Parameter("rate", json_number(0.001, _MOST), "messages a second, all topics", None),
            Parameter("duration", DURATION, "how long", None),
            Parameter("seed", integer(-(2**63), 2**63 - 1), "same parameters, same messages", None),
            Parameter("protocol", choice("auto", "5", "3.1.1"), "version of MQTT", None),
            Parameter("qos", integer(0, 1), "quality of service", None),
            Parameter("username", NAME, "at the broker", None),
            Parameter("password_file", FILE, "the password, and nothing else", None),
            Parameter("ca_file", FILE, "certificates to trust; the system's are usual", None),
            Parameter("topic_prefix", TOPIC_PREFIX, "levels before every topic", None),
            Parameter(
                "patience", DURATION, "how long to wait for a broker that went away; needs qos 1", None
            ),
            Parameter("late", SHARE, "answers, or telemetry, that come late", None),
            Parameter("duplicates", SHARE, "answers, or telemetry, that come twice", None),
            *_of_tickrmeter(count),
            *_of_autocore(),
        ),
        _simulate,
        check=_faults,
    )


def _of_tickrmeter(count: ValueKind) -> tuple[Parameter, ...]:
    return (
        Parameter("symbols", count, "that TickrMeters ask for", None),
        Parameter("symbols_per_device", count, "that each asks for", None),
        Parameter("request_timeout", DURATION, "that of the exporter, so that answers are surely late", None),
        Parameter("slow_symbols", integer(0, _MOST), "that are answered slowly", None),
        Parameter("slow_latency", DURATION, "how slowly", None),
        Parameter("unanswered", SHARE, "exchanges that are never answered", None),
        Parameter("superseded", SHARE, "exchanges in which the device asks again", None),
        Parameter("unsolicited", SHARE, "answers nobody asked for, for each exchange", None),
        Parameter("boots", SHARE, "boots among what devices begin", None),
        Parameter("offline", SHARE, "heartbeats that say the device goes offline", None),
        Parameter("http_streams", SHARE, "HTTP stream requests among what devices begin", None),
        Parameter("firmwares", ValueKind(_read_firmwares), "how many, or their names, newest first", None),
        Parameter("settle", BOOL, "send what is still due after the duration", None),
    )


def _of_autocore() -> tuple[Parameter, ...]:
    return (
        Parameter("relays", integer(1, _MOST), "of an AutoCore device", None),
        Parameter("layouts", NAMES, "of topics that AutoCore devices have, in turn: seed, devices", None),
        Parameter("bad_clocks", SHARE, "AutoCore devices that send no usable time", None),
        Parameter("clocks_off", SHARE, "AutoCore devices whose time is off, and is believed", None),
        Parameter("spikes", SHARE, "AutoCore readings that are far off", None),
        Parameter("shifts", SHARE, "AutoCore readings from which on a voltage is another", None),
        Parameter("impossible", SHARE, "AutoCore readings that cannot be", None),
        Parameter("stuck", SHARE, "AutoCore devices of which a sensor tells one value after a while", None),
        Parameter("bursts", SHARE, "AutoCore telemetry that comes hundreds of times at once", None),
        Parameter("repeats", SHARE, "AutoCore relay messages that tell a state again", None),
        Parameter("leaves", SHARE, "AutoCore status messages by which a device goes away", None),
        Parameter("wills", SHARE, "of these that are last wills of connections that break", None),
    )


def _faults(parameters: Mapping[str, Any], surroundings: Surroundings) -> Sequence[ParameterFault]:
    known = {field.name for field in fields(fleet_options(parameters["fleet"]).record)}
    foreign = [
        ParameterFault(name, f"the fleet {parameters['fleet']} has no such parameter")
        for name, value in parameters.items()
        if value is not None and name not in known and name not in _OURS
    ]
    if foreign:
        return foreign
    # Whether there is a password is all that matters here.
    options = _options(parameters, password=parameters["password_file"])
    told = [
        ParameterFault(None, _OPTION.sub(lambda found: found[1].replace("-", "_"), fault))
        for fault in fleet_options(parameters["fleet"]).faults(options)
    ]
    try:
        check_written(parameters["broker"], surroundings)
    except WatchedBrokerError as error:
        told.append(ParameterFault("broker", str(error)))
    return told


def _options(parameters: Mapping[str, Any], **more: object) -> Any:  # noqa: ANN401  a record of the fleet's
    given = {name: value for name, value in parameters.items() if value is not None and name not in _OURS}
    if isinstance(given.get("firmwares"), int):
        given["firmwares"] = made_up_firmwares(given["firmwares"])
    return fleet_options(parameters["fleet"]).record(**given, **more)


def _read_password(file: Path) -> str:
    try:
        return read_secret(file)
    except ValueError as error:
        raise ValueError(f"password_file: {error}") from None


def _simulate(parameters: Mapping[str, Any], work: Work) -> Mapping[str, Any]:
    import os
    import time

    from otel_tickrmeter.blueprints.hold import Hold
    from otel_tickrmeter.blueprints.made_up import fleet_simulator
    from otel_tickrmeter.blueprints.output import write_output
    from otel_tickrmeter.simulate.control import RunControl
    from otel_tickrmeter.simulate.publisher import BrokerError

    check_resolved(parameters["broker"], work.surroundings)
    output = None if parameters["output"] is None else work.file(parameters["output"])
    more: dict[str, object] = {"password": None}
    if parameters["ca_file"] is not None:
        more["ca_file"] = str(work.file(parameters["ca_file"]))
    if parameters["password_file"] is not None:
        more["password"] = _read_password(work.file(parameters["password_file"]))
    if parameters["fleet"] == "autocore":
        more["started"] = time.time()
    options = _options(parameters, **more)
    planned = int(options.rate * options.duration)
    sent = 0

    def advance(count: int) -> None:
        nonlocal sent
        sent += count
        work.report(sent, max(sent, planned))

    before = os.times()
    with Hold(work) as hold:
        summary = fleet_simulator(parameters["fleet"]).simulate(
            options, RunControl(hold.stop, hold.held, advance)
        )
    after = os.times()
    if output is not None:
        write_output(output, summary.as_json())
    if hold.stop.is_set():
        raise Stopped
    if summary.failure is not None:
        raise BrokerError(summary.failure)
    work.report(sent, sent)
    busy = after.user + after.system - before.user - before.system
    return {
        "sent": sent,
        "messages": dict(summary.messages),
        "seconds": summary.pace.seconds,
        "rate": summary.pace.rate,
        "worst_lag_seconds": summary.pace.worst_lag,
        "cpu_seconds": busy,
        "cpu_microseconds_per_message": 1e6 * busy / sent if sent else None,
        "output": parameters["output"],
    }
