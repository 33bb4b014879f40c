"""The program with a web configuration: what it says of a faulty one, and how it is scraped and watched."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bcrypt
import orjson
import pytest
import yaml

from otel_tickrmeter.http.protect.protection import Protection
from otel_tickrmeter.http.routing import Route
from tests.integration.child_environment import child_environment
from tests.integration.exporter import Exporter
from tests.integration.prometheus_server import Prometheus
from tests.support.certificates import Authority
from tests.support.http_peer import hello, running_server
from tests.support.web_peer import Peer, ask
from tools.server_process import free_port

ROOT = Path(__file__).parents[2]
HASH = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
USERS = f"basic_auth_users: {{prometheus: '{HASH}'}}"
TLS = "tls_server_config: {cert_file: localhost.pem, key_file: localhost.key}"


def settings(directory: Path, text: str) -> dict[str, str]:
    (directory / "web.yml").write_text(text)
    return {
        "TICKRMETER_MQTT__BROKER": f"mqtt://127.0.0.1:{free_port()}",
        "TICKRMETER_PROMETHEUS__WEB_CONFIG_FILE": "web.yml",
    }


def command(directory: Path, name: str, environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "otel_tickrmeter", name],
        cwd=directory,
        env={**child_environment(measured=False), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize("name", ["run", "check-config"])
def test_every_fault_is_told_before_anything_starts(tmp_path: Path, name: str) -> None:
    text = f"{TLS}\nbasic_auth_users:\n  alice: hunter2\n"
    ended = command(tmp_path, name, settings(tmp_path, text))
    assert ended.returncode == 2
    assert "web.yml:3: basic_auth_users.alice: must be a bcrypt hash" in ended.stderr
    assert "hunter2" not in ended.stdout + ended.stderr
    ended = command(tmp_path, name, settings(tmp_path, TLS))
    assert ended.returncode == 2
    for key, file in (("cert_file", "localhost.pem"), ("key_file", "localhost.key")):
        assert f"web.yml:1: tls_server_config.{key}: {file} cannot be read: No such file" in ended.stderr


def test_check_config_names_the_file_and_shows_nothing_of_it(tmp_path: Path) -> None:
    ended = command(tmp_path, "check-config", settings(tmp_path, USERS))
    assert (ended.returncode, 'web_config_file = "web.yml"' in ended.stdout) == (0, True)
    assert HASH not in ended.stdout + ended.stderr


def test_nothing_of_tls_is_loaded_without_a_web_configuration(tmp_path: Path) -> None:
    code = (
        "import sys, otel_tickrmeter.app as app, otel_tickrmeter.configuration as configuration\n"
        "app.App(configuration.default_settings(), None)\n"
        "print(sorted({'OpenSSL', 'bcrypt'} & sys.modules.keys()))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=True, text=True
    )
    assert ended.stdout == "[]\n"


def test_a_real_prometheus_scrapes_it_and_a_new_certificate_needs_no_restart(tmp_path: Path) -> None:
    authority, clients = Authority(tmp_path, "servers"), Authority(tmp_path, "clients")
    authority.issue("localhost")
    cert, key = clients.issue("client")
    text = (
        f"{TLS[:-1]}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: clients.pem, "
        f"min_version: TLS13}}\n{USERS}"
    )
    scraping = {
        "scheme": "https",
        "basic_auth": {"username": "prometheus", "password": "secret"},
        "tls_config": {
            "ca_file": str(authority.ca_file),
            "server_name": "localhost",
            "cert_file": str(cert),
            "key_file": str(key),
        },
    }
    peer = Peer(user=("prometheus", "secret"), certificate=(cert, key), path="/metrics")
    with Exporter(tmp_path, settings(tmp_path, text), measured=True) as exporter:
        exporter.wait_logged("Serving https://127.0.0.1")
        with Prometheus(tmp_path, [f"127.0.0.1:{exporter.port}"], scraping=scraping) as prometheus:
            prometheus.wait(lambda: bool(prometheus.query("tickrmeter_build_info")), "to have scraped")
            before = ask(exporter.port, peer)
            authority.issue("localhost")
            after = ask(exporter.port, peer)
            assert (before.status, after.status) == (200, 200)
            assert before.certificate != after.certificate
            assert ask(exporter.port, Peer(certificate=(cert, key))).status == 401
            assert ask(exporter.port, Peer(user=("prometheus", "secret"))).status is None
            failed = "sum by (reason) (tickrmeter_http_tls_handshake_failures_total) > 0"
            prometheus.wait(lambda: bool(prometheus.query(failed)), "to show a failed handshake")
            assert prometheus.value(f"{failed}") == 1
            assert prometheus.value("up") == 1
        assert HASH not in exporter.log
        assert exporter.stop() == 0


def health_checks() -> Iterator[str]:
    """Yield the code of the image's health check, and of those of compose, asking the port `PORT`."""
    found = re.search(r"^    CMD (\[.*\])$", (ROOT / "Containerfile").read_text(), re.MULTILINE)
    assert found is not None
    yield orjson.loads(found[1])[-1]
    services = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text())["services"]
    for name in ("exporter", "autocore"):
        yield services[name]["healthcheck"]["test"][-1]


@pytest.mark.parametrize("code", [*health_checks()], ids=["image", "exporter", "autocore"])
def test_health_checks_know_what_lives(tmp_path: Path, code: str) -> None:
    Authority(tmp_path, "servers").issue("localhost")
    file = tmp_path / "web.yml"

    def healthy(port: int) -> bool:
        there = re.sub(r'"127\.0\.0\.1", \d+', f'"127.0.0.1", {port}', code)
        environment = {"TICKRMETER_PROMETHEUS__PORT": str(port)}
        return (
            subprocess.run([sys.executable, "-I", "-c", there], env=environment, check=False).returncode == 0
        )

    routes = [Route("/-/healthy", hello), Route("/health/mqtt-monitor", hello)]
    client = f"{TLS[:-1]}, client_auth_type: RequireAndVerifyClientCert}}"
    for text in ("", USERS, TLS, f"{client}\n{USERS}"):
        file.write_text(text)
        with running_server(routes, protection=Protection(file)) as server:
            assert healthy(server.port), text
    assert not healthy(free_port())
    file.write_text("")
    with running_server(routes, protection=Protection(file)) as server:
        file.write_text("nonsense")
        assert not healthy(server.port)
