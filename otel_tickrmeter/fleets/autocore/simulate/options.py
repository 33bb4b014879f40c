"""What a simulated AutoCore run can be told, and whether that makes sense."""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from otel_tickrmeter.settings.durations import parse_duration
from otel_tickrmeter.settings.topic import parse_topic_prefix
from otel_tickrmeter.simulate import arguments as read

SEED, DEVICES = "seed", "devices"
MOST_EACH = 50.0
"""Messages a second of one device but for its bursts; beyond 100 an exporter thins what it keeps."""


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """A run. Durations are seconds, shares 0 to 1, `rate` messages a second.

    `bad_clocks` is the share of devices that send no usable time, `clocks_off` of those whose time is wrong
    and can be true, `retained` of those of which the broker keeps something from before; with `prepare` only
    that is published. `late` and `duplicates` are shares of the messages of devices with usable time,
    `spikes`, `shifts` and `impossible` of the telemetry, `bursts` of what is hundreds of messages instead,
    `stuck` of the devices, `repeats` of the relay messages, `leaves` of the status messages: with these a
    device goes away for minutes, `wills` of them by breaking its connection. `started` is the Unix time of
    the start, from which the devices' own times count.
    """

    broker: str = "mqtt://localhost:1883"
    devices: int = 100
    relays: int = 8
    layouts: tuple[str, ...] = (SEED,)
    rate: float = 50.0
    duration: float = 60.0
    seed: int = 1
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    qos: int = 1
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    topic_prefix: str = ""
    patience: float = 0.0
    bad_clocks: float = 0.05
    clocks_off: float = 0.05
    retained: float = 0.0
    prepare: bool = False
    late: float = 0.01
    duplicates: float = 0.01
    spikes: float = 0.002
    shifts: float = 0.0005
    impossible: float = 0.0005
    stuck: float = 0.02
    bursts: float = 0.0005
    repeats: float = 0.2
    leaves: float = 0.01
    wills: float = 0.5
    summary: str | None = None
    started: float = 0.0

    def as_json(self) -> dict[str, object]:
        """The options for the summary; without the password."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "password"}


_SHARES = (
    ("bad-clocks", "devices that send no usable time"),
    ("clocks-off", "devices whose time is hours or seconds off, and is believed"),
    ("retained", "devices of which the broker keeps a status and relay states from before: see --prepare"),
    ("late", "messages that come late"),
    ("duplicates", "messages that come twice"),
    ("spikes", "readings that are far off"),
    ("shifts", "readings from which on a voltage is another, until the next"),
    ("impossible", "readings that cannot be: more humid than water"),
    ("stuck", "devices of which a sensor tells one value after a while"),
    ("bursts", "telemetry that comes hundreds of times at once, with a relay that is switched"),
    ("repeats", "relay messages that tell a state again"),
    ("leaves", "status messages by which a device goes away for minutes"),
    ("wills", "devices that go away by breaking their connection: the broker publishes their last will"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `simulate --fleet autocore`."""
    usual = SimulateOptions()
    usually = "default: %(default)s"
    add = parser.add_argument
    add("--broker", type=read.telling(read.broker), default=usual.broker, metavar="URL", help=usually)
    add("--devices", type=read.count, default=usual.devices, metavar="N", help=usually)
    add(
        "--relays",
        type=read.count,
        default=usual.relays,
        metavar="N",
        help=f"of each device of the layout seed ({usually})",
    )
    layouts = "of topics that devices have, in turn: seed, devices, or both; the exporter must read them"
    add("--layouts", type=_layouts, default=SEED, metavar="NAMES", help=f"{layouts} ({usually})")
    add("--rate", type=read.rate, default=usual.rate, help=f"messages a second, all topics ({usually})")
    duration = read.telling(parse_duration)
    add("--duration", type=duration, default="60s", metavar="TIME", help=f"such as 90s or 24h ({usually})")
    add("--seed", type=int, default=usual.seed, help=f"same options, same messages ({usually})")
    versions = ("auto", "5", "3.1.1")
    add("--protocol", choices=versions, default=usual.protocol, help=f"MQTT version ({usually})")
    add("--qos", type=int, choices=(0, 1), default=usual.qos, help=usually)
    add("--username")
    add("--password-file", metavar="FILE", help="its first line is the password")
    read.add_ca_file(parser)
    prefix = read.telling(parse_topic_prefix)
    add("--topic-prefix", type=prefix, default=usual.topic_prefix, help="levels before every topic")
    read.add_patience(parser)
    for name, meaning in _SHARES:
        default = getattr(usual, name.replace("-", "_"))
        add(f"--{name}", type=read.share, default=default, metavar="SHARE", help=f"{meaning} ({usually})")
    prepare = (
        "publish only what the broker keeps, and end; do so before the exporter connects, then run the rest"
    )
    add("--prepare", action="store_true", help=prepare)
    add("--summary", metavar="FILE", help="what was sent, and what the exporter must show; - for stdout")


def _layouts(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def from_arguments(namespace: argparse.Namespace, started: float) -> SimulateOptions:
    """Build the options from what `add_arguments` declared; `started` is now, in Unix seconds.

    Raises:
        ValueError: options that do not go together; the message has every fault.
    """
    given: dict[str, Any] = {f.name: getattr(namespace, f.name, None) for f in fields(SimulateOptions)}
    found: list[str] = []
    if namespace.password_file is not None:
        try:
            given["password"] = read.read_password(namespace.password_file)
        except ValueError as error:
            found.append(str(error))
    options = SimulateOptions(**{**given, "started": started})
    found += faults(options)
    if options.summary is not None and (fault := read.unwritable(options.summary)):
        found.append(fault)
    if found:
        raise ValueError("; ".join(found))
    return options


def faults(options: SimulateOptions) -> Iterator[str]:
    """Yield what does not go together."""
    if options.rate > MOST_EACH * options.devices:
        yield f"--rate must not be above {MOST_EACH:g} a second for each of the --devices"
    if options.prepare and not options.retained:
        yield "--prepare needs --retained: else the broker has nothing to keep"
    if options.devices > options.rate * options.duration / 2:
        yield "--duration or --rate is too low for every device to report in half of the time"
    if options.password is not None and options.username is None:
        yield "--password-file needs --username"
    if sorted(options.layouts) not in ([SEED], [DEVICES], [DEVICES, SEED]):
        yield f"--layouts must be {SEED}, {DEVICES}, or both"
    if options.bad_clocks + options.clocks_off > 1:
        yield "--bad-clocks and --clocks-off must not be above 1 in all"
    yield from read.ca_file_faults(options.ca_file, options.broker)
    yield from read.patience_faults(options.patience, options.qos)
