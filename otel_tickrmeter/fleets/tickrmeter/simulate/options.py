"""What a simulated run can be told, and whether that makes sense.

The functions that argparse calls raise ArgumentTypeError; what only shows when options are seen together
is a ValueError of `from_arguments`, with every fault at once, for `parser.error`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

from otel_tickrmeter.fleets.tickrmeter.simulate.latency import TIMEOUT_MARGIN, slow_band
from otel_tickrmeter.settings.durations import format_duration, parse_duration
from otel_tickrmeter.settings.topic import parse_topic_prefix
from otel_tickrmeter.simulate import arguments as read

_NEWEST = 62
_REVISIONS = "pkdbrtm"
_MOST_FIRMWARES = 40
_SHORTEST_TIMEOUT = 2.0


def name_firmwares(count: int) -> tuple[str, ...]:
    """Make up that many firmware versions, the newest first."""
    return tuple(f"{_NEWEST - rank}{_REVISIONS[rank % len(_REVISIONS)]}" for rank in range(count))


@dataclass(frozen=True, slots=True)
class SimulateOptions:
    """A run. Durations are seconds, shares 0 to 1, `rate` messages a second over all topics.

    `unanswered`, `late` and `superseded` are shares of the exchanges, `duplicates` of the answers in
    time; `unsolicited` answers come on top of the exchanges in this proportion. `boots` and `http_streams`
    are shares of what devices begin, `offline` of their heartbeats after the first.
    """

    broker: str = "mqtt://localhost:1883"
    devices: int = 8000
    rate: float = 1000.0
    duration: float = 60.0
    symbols: int = 500
    symbols_per_device: int = 3
    seed: int = 1
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    qos: int = 0
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None
    topic_prefix: str = ""
    patience: float = 0.0
    request_timeout: float = 30.0
    slow_symbols: int = 5
    slow_latency: float = 4.0
    unanswered: float = 0.02
    superseded: float = 0.01
    late: float = 0.01
    duplicates: float = 0.01
    unsolicited: float = 0.01
    boots: float = 0.01
    offline: float = 0.02
    firmwares: tuple[str, ...] = name_firmwares(4)
    http_streams: float = 0.01
    settle: bool = True
    summary: str | None = None

    def as_json(self) -> dict[str, object]:
        """The options for the summary; without the password."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "password"}


class _Share(NamedTuple):
    name: str
    meaning: str


_SHARES = (
    _Share("unanswered", "exchanges that are never answered"),
    _Share("superseded", "exchanges in which the device asks again before the answer"),
    _Share("late", "exchanges answered only after the request timeout"),
    _Share("duplicates", "answers that come twice"),
    _Share("unsolicited", "answers nobody asked for, for each exchange"),
    _Share("boots", "boots among what devices begin"),
    _Share("offline", "heartbeats that say the device goes offline"),
    _Share("http-streams", "HTTP stream requests among what devices begin"),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `simulate`."""
    usual = SimulateOptions()
    usually = "default: %(default)s"
    add = parser.add_argument
    add(
        "--broker",
        type=read.telling(read.broker),
        default=usual.broker,
        metavar="URL",
        help=usually,
    )
    add("--devices", type=read.count, default=usual.devices, metavar="N", help=usually)
    add("--rate", type=read.rate, default=usual.rate, help=f"messages a second, all topics ({usually})")
    add(
        "--duration",
        type=read.telling(parse_duration),
        default="60s",
        metavar="TIME",
        help=f"such as 90s or 24h ({usually})",
    )
    add("--symbols", type=read.count, default=usual.symbols, metavar="N", help=usually)
    add(
        "--symbols-per-device",
        type=read.count,
        default=usual.symbols_per_device,
        metavar="N",
        help=usually,
    )
    add("--seed", type=int, default=usual.seed, help=f"same options, same messages ({usually})")
    add(
        "--protocol", choices=("auto", "5", "3.1.1"), default=usual.protocol, help=f"MQTT version ({usually})"
    )
    add("--qos", type=int, choices=(0, 1), default=usual.qos, help=usually)
    add("--username")
    add("--password-file", metavar="FILE", help="its first line is the password")
    read.add_ca_file(parser)
    add(
        "--topic-prefix",
        type=read.telling(parse_topic_prefix),
        default=usual.topic_prefix,
        help="levels before every topic",
    )
    read.add_patience(parser)
    add(
        "--request-timeout",
        type=read.telling(parse_duration),
        default="30s",
        metavar="TIME",
        help=f"the exporter's, so that each answer is surely in time or surely late ({usually})",
    )
    add("--slow-symbols", type=read.natural, default=usual.slow_symbols, metavar="N", help=usually)
    add("--slow-latency", type=read.telling(parse_duration), default="4s", metavar="TIME", help=usually)
    for share in _SHARES:
        default = getattr(usual, share.name.replace("-", "_"))
        help_text = f"{share.meaning} ({usually})"
        add(f"--{share.name}", type=read.share, default=default, metavar="SHARE", help=help_text)
    add(
        "--firmwares",
        type=_firmwares,
        default="4",
        metavar="N|LIST",
        help=f"how many versions, or their names with commas between, newest first ({usually})",
    )
    add(
        "--settle",
        action=argparse.BooleanOptionalAction,
        default=usual.settle,
        help=f"send what is still due after the duration, up to 1.6 request timeouts ({usually})",
    )
    add("--summary", metavar="FILE", help="what was sent, and what the exporter must show; - for stdout")


def from_arguments(namespace: argparse.Namespace) -> SimulateOptions:
    """Build the options from what `add_arguments` declared.

    Raises:
        ValueError: options that do not go together; the message has every fault.
    """
    given = {f.name: getattr(namespace, f.name) for f in fields(SimulateOptions) if f.name != "password"}
    found: list[str] = []
    password: str | None = None
    if namespace.password_file is not None:
        try:
            password = read.read_password(namespace.password_file)
        except ValueError as error:
            found.append(str(error))
    options = SimulateOptions(password=password, **given)
    found += faults(options)
    if options.summary is not None and (fault := read.unwritable(options.summary)):
        found.append(fault)
    if found:
        raise ValueError("; ".join(found))
    return options


def faults(options: SimulateOptions) -> Iterator[str]:
    """Yield what does not go together."""
    if options.symbols_per_device > options.symbols:
        yield "--symbols-per-device must not exceed --symbols"
    elif options.unsolicited and options.symbols_per_device == options.symbols:
        yield "--unsolicited needs symbols that a device does not ask for: more --symbols, or a share of 0"
    if options.slow_symbols > options.symbols:
        yield "--slow-symbols must not exceed --symbols"
    if options.unanswered + options.late + options.superseded > 1:
        yield "--unanswered, --late and --superseded are shares of the same exchanges: 1 in all at most"
    if options.boots + options.http_streams > 1:
        yield "--boots and --http-streams are shares of the same beginnings: 1 in all at most"
    if options.password is not None and options.username is None:
        yield "--password-file needs --username"
    yield from read.ca_file_faults(options.ca_file, options.broker)
    yield from read.patience_faults(options.patience, options.qos)
    yield from _time_faults(options)


def _time_faults(options: SimulateOptions) -> Iterator[str]:
    if options.request_timeout < _SHORTEST_TIMEOUT:
        yield f"--request-timeout must be {_SHORTEST_TIMEOUT:g}s at least: answers keep a second from it"
    elif (
        options.slow_symbols and slow_band(options.slow_latency)[1] > options.request_timeout - TIMEOUT_MARGIN
    ):
        yield "--slow-latency must stay more than a second below --request-timeout"
    roll_call = 2 * options.devices / options.rate
    if roll_call > options.duration / 2:
        yield (
            f"{options.devices} devices at {options.rate:g} messages a second need "
            f"{format_duration(round(roll_call, 3))} for their first heartbeats, and the run should last "
            f"twice as long: raise --duration or --rate, or lower --devices"
        )


def _firmwares(text: str) -> tuple[str, ...]:
    if text.isascii() and text.isdigit():
        if not 1 <= (count := int(text)) <= _MOST_FIRMWARES:
            raise argparse.ArgumentTypeError(f"must be 1 to {_MOST_FIRMWARES} versions")
        return name_firmwares(count)
    versions = tuple(version.strip() for version in text.split(","))
    if not all(versions) or len(set(versions)) != len(versions) or len(versions) > _MOST_FIRMWARES:
        raise argparse.ArgumentTypeError(
            f"must be up to {_MOST_FIRMWARES} different versions, commas between"
        )
    return versions
