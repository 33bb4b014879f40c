"""Whether a broker is the one that the exporter watches, under whatever name."""

import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from ipaddress import IPv6Address, ip_address

from otel_tickrmeter.jobs.surroundings import Surroundings
from otel_tickrmeter.settings.broker import parse_broker_url

_HERE = "localhost"
"""This machine, by any of its names."""


class WatchedBrokerError(Exception):
    """A job may not touch this broker."""

    def __init__(self) -> None:
        super().__init__(
            "is the broker that the exporter watches, and dagda.allow_watched_broker does not allow it"
        )


def check_written(broker: str, surroundings: Surroundings) -> None:
    """See whether it is the watched one by its URL; asks nobody.

    Raises:
        WatchedBrokerError: It is, and that is not allowed.
    """
    _refuse(broker, surroundings, lambda host: {_plain(host)})


def check_resolved(broker: str, surroundings: Surroundings) -> None:
    """See whether it is the watched one by its addresses; asks name servers, so it takes its time.

    Raises:
        WatchedBrokerError: It is, and that is not allowed.
    """
    _refuse(broker, surroundings, lambda host: {_plain(host), *_addresses(host)})


def _refuse(broker: str, surroundings: Surroundings, names: Callable[[str], set[str]]) -> None:
    if surroundings.allow_watched_broker:
        return
    one, other = parse_broker_url(broker), parse_broker_url(surroundings.watched_broker)
    if one.port == other.port and names(one.host) & names(other.host):
        raise WatchedBrokerError


def _plain(host: str) -> str:
    name = host.lower().removesuffix(".")
    try:
        address = ip_address(name.partition("%")[0])
    except ValueError:
        return _HERE if name.endswith(f".{_HERE}") else name
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    # Who connects to no address in particular reaches the own machine.
    return _HERE if address.is_loopback or address.is_unspecified else str(address)


def _addresses(host: str) -> Iterator[str]:
    try:
        found = socket.getaddrinfo(host, 1, type=socket.SOCK_DGRAM)
    except OSError:  # nobody by that name: then nobody can be reached by it
        return
    for family, kind, _, _, address in found:
        yield _HERE if _is_own(family, kind, address) else _plain(str(address[0]))


def _is_own(family: int, kind: int, address: tuple[object, ...]) -> bool:
    # Nothing is sent: the kernel says from where it would be, and to oneself that is the same address.
    with closing(socket.socket(family, kind)) as trial:
        try:
            trial.connect(address)
        except OSError:
            return False
        return bool(trial.getsockname()[0] == address[0])
