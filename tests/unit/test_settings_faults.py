"""What is refused, with its place, all at once, and without a secret."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from otel_tickrmeter.configuration import keeps_rows, load_settings
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings, AutoCoreTable
from otel_tickrmeter.settings.faults import Fault, SettingsError
from otel_tickrmeter.settings.layer import Found
from otel_tickrmeter.settings.model import KafkaSettings
from otel_tickrmeter.settings.rules import OURS
from tests.support.settings import settings_of


def faults_of(
    directory: Path,
    toml: str = "",
    yaml: str | None = None,
    environ: Mapping[str, str] | None = None,
    options: Mapping[str, Found] | None = None,
) -> list[str]:
    (directory / "settings.toml").write_text(toml)
    configs = []
    if yaml is not None:
        configs = [directory / "c.yaml"]
        configs[0].write_text(yaml)
    try:
        load_settings(configs, options or {}, environ or {}, directory)
    except SettingsError as error:
        return [str(fault).replace(f"{directory}/", "") for fault in error.faults]
    return []


def test_every_fault_of_every_source_at_once(tmp_path: Path) -> None:
    found = faults_of(
        tmp_path,
        toml='[mqtt]\nbrokr = "mqtt://x"\nqos = 3\n\n[prometheus]\nport = "many"\n',
        yaml="mqtt:\n  keepalive: 0\nmonitoring:\n  request_timeout: 10m\nprometeus: {}\n",
        environ={
            "TICKRMETER_METRICS__DETAIL": "all",
            "TICKRMETER_MQTT_BROKER": "x",
            "MQTT_BROKER_PORT": "http",
            "UNRELATED": "x",
        },
        options={"logging.level": Found("LOUD", "option --log-level")},
    )
    assert sorted(found) == sorted(
        [
            "settings.toml:2: mqtt.brokr: unknown; did you mean mqtt.broker?",
            "settings.toml:3: mqtt.qos: must be a whole number from 0 to 2, not 3",
            "settings.toml:6: prometheus.port: must be a whole number from 0 to 65535, not 'many'",
            "c.yaml:2: mqtt.keepalive: must be a finite duration above zero, not 0",
            (
                "c.yaml:4: monitoring.request_timeout: monitoring.device_timeout must not be below "
                "monitoring.request_timeout: a device must not leave while its request can still be answered"
            ),
            "c.yaml:5: prometeus: unknown; did you mean prometheus?",
            (
                "environment variable TICKRMETER_METRICS__DETAIL: metrics.detail: "
                "must be one of device, symbol, not 'all'"
            ),
            "environment variable TICKRMETER_MQTT_BROKER: unknown; did you mean TICKRMETER_MQTT__BROKER?",
            "environment variable MQTT_BROKER_PORT: mqtt.broker: must be a port number",
            (
                "option --log-level: logging.level: must be one of "
                "TRACE, DEBUG, INFO, SUCCESS, WARNING, ERROR, CRITICAL, not 'LOUD'"
            ),
        ]
    )


@pytest.mark.parametrize(
    ("toml", "expected"),
    [
        ("mqtt = 5", "settings.toml:1: mqtt: must be a table of keys"),
        (
            "[tickrmeter]\nenabled = false",
            "settings.toml:2: tickrmeter.enabled: no fleet is enabled: there would be nothing to watch",
        ),
        ("[mqtt]\nusername = 5", "settings.toml:2: mqtt.username: must be text: put it in quotes, not 5"),
        ("[mqtt]\nclean_session = 1", "settings.toml:2: mqtt.clean_session: must be true or false, not 1"),
        ("[mqtt]\nqos = true", "settings.toml:2: mqtt.qos: must be a whole number from 0 to 2, not True"),
        ("[mqtt]\nqos = 1.0", "settings.toml:2: mqtt.qos: must be a whole number from 0 to 2, not 1.0"),
        ("[mqtt]\nkeepalive = 1.5", "settings.toml:2: mqtt.keepalive: must be whole seconds, not 1.5"),
        ("[mqtt]\nkeepalive = '1d'", "settings.toml:2: mqtt.keepalive: must be from 1s to 65535s, not '1d'"),
        ("[mqtt]\ntopic_prefix = 'a/#'", "must have no +, # or NUL, and 65534 bytes at most"),
        ('[mqtt]\ntopic_prefix = "a\\u0000"', "must not contain a NUL character"),
        (
            "[mqtt]\ndevice_id_pattern = '('",
            "must be a regular expression: missing ), unterminated subpattern",
        ),
        ("[mqtt]\ndevice_id_pattern = '[[a]'", "must be a regular expression: Possible nested set"),
        (
            "[mqtt]\ndevice_id_pattern = ''",
            "settings.toml:2: mqtt.device_id_pattern: must not be empty, not ''",
        ),
        ("[mqtt]\nbroker = 'http://x'", "must have one of the schemes mqtt, tcp, mqtts, ssl, ws, wss"),
        (
            "[messages.fields]\nbatery = 'x'",
            "messages.fields.batery: unknown; did you mean messages.fields.battery?",
        ),
        ("[messages.fields]\nbattery = [1]", "must be text: put it in quotes"),
        ("[messages.fields]\nbattery = {}", "must be a list of names, or one name"),
        ("[monitoring]\nrequest_timeout = 'soon'", 'must be a duration such as "30s", "5m" or "1m30s"'),
        ("[monitoring]\nrequest_timeout = inf", "must be a finite duration above zero, not inf"),
        ("[monitoring]\nrequest_timeout = nan", "must be a finite duration above zero, not nan"),
        ("[monitoring]\nrequest_timeout = 2000-01-01", "must be a duration"),
        ("[monitoring]\nmax_pairs = 0", "must be a whole number from 1 to 10000000, not 0"),
        ("[monitoring]\nmax_pairs = 0x" + "f" * 5000, "must be a whole number from 1 to 10000000"),
        ("[monitoring]\nmax_pairs = 1" + "0" * 5000, "is not valid TOML: it has a value that cannot be read"),
        ("[prometheus]\npath = 'metrics'", 'must start with "/"'),
        ("[prometheus]\npath = '/-/ready'", "must not be one of the server's own"),
        ("[prometheus]\nport = 65536", "must be a whole number from 0 to 65535, not 65536"),
        ("[prometheus]\nhost = 'a b'", "must name a host"),
        ("[prometheus]\nweb_config_file = 'web.yml'", "web.yml: cannot be read: No such file or directory"),
        ("[otlp]\nendpoint = 'ftp://x'", "must be an http:// or https:// URL"),
        (
            "[otlp]\nenabled = true\nendpoint = 'c:4317'\nprotocol = 'http/protobuf'",
            "must start with http:// or https://",
        ),
        ('[otlp]\nheaders = {a = "b\\nc"}', "must have values of printable ASCII"),
        ("[logging]\nrotation = '1 XB'", 'must be a size such as "100 MB"'),
        ("[messages]\ndead_letter_file = '/'", "messages.dead_letter_file: / is a directory"),
        (
            "logging.file = 'x'\nmessages.dead_letter_file = 'x'",
            "settings.toml:2: messages.dead_letter_file: must not be the same file as logging.file",
        ),
        ("[messages]\ndead_letter_max_size = 0", 'must be a size such as "100 MB"'),
        ("[messages]\ndead_letter_files = -1", "must be a whole number from 0 to 1000, not -1"),
        ("[logging]\nfile = '/'", "logging.file: / is a directory"),
        ("[logging]\nfile = '/none/x.log'", "/none/x.log is in a directory that does not exist"),
        ("[logging]\nfile = '/dev/null/x.log'", "/dev/null/x.log is in a directory that does not exist"),
        ("state.file = 'none/s.db'", "state.file: none/s.db is in a directory that does not exist"),
        ("state.file = '/'", "state.file: / is a directory"),
        ("state.file = '/proc/1/s.db'", "/proc/1/s.db cannot be used: no file can be made in /proc/1"),
        ("database.spool = 'none/s'", "database.spool: none/s is in a directory that does not exist"),
        ("database.spool = '/dev/null'", "database.spool: /dev/null is not a directory"),
        ("database.spool = '/proc/1/s'", "/proc/1/s cannot be used: no file can be made in /proc/1"),
        ("database.spool = '/proc/1'", "/proc/1 cannot be used: no file can be made in /proc/1"),
        (f"database.spool = '/tmp/{'x' * 300}'", "cannot be used: File name too long"),
        (f"[logging]\nfile = '/tmp/{'x' * 300}'", "cannot be opened: File name too long"),
        ("[mqtt.reconnect]\nmin_delay = '2m'", "min_delay must not be above mqtt.reconnect.max_delay"),
        (
            "[mqtt]\nusername = 'u'\npassword = 'p'\npassword_file = 'f'",
            "not be given together with mqtt.password",
        ),
        ("[otlp]\ntraces = true", "settings.toml:2: otlp.traces: needs otlp.enabled"),
        ("[otlp]\nlogs = true", "settings.toml:2: otlp.logs: needs otlp.enabled"),
        (
            "[otlp]\nenabled = true\nprotocol = 'http/protobuf'\ntraces = true\ntraces_endpoint = 'c:1'",
            "settings.toml:5: otlp.traces_endpoint: must start with http:// or https://",
        ),
        (
            "[dagda]\nenabled = true\ntokens_file = '/dev/null'",
            "settings.toml:3: dagda.tokens_file: needs TLS, or tokens go over the network for all to read",
        ),
        (
            "[prometheus]\nhost = 'localhost'\n[dagda]\nenabled = true\ntokens_file = 'none'",
            "none: cannot be read: No such file or directory",
        ),
        ("[mqtt]\npassword = 'p'", "settings.toml:2: mqtt.password: needs mqtt.username"),
        ("[mqtt.tls]\ninsecure = true", "settings.toml:2: mqtt.tls.insecure: has no effect without TLS"),
        (
            "mqtt.broker = 'wss://b'\nmqtt.tls.cert_file = 'c'",
            "cert_file and mqtt.tls.key_file need each other",
        ),
        ("mqtt.broker = 'wss://b'\nmqtt.tls.key_password_file = 'c'", "needs mqtt.tls.key_file"),
        (
            "mqtt.broker = 'wss://b'\nmqtt.tls.ca_file = 'none'",
            "mqtt.tls.ca_file: none has no usable certificate",
        ),
        ("a b", "settings.toml:1: is not valid TOML: "),
        ("[mqtt]\n\nqos = 1\nqos = 2", "settings.toml:4: is not valid TOML: Cannot overwrite a value"),
        ("x = " + "[" * 3000, "is not valid TOML: "),
        ("dynaconf_include = ['x']", "settings.toml:1: dynaconf_include: unknown"),
        ("[mqtt]\ndynaconf_merge = true", "settings.toml:2: mqtt.dynaconf_merge: unknown"),
        ("[production.mqtt]\nqos = 1", "settings.toml: production: unknown"),
    ],
)
def test_faults_in_toml(toml: str, expected: str, tmp_path: Path) -> None:
    found = faults_of(tmp_path, toml=toml)
    assert any(expected in fault for fault in found), found


@pytest.mark.parametrize(
    ("yaml", "expected"),
    [
        ("a: [", "c.yaml:1: is not valid YAML: "),
        ("mqtt:\n  qos: 1\n  qos: 2\n", "c.yaml:3: mqtt.qos: is given twice, first in line 2"),
        ("- mqtt", "c.yaml: must be a table of keys"),
        ("mqtt: &a\n  mqtt: *a\n", "c.yaml:2: mqtt.mqtt: unknown"),
        ("mqtt:\n  username: 010\n", "c.yaml:2: mqtt.username: must be text: put it in quotes, not 8"),
        ("1: 2\n", "c.yaml:1: 1: unknown"),
        ("? [1]\n: 2\n", "is not valid YAML: found unhashable key"),
        ("mqtt: !!bool x", "is not valid YAML: it has a value that cannot be read"),
        ("mqtt: !!int ''", "is not valid YAML: it has a value that cannot be read"),
        ("mqtt: !!timestamp x", "is not valid YAML: it has a value that cannot be read"),
        ("mqtt: !!python/object/apply:os.getpid []", "is not valid YAML: could not determine a constructor"),
        ("mqtt: " + "[" * 3000, "is not valid YAML: "),
        ("mqtt: \x01", "is not valid YAML: it has a character that is not allowed"),
        ("a: 1\n---\nb: 2\n", "is not valid YAML: but found another document"),
    ],
)
def test_faults_in_yaml(yaml: str, expected: str, tmp_path: Path) -> None:
    found = faults_of(tmp_path, yaml=yaml)
    assert any(expected in fault for fault in found), found


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"TICKRMETER_PROMETHEUS_PORT": "1"}, "unknown; did you mean TICKRMETER_PROMETHEUS__PORT?"),
        ({"TICKRMETER_MQTT": "x"}, "environment variable TICKRMETER_MQTT: mqtt: must be a table of keys"),
        ({"TICKRMETER_MQTT": "{brokr = 1}"}, "mqtt.brokr: unknown; did you mean mqtt.broker?"),
        ({"TICKRMETER_MESSAGES__FIELDS__VIN": "[a"}, "must be a list of names, or one name, not '[a'"),
        ({"TICKRMETER_MESSAGES__FIELDS__VIN": "[" * 3000}, "must be a list of names, or one name"),
        (
            {"TICKRMETER_MESSAGES__FIELDS__VIN": "[" + "1" * 5000 + "]"},
            "must be a list of names, or one name",
        ),
        ({"TICKRMETER_OTLP__HEADERS": "x"}, "otlp.headers: must not be empty"),
        ({"TICKRMETER_OTLP__HEADERS": "a b=x"}, "otlp.headers: must have names of letters"),
        ({"TICKRMETER_OTLP__HEADERS": "[1]"}, "otlp.headers: must be a table of texts"),
        ({"TICKRMETER_MQTT__CLIENT_ID": "\udcff"}, "mqtt.client_id: must be valid UTF-8, not "),
        ({"MQTT_BROKER_HOST": "tcp://h"}, "mqtt.broker: must be a host, without scheme"),
        ({"MQTT_BROKER_HOST": "h:1883"}, "mqtt.broker: must be a host, without scheme"),
        ({"MQTT_BROKER_HOST": "a..b"}, "environment variable MQTT_BROKER_HOST: mqtt.broker: must be a host"),
        (
            {"MQTT_BROKER_HOST": "h", "MQTT_BROKER_PORT": "0"},
            "variable MQTT_BROKER_HOST and MQTT_BROKER_PORT: ",
        ),
        ({"MQTT_BROKER_PORT": "0"}, "MQTT_BROKER_PORT: mqtt.broker: must have a port from 1 to 65535"),
    ],
)
def test_faults_in_the_environment(environ: Mapping[str, str], expected: str, tmp_path: Path) -> None:
    found = faults_of(tmp_path, environ=environ)
    assert any(expected in fault for fault in found), found


def test_a_bad_url_below_host_and_port_is_reported_where_it_stands(tmp_path: Path) -> None:
    found = faults_of(tmp_path, toml="[mqtt]\nbroker = 'nowhere'\n", environ={"MQTT_BROKER_HOST": "h"})
    assert len(found) == 1
    assert found[0].startswith("settings.toml:2: mqtt.broker: must be a URL")


def test_a_value_that_a_later_source_replaces_is_not_at_fault(tmp_path: Path) -> None:
    assert faults_of(tmp_path, toml="[mqtt]\nqos = 9\n", environ={"TICKRMETER_MQTT__QOS": "1"}) == []


@pytest.mark.parametrize(
    "name", ["missing.toml", "missing.yml", "c.json", "no_suffix", "directory.toml", "nul\0.toml"]
)
def test_config_files_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    (tmp_path / "directory.toml").mkdir()
    with pytest.raises(SettingsError) as raised:
        load_settings([tmp_path / name], {}, {}, tmp_path)
    (fault,) = raised.value.faults
    assert fault.location == str(tmp_path / name)
    assert re.match(r"cannot be read: |must end in one of \.toml, \.yaml, \.yml", fault.message)


def test_an_unreadable_optional_file_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / ".secrets.toml").mkdir()
    assert faults_of(tmp_path) == [".secrets.toml: cannot be read: Is a directory"]


def test_files_that_are_not_utf8(tmp_path: Path) -> None:
    path = tmp_path / "c.toml"
    path.write_bytes(b"[mqtt]\nusername = '\xff'\n")
    with pytest.raises(SettingsError) as raised:
        load_settings([path], {}, {}, tmp_path)
    assert raised.value.faults == (Fault(f"{path}:2", "", "is not UTF-8"),)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "cannot be read: No such file"),
        (b"", "is empty"),
        (b"\n", "is empty"),
        (b"\xff", "is not UTF-8"),
        (b"a\0b", "contains a NUL character"),
        (b"x" * 70_000, "is longer than 65535 bytes"),
    ],
)
def test_password_files_that_cannot_be_used(content: bytes | None, expected: str, tmp_path: Path) -> None:
    file = tmp_path / "pw"
    if content is not None:
        file.write_bytes(content)
    (found,) = faults_of(
        tmp_path, environ={"MQTT_USERNAME": "u", "TICKRMETER_MQTT__PASSWORD_FILE": str(file)}
    )
    assert f"mqtt.password_file: pw {expected}" in found


@pytest.mark.parametrize("token", ["caf\u00e9", "two words", "tab\t", "line\n\nline"])
def test_tokens_that_no_request_can_hold(token: str, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(token)
    given = {"TICKRMETER_NOTIFICATIONS__WEBHOOK_URL": "http://h"}
    (at_once,) = faults_of(tmp_path, environ={**given, "TICKRMETER_NOTIFICATIONS__WEBHOOK_TOKEN": token})
    named = {"TICKRMETER_NOTIFICATIONS__WEBHOOK_TOKEN_FILE": str(file)}
    (from_file,) = faults_of(tmp_path, environ={**given, **named})
    for found in (at_once, from_file):
        assert found.endswith("must be printable ASCII without blanks")
        assert token not in found


@pytest.mark.parametrize(
    ("variable", "key", "expected"),
    [
        ("CERTIFICATE", "ca_file", "nowhere has no usable certificate: No such file or directory"),
        ("CLIENT_KEY", "key_file", "nowhere cannot be read: No such file or directory"),
        ("METRICS_CLIENT_KEY", "key_file", "nowhere cannot be read: No such file or directory"),
        ("CLIENT_CERTIFICATE", "cert_file", "nowhere does not load together with"),
    ],
)
def test_files_that_opentelemetrys_variables_name(
    variable: str, key: str, expected: str, tmp_path: Path
) -> None:
    cert, key_file = certificate(tmp_path)
    environ = {
        "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(cert),
        "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(key_file),
        "OTEL_METRICS_EXPORTER": "otlp",
    }
    assert faults_of(tmp_path, environ=environ) == []
    environ[f"OTEL_EXPORTER_OTLP_{variable}"] = str(tmp_path / "nowhere")
    (found,) = faults_of(tmp_path, environ=environ)
    assert f"environment variable OTEL_EXPORTER_OTLP_{variable}: otlp.tls.{key}: {expected}" in found
    # They are set for whole clusters: where nothing is pushed they stop nothing.
    del environ["OTEL_METRICS_EXPORTER"]
    assert faults_of(tmp_path, environ=environ) == []


def test_a_certificate_for_the_collector_needs_its_key(tmp_path: Path) -> None:
    cert, _ = certificate(tmp_path)
    environ = {"OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(cert), "OTEL_METRICS_EXPORTER": "otlp"}
    (found,) = faults_of(tmp_path, environ=environ)
    assert found.endswith("otlp.tls.cert_file and otlp.tls.key_file need each other")
    assert "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE" in found


def test_no_fault_shows_a_query_of_the_broker(tmp_path: Path) -> None:
    (found,) = faults_of(tmp_path, environ={"TICKRMETER_MQTT__BROKER": "wss://b:99999/mqtt?token=hunter2"})
    assert "must have a port" in found
    assert "hunter2" not in found


def test_no_fault_and_no_repr_shows_a_secret(tmp_path: Path) -> None:
    secret = "hunter2"  # noqa: S105  planted
    (tmp_path / "settings.toml").write_text(
        f"[mqtt]\nbroker = 'mqtt://u:{secret}@b'\npassword = ['{secret}']\n"
    )
    bad_yaml = [f"mqtt: {{password: {mark}{secret}}}" for mark in "*!%`@"] + [f"otlp: {{headers: {secret}}}"]
    configs = []
    for number, text in enumerate(bad_yaml):
        configs.append(tmp_path / f"{number}.yaml")
        configs[-1].write_text(text)
    environ = {
        "TICKRMETER_MQTT__PASWORD": secret,
        "TICKRMETER_OTLP__ENDPOINT": f"http://u:{secret}@c",
        "MQTT_BROKER_HOST": f"{secret}@b",
        "TICKRMETER_MQTT": f"{{password = '{secret}', x = '{secret}'}}",
    }
    options = {"mqtt.password": Found(f"{secret}\0", "option")}
    with pytest.raises(SettingsError) as raised:
        load_settings(configs, options, environ, tmp_path)
    assert len(raised.value.faults) == 12
    assert secret not in repr(raised.value) + str(raised.value) + repr(raised.value.faults) + repr(options)
    assert raised.value.__cause__ is None
    settings = load_settings([], {}, {"MQTT_USERNAME": "u", "MQTT_PASSWORD": secret}, tmp_path / "nowhere")
    assert settings.mqtt.password == secret
    assert secret not in repr(settings)


def certificate(directory: Path, password: bytes | None = None) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    directory.mkdir(exist_ok=True)
    cert_file, key_file = directory / "cert.pem", directory / "key.pem"
    cert_file.write_bytes(cert.public_bytes(Encoding.PEM))
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))
    return cert_file, key_file


def test_certificates_are_tried(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path / "a", b"pw")
    _, other = certificate(tmp_path / "b")
    password = tmp_path / "pw"
    password.write_text("pw\n")
    given = {
        "BROKER": "mqtts://b",
        "TLS__CA_FILE": str(cert),
        "TLS__CERT_FILE": str(cert),
        "TLS__KEY_FILE": str(key),
    }
    environ = {f"TICKRMETER_MQTT__{name}": value for name, value in given.items()}
    with_password = {**environ, "TICKRMETER_MQTT__TLS__KEY_PASSWORD_FILE": str(password)}
    assert faults_of(tmp_path, environ=with_password) == []
    for bad in (environ, {**with_password, "TICKRMETER_MQTT__TLS__KEY_FILE": str(other)}):
        (found,) = faults_of(tmp_path, environ=bad)
        assert "mqtt.tls.cert_file: a/cert.pem does not load together with" in found
    (found,) = faults_of(tmp_path, environ={**with_password, "TICKRMETER_MQTT__TLS__CA_FILE": str(password)})
    assert "mqtt.tls.ca_file: pw has no usable certificate" in found


@pytest.mark.parametrize(("prefix", "shared"), [("autocore/x", True), ("autocore", False), ("other", False)])
def test_fleets_that_are_watched_together_share_no_topic(
    tmp_path: Path, prefix: str, *, shared: bool
) -> None:
    toml = f'[mqtt]\ntopic_prefix = "{prefix}"\n\n[autocore]\nenabled = true\n'
    found = faults_of(tmp_path, toml=toml)
    expected = (
        "settings: a topic can be tickrmeter's (autocore/x/+) and autocore's (autocore/+/status): "
        "change a topic prefix, or watch them with two exporters"
    )
    assert found == ([expected] if shared else [])
    assert faults_of(tmp_path, toml=toml.replace("true", "false")) == []


def test_a_partition_must_be_one_of_those_that_there_are(tmp_path: Path) -> None:
    rule = "partition.index: must be below partition.count: the first has 0"
    assert faults_of(tmp_path, "[partition]\nindex = 3\ncount = 3\n") == [f"settings.toml:2: {rule}"]
    assert faults_of(tmp_path, environ={"TICKRMETER_PARTITION__INDEX": "1"}) == [
        f"environment variable TICKRMETER_PARTITION__INDEX: {rule}"
    ]
    assert faults_of(tmp_path, "[partition]\nindex = -1\ncount = 0\n") == [
        "settings.toml:2: partition.index: must be a whole number from 0 to 1023, not -1",
        "settings.toml:3: partition.count: must be a whole number from 1 to 1024, not 0",
    ]
    both = {"TICKRMETER_PARTITION__INDEX": "2", "TICKRMETER_PARTITION__COUNT": "3"}
    assert faults_of(tmp_path, environ=both) == []


def test_one_of_several_exporters_does_not_publish(tmp_path: Path) -> None:
    toml = "[partition]\ncount = 2\n[autocore]\nenabled = true\n"
    toml += 'automation = {{publish = {}, topics = ["a/b"]}}\n'
    (fault,) = faults_of(tmp_path, toml.format("true"))
    assert "autocore.automation.publish must be false" in fault
    assert faults_of(tmp_path, toml.format("false")) == []


def test_what_kafka_cannot_be_used_with_is_told_at_once(tmp_path: Path) -> None:
    toml = """
[kafka]
role = "receiver"
username = "u"
properties = {"acks" = "1"}
[partition]
count = 2
[state]
file = "s.db"
[capture]
file = "c.gz"
[messages]
dead_letter_file = "d.jsonl"
"""
    shared = "cannot be used with partition.count above 1: the handlers share the fleet among themselves"
    assert [fault.partition(": ")[2] for fault in faults_of(tmp_path, toml)] == [
        "kafka.username: kafka.username needs a password, and a password a user name",
        f"kafka.properties: must not have what this program sets itself: {', '.join(sorted(OURS))}",
        f"kafka.role: {shared}",
        "kafka.role: cannot be used with state.file: which devices a handler keeps changes while it runs",
        "kafka.role: cannot be receiver with capture.file: a receiver handles no messages",
        "kafka.role: cannot be receiver with messages.dead_letter_file: a receiver handles no messages",
    ]
    (fault,) = faults_of(tmp_path, '[kafka]\nrole = "handler"\n[prometheus]\nreader = "stock"\n')
    assert 'cannot be handler with prometheus.reader = "stock"' in fault
    (fault,) = faults_of(tmp_path, '[kafka]\nusername = "u"\npassword = "p"\npassword_file = "f"\n')[:1]
    assert "must not be given together" in fault


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ('brokers = "no port"', "must be HOST:PORT, or a list of such"),
        ('brokers = ["a:1", "b:0"]', "must be HOST:PORT, or a list of such"),
        ("brokers = []", "must name a broker"),
        ('topic = "a/b"', "must be 1 to 249 letters, digits, dots, hyphens and underscores"),
        ('group = ".."', "must be 1 to 249 letters, digits, dots, hyphens and underscores"),
    ],
)
def test_places_of_kafka_are_looked_at(tmp_path: Path, given: str, fault: str) -> None:
    (found,) = faults_of(tmp_path, f"[kafka]\n{given}\n")
    assert fault in found


def test_several_brokers_may_stand_in_one_text(tmp_path: Path) -> None:
    assert faults_of(tmp_path, '[kafka]\nbrokers = "a:1, [::1]:2"\n') == []


def test_what_librdkafka_does_not_take_is_told(tmp_path: Path) -> None:
    for role in ("receiver", "handler"):
        toml = f'[kafka]\nrole = "{role}"\nproperties = {{"bogus.key" = "1"}}\n'
        assert faults_of(tmp_path, toml) == [
            'settings: kafka.properties: librdkafka says: No such configuration property: "bogus.key"'
        ]


SHARED = '[database]\nurl = "postgresql:///fleet"\n'
OVER_KAFKA = '[kafka]\nrole = "{}"\n[autocore]\nenabled = true\n'


@pytest.mark.parametrize("role", ["receiver", "handler"])
def test_who_shares_a_fleet_over_kafka_publishes_nothing(tmp_path: Path, role: str) -> None:
    toml = OVER_KAFKA.format(role) + 'automation = {publish = true, topics = ["a/b"]}\n' + SHARED
    (found,) = faults_of(tmp_path, toml)
    assert "publish must be false" in found


def test_handlers_share_a_database_or_have_none(tmp_path: Path) -> None:
    handler = OVER_KAFKA.format("handler")
    for own in ("", '[database]\nurl = "sqlite:///x.db"\n'):
        (found,) = faults_of(tmp_path, handler + own)
        assert "cannot be handler with an SQLite database" in found
    (found,) = faults_of(tmp_path, handler + '[database]\nurl = "mysql://x"\n')
    assert "database.url" in found
    # One settings file serves all: a receiver keeps no rows.
    fine = (handler + SHARED, handler + "database = false\n", OVER_KAFKA.format("receiver"))
    assert [faults_of(tmp_path, toml) for toml in fine] == [[], [], []]


@pytest.mark.parametrize(("role", "keeps"), [("", True), ("handler", True), ("receiver", False)])
def test_a_receiver_keeps_no_rows(role: Literal["", "receiver", "handler"], *, keeps: bool) -> None:
    watched = settings_of(AutoCoreSettings(AutoCoreTable(enabled=True)), kafka=KafkaSettings(role=role))
    assert keeps_rows(watched) is keeps


def test_kafka_without_its_client_names_the_optional_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("otel_tickrmeter.settings.extras.find_spec", lambda _: None)
    (fault,) = faults_of(tmp_path, '[kafka]\nrole = "handler"\n')
    assert "needs confluent_kafka: pip install 'otel-tickrmeter[kafka]'" in fault
