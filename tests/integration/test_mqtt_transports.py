"""TLS and WebSockets, against a real Mosquitto with certificates made for the test."""

import datetime as dt
from pathlib import Path

import pytest

from otel_tickrmeter.settings.model import MqttSettings, ReconnectSettings, TlsSettings
from otel_tickrmeter.stream.message import Refused
from tests.integration.feed_thread import FeedThread
from tests.integration.mosquitto import Mosquitto, ServerTls
from tests.support.certificates import Authority

SOON = ReconnectSettings(0.05, 0.1)


def check_traffic(broker: Mosquitto, settings: MqttSettings) -> None:
    with FeedThread(settings) as feed:
        feed.wait_subscribed()
        # A record of TLS has 16 KiB: what is read must not be left lying in OpenSSL's own buffer.
        sent = [("t", b"%d" % number * 50) for number in range(2000)] + [("t", bytes(60_000))]
        broker.publish(sent)
        feed.wait_messages(len(sent))
        assert feed.payloads == [payload for _, payload in sent]
        assert feed.story == ["Connected", "Subscribed"]


def check_refused(settings: MqttSettings, word: str) -> None:
    with FeedThread(settings) as feed:
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert set(feed.story) == {"Refused:tls"}
        assert word in feed.events(Refused)[0].detail


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


@pytest.mark.parametrize("qos", [0, 1, 2])
@pytest.mark.parametrize("protocol", ["5", "3.1.1"])
def test_websockets_carry_the_same(tmp_path: Path, protocol: str, qos: int) -> None:
    with Mosquitto(tmp_path, websockets=True) as broker:
        check_traffic(broker, MqttSettings(broker.websockets_url, protocol=protocol, qos=qos))  # type: ignore[arg-type]


def test_an_oversize_message_over_websockets(tmp_path: Path) -> None:
    """100 kB only: Mosquitto 2.0.11 itself never delivers 1 MB over a WebSocket, to no client."""
    broker = Mosquitto(tmp_path, websockets=True)
    with broker, FeedThread(MqttSettings(broker.websockets_url)) as feed:
        feed.wait_subscribed()
        broker.publish([("t", bytes(100_000)), ("t", b"next")])
        feed.wait_messages(2)
        assert [message.payload for message in feed.messages] == [b"", b"next"]
        assert [message.oversize for message in feed.messages] == [True, False]


@pytest.mark.parametrize("websockets", [False, True])
@pytest.mark.parametrize("qos", [0, 1])
def test_tls_with_an_authority_of_our_own(
    tmp_path: Path, authority: Authority, qos: int, *, websockets: bool
) -> None:
    tls = ServerTls(authority.ca_file, *authority.issue("localhost"))
    with Mosquitto(tmp_path, tls=tls, websockets=websockets) as broker:
        url = broker.websockets_url if websockets else broker.url
        check_traffic(broker, MqttSettings(url, qos=qos, tls=TlsSettings(ca_file=authority.ca_file)))


def test_an_unknown_authority_is_refused_unless_insecure(tmp_path: Path, authority: Authority) -> None:
    tls = ServerTls(authority.ca_file, *authority.issue("localhost"))
    with Mosquitto(tmp_path, tls=tls) as broker:
        check_refused(MqttSettings(broker.url, reconnect=SOON), "we refused the broker's certificate: ")
        check_traffic(broker, MqttSettings(broker.url, tls=TlsSettings(insecure=True)))


def test_the_name_that_is_verified_can_be_set(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    tls = ServerTls(authority.ca_file, *authority.issue("broker.example"))
    with Mosquitto(tmp_path, tls=tls) as broker:
        files = TlsSettings(ca_file=authority.ca_file)
        check_refused(MqttSettings(broker.url, tls=files, reconnect=SOON), "certificate: Hostname mismatch")
        files = TlsSettings(ca_file=authority.ca_file, server_name="broker.example")
        with FeedThread(MqttSettings(broker.url, tls=files)) as feed:
            feed.wait_subscribed()


def test_a_certificate_that_is_refused_is_named(tmp_path: Path, authority: Authority) -> None:
    for name, days, words in (
        ("localhost", -2, "certificate has expired; check mqtt.tls.ca_file and mqtt.tls.server_name"),
        ("broker.example", 1, "Hostname mismatch, certificate is not valid for 'localhost'; check"),
    ):
        tls = ServerTls(authority.ca_file, *authority.issue(name, days=days))
        ends = dt.datetime.now(dt.UTC) + dt.timedelta(days=days)
        with Mosquitto(tmp_path, tls=tls) as broker:
            settings = MqttSettings(broker.url, tls=TlsSettings(authority.ca_file), reconnect=SOON)
            check_refused(settings, words)
            check_refused(settings, f"(it is for {name}, issued by test authority, valid from ")
            check_refused(settings, f" to {ends:%Y-%m-%d})")


@pytest.mark.parametrize("password", [None, "sesame"])
def test_a_client_certificate(tmp_path: Path, authority: Authority, password: str | None) -> None:
    tls = ServerTls(authority.ca_file, *authority.issue("localhost"), require_client=True)
    cert_file, key_file = authority.issue("client", password)
    password_file = tmp_path / "key-password"
    password_file.write_text(f"{password}\n")
    ours = TlsSettings(authority.ca_file, cert_file, key_file, password_file if password else None)
    with Mosquitto(tmp_path, tls=tls) as broker:
        with FeedThread(MqttSettings(broker.url, tls=ours)) as feed:
            feed.wait_subscribed()
        with FeedThread(MqttSettings(broker.url, tls=TlsSettings(authority.ca_file), reconnect=SOON)) as feed:
            feed.wait(lambda: bool(feed.story))
            assert feed.story[0] == "Refused:tls"


@pytest.mark.parametrize("renewed", ["authority", "certificate", "key password"])
def test_its_files_are_read_at_each_attempt(tmp_path: Path, authority: Authority, renewed: str) -> None:
    """A renewed one is taken up without a restart, as docs/security.md promises."""
    directory = tmp_path / "ours"
    directory.mkdir()
    stranger = Authority(directory, "stranger")
    ca_file, password_file = directory / "ca.pem", directory / "key-password"
    # In the place where ours will be: of another authority, or not to be opened.
    cert_file, key_file = (stranger if renewed == "certificate" else authority).issue("client", "sesame")
    ca_file.write_bytes((stranger if renewed == "authority" else authority).ca_file.read_bytes())
    password_file.write_text("wrong" if renewed == "key password" else "sesame")
    tls = ServerTls(authority.ca_file, *authority.issue("localhost"), require_client=True)
    ours = TlsSettings(ca_file, cert_file, key_file, password_file)
    with (
        Mosquitto(tmp_path, tls=tls) as broker,
        FeedThread(MqttSettings(broker.url, tls=ours, reconnect=SOON)) as feed,
    ):
        feed.wait(lambda: len(feed.events(Refused)) >= 2)
        assert set(feed.story) == {"Refused:tls"}
        if renewed == "authority":
            ca_file.write_bytes(authority.ca_file.read_bytes())
        elif renewed == "certificate":
            for old, new in zip((cert_file, key_file), authority.issue("client", "sesame"), strict=True):
                old.write_bytes(new.read_bytes())
        else:
            password_file.write_text("sesame")
        feed.wait_subscribed()


@pytest.mark.parametrize("fault", ["missing", "not a key", "encrypted", "wrong authority file"])
def test_files_that_do_not_serve_are_told(tmp_path: Path, authority: Authority, fault: str) -> None:
    cert_file, key_file = authority.issue("client", "sesame" if fault == "encrypted" else None)
    ca_file = authority.ca_file
    if fault == "missing":
        key_file = tmp_path / "absent"
    elif fault == "not a key":
        key_file.write_text("not a key")
    elif fault == "wrong authority file":
        ca_file = key_file
    settings = MqttSettings(
        "mqtts://localhost:1", tls=TlsSettings(ca_file, cert_file, key_file), reconnect=SOON
    )
    check_refused(settings, "TLS settings")
