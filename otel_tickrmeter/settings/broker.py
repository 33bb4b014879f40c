"""Where the broker is: the URL of `mqtt.broker`, taken apart.

The schemes are those that paho, mosquitto's clients and the brokers' own documents use. Not `urlsplit`: it
drops tabs and newlines in silence and lets names through on which the resolver raises UnicodeError.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv6Address
from typing import Literal, NamedTuple


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """What the MQTT client needs to connect. `path` is empty unless the transport is websockets.

    It includes the query, if there is one.
    """

    host: str
    port: int
    transport: Literal["tcp", "websockets"]
    tls: bool
    path: str = ""


class _Scheme(NamedTuple):
    port: int
    transport: Literal["tcp", "websockets"]
    tls: bool


_SCHEMES = {
    "mqtt": _Scheme(1883, "tcp", tls=False),
    "tcp": _Scheme(1883, "tcp", tls=False),
    "mqtts": _Scheme(8883, "tcp", tls=True),
    "ssl": _Scheme(8883, "tcp", tls=True),
    "ws": _Scheme(80, "websockets", tls=False),
    "wss": _Scheme(443, "websockets", tls=True),
}
# The path that MQTT brokers serve by convention, and paho's own default.
_WEBSOCKET_PATH = "/mqtt"
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<host>\[[^\[\]]*\]|[^\s/:?#\[\]]+)"
    r"(?::(?P<port>[0-9]{1,5}))?(?P<path>[/?][!-~]*)?"
)
_LABEL = re.compile(r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_IPV6 = re.compile(r"[0-9A-Fa-f:.]+(?:%[A-Za-z0-9_.-]+)?")
_LONGEST_NAME = 253
_LAST_PORT = 65535


def parse_broker_url(url: str) -> BrokerAddress:
    """The parts of a broker's URL; IPv6 addresses come without their brackets.

    Raises:
        ValueError: it is no broker URL. The message never repeats the URL, which may hold a password.
    """
    match = _match(url)
    scheme = _SCHEMES.get(match["scheme"].lower())
    if scheme is None:
        raise ValueError(f"must have one of the schemes {', '.join(_SCHEMES)}")
    host = match["host"]
    host = _address(host[1:-1]) if host.startswith("[") else check_host(host)
    port = scheme.port if match["port"] is None else int(match["port"])
    if not 1 <= port <= _LAST_PORT:
        raise ValueError(f"must have a port from 1 to {_LAST_PORT}")
    path = match["path"] or ""
    if scheme.transport == "tcp":
        if path not in ("", "/"):
            raise ValueError("must have neither a path nor a query: only ws:// and wss:// have them")
        return BrokerAddress(host, port, scheme.transport, scheme.tls)
    if "#" in path:
        raise ValueError("must have no fragment")
    if not path.startswith("/"):
        path = _WEBSOCKET_PATH + path
    return BrokerAddress(host, port, scheme.transport, scheme.tls, path)


def hide_query(url: str) -> str:
    """`url` as it may be shown: some brokers want a token in the query."""
    before, mark, query = url.partition("?")
    return f"{before}?********" if query else before + mark


def replace_broker_host(url: str, host: str | None, port: str | None) -> str:
    """`url` with its host, its port or both put in place; its scheme and path stay, and with them its TLS.

    Raises:
        ValueError: `url` is no broker URL. Host and port are not checked.
    """
    match = _match(url)
    new_host = match["host"] if host is None else f"[{host}]" if ":" in host and host[0] != "[" else host
    new_port = match["port"] if port is None else port
    return f"{match['scheme']}://{new_host}{f':{new_port}' if new_port else ''}{match['path'] or ''}"


def check_host(host: str) -> str:
    """`host`, when it is an address or a name that a resolver takes without raising.

    Raises:
        ValueError: it is neither.
    """
    if ":" in host:
        return _address(host)
    labels = host.removesuffix(".").split(".")
    if len(host) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError("must name a host: letters, digits, hyphens and dots, or an IP address")
    return host


def _match(url: str) -> re.Match[str]:
    if "@" in url:
        raise ValueError(
            "must not carry credentials, because a URL is printed in logs: "
            "use mqtt.username and mqtt.password or mqtt.password_file"
        )
    match = _URL.fullmatch(url)
    if match is None:
        raise ValueError('must be a URL such as "mqtt://host:1883" or "mqtts://[2001:db8::1]:8883"')
    return match


def _address(text: str) -> str:
    try:
        # ipaddress lets anything through behind the "%" of a zone.
        return str(IPv6Address(text if _IPV6.fullmatch(text) else ""))
    except ValueError:
        raise ValueError("must have a valid IPv6 address, in brackets when in a URL") from None
