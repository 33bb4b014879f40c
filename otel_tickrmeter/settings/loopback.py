"""Which hosts cannot be reached from another machine."""

from ipaddress import ip_address


def is_loopback_host(host: str) -> bool:
    """Whether a host, an address or a name, is this machine and nothing else; no name is looked up."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
