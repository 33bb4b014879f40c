"""Durations, sizes, broker URLs and topic prefixes, by tables."""

import pytest

from otel_tickrmeter.settings.broker import BrokerAddress, parse_broker_url
from otel_tickrmeter.settings.durations import format_duration, parse_duration
from otel_tickrmeter.settings.sizes import format_size, parse_size
from otel_tickrmeter.settings.topic import parse_topic_prefix


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30),
        ("5m", 300),
        ("24h", 86400),
        ("7d", 604800),
        ("500ms", 0.5),
        ("700ms", 0.7),
        ("1m30s", 90),
        ("1h 1m 1s", 3661),
        (" 15 m ", 900),
        ("7 days", 604800),
        ("1.5h", 5400),
        ("30", 30),
        ("0.25", 0.25),
        (30, 30),
        (0.25, 0.25),
        ("1e2", 100),
        ("5M", 300),
    ],
)
def test_durations(value: object, seconds: float) -> None:
    assert parse_duration(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        "",
        " ",
        "s",
        "5x",
        "-5s",
        "5s!",
        "m5",
        "5 5s",
        "1,5s",
        "nan",
        "inf",
        "1_0",
        "٣s",
        "0",
        "0s",
        0,
        -1,
        True,
        None,
        [],
        {},
        float("nan"),
        float("inf"),
        10**400,
        "1e999",
        "9" * 400,
        "1e9999s",
        b"5s",
    ],
)
def test_no_durations(value: object) -> None:
    with pytest.raises(ValueError, match="must be a"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(86400.0, "1d"), (900, "15m"), (90, "90s"), (0.5, "500ms"), (1e-05, "1e-05s"), (1e300, "1e+300s")],
)
def test_durations_as_text(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "size"),
    [
        (1, 1),
        ("5", 5),
        ("100 MB", 10**8),
        ("100MB", 10**8),
        ("1 GiB", 2**30),
        ("1.5 kB", 1500),
        ("1 kib", 1024),
    ],
)
def test_sizes(value: object, size: int) -> None:
    assert parse_size(value) == size
    assert parse_size(format_size(size)) == size


@pytest.mark.parametrize(
    "value", ["", "MB", "1 XB", "-1", "1 iB", "1e3", 0, -1, True, 1.5, None, [], "9" * 99, 10**40]
)
def test_no_sizes(value: object) -> None:
    with pytest.raises(ValueError, match="must be a size"):
        parse_size(value)


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("mqtt://localhost", BrokerAddress("localhost", 1883, "tcp", tls=False)),
        ("tcp://my_broker:99", BrokerAddress("my_broker", 99, "tcp", tls=False)),
        ("MQTTS://Host.example./", BrokerAddress("Host.example.", 8883, "tcp", tls=True)),
        ("ssl://10.0.0.1:1", BrokerAddress("10.0.0.1", 1, "tcp", tls=True)),
        ("ws://h", BrokerAddress("h", 80, "websockets", tls=False, path="/mqtt")),
        ("ws://h/", BrokerAddress("h", 80, "websockets", tls=False, path="/")),
        ("wss://h:8443/a/b", BrokerAddress("h", 8443, "websockets", tls=True, path="/a/b")),
        ("wss://h/a?token=x/y&z", BrokerAddress("h", 443, "websockets", tls=True, path="/a?token=x/y&z")),
        ("wss://h:1?token=x", BrokerAddress("h", 1, "websockets", tls=True, path="/mqtt?token=x")),
        ("mqtt://[2001:DB8::1]:1884", BrokerAddress("2001:db8::1", 1884, "tcp", tls=False)),
        ("mqtt://[fe80::1%eth0]", BrokerAddress("fe80::1%eth0", 1883, "tcp", tls=False)),
    ],
)
def test_broker_urls(url: str, address: BrokerAddress) -> None:
    assert parse_broker_url(url) == address


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("mqtt://user:pw@h", "must not carry credentials"),
        ("mqtt://user@h", "must not carry credentials"),
        ("http://h", "must have one of the schemes"),
        ("localhost:1883", "must be a URL"),
        ("mqtt://", "must be a URL"),
        ("mqtt://:1883", "must be a URL"),
        ("mqtt://h:", "must be a URL"),
        ("mqtt://h:x", "must be a URL"),
        ("mqtt://h\n", "must be a URL"),
        ("mqtt://h\t.example", "must be a URL"),
        ("mqtt://::1", "must be a URL"),
        ("mqtt://[::1", "must be a URL"),
        ("mqtt://[nope]", "must have a valid IPv6 address"),
        ("mqtt://[::1%a\nb]", "must have a valid IPv6 address"),
        ("mqtt://h:0", "must have a port from 1"),
        ("mqtt://h:65536", "must have a port from 1"),
        ("mqtt://h/path", "must have neither a path nor a query"),
        ("mqtt://h?token=pw", "must have neither a path nor a query"),
        ("ws://h/p?token=pw#x", "must have no fragment"),
        ("mqtt://a..b", "must name a host"),
        ("mqtt://-a", "must name a host"),
        (f"mqtt://{'a' * 64}", "must name a host"),
        ("mqtt://ümlaut", "must name a host"),
    ],
)
def test_no_broker_urls(url: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason) as raised:
        parse_broker_url(url)
    assert "pw" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "prefix"),
    [
        ("", ""),
        ("a", "a/"),
        ("a/b/", "a/b/"),
        ("/", "/"),
        # Empty levels are levels.
        ("a//", "a//"),
        ("site.a", "site.a/"),
        ("a/$b", "a/$b/"),
        ("//a", "//a/"),
        ("x" * 65_533, "x" * 65_533 + "/"),
        ("x" * 65_533 + "/", "x" * 65_533 + "/"),
    ],
)
def test_topic_prefixes(text: str, prefix: str) -> None:
    assert parse_topic_prefix(text) == prefix
    assert parse_topic_prefix(prefix) == prefix


@pytest.mark.parametrize("text", ["a/+", "#", "a\0", "x" * 65_534, "é" * 32_767, "x" * 65_534 + "/"])
def test_faulty_topic_prefixes(text: str) -> None:
    with pytest.raises(ValueError, match="at most"):
        parse_topic_prefix(text)


@pytest.mark.parametrize("text", ["$share/g/site", "$SYS", "$queue/site/", "$"])
def test_topics_that_are_the_brokers_own_are_no_prefix(text: str) -> None:
    with pytest.raises(ValueError, match="no device can publish there"):
        parse_topic_prefix(text)
