"""compose.yaml: what its parts accept, hardened, and in step with Kubernetes, the image and the unit."""

import os
import re
import subprocess
import sys
import time
import tomllib
from argparse import ArgumentParser
from pathlib import Path

import pytest
from paho.mqtt import publish

from deploy.manifests import RULE_FILES
from otel_tickrmeter import __version__
from otel_tickrmeter.configuration import load_settings
from otel_tickrmeter.fleets.autocore.settings import AutoCoreSettings
from otel_tickrmeter.fleets.autocore.simulate import options as autocore_options
from otel_tickrmeter.fleets.tickrmeter.settings import TickrMeterSettings
from otel_tickrmeter.fleets.tickrmeter.simulate import options as simulate_options
from otel_tickrmeter.jobs.shard_state import SLOTS
from otel_tickrmeter.settings.database import PostgresqlUrl, parse_database_url
from tests.contract.deployed import DEPLOY, TREE, Document, document, manifest
from tools.server_process import free_port


@pytest.fixture(scope="module")
def compose() -> Document:
    """The services as a real implementation of compose reads them."""
    program = Path(sys.executable).with_name("podman-compose")
    # Whoever runs this may have variables that the file asks for.
    environment = {"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/")}
    profiles = [f"--profile={name}" for name in ("simulate", "autocore", "simulate-autocore", "partitions")]
    command = [str(program), f"--file={DEPLOY}/compose.yaml", *profiles, "config"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return document(done.stdout)


@pytest.fixture(scope="module")
def services(compose: Document) -> Document:
    found: Document = compose["services"]
    return found


@pytest.fixture(scope="module")
def pod() -> Document:
    found: Document = manifest("deployment.yaml")["spec"]["template"]["spec"]
    return found


def test_every_service_is_locked_in(services: Document) -> None:
    usual = {"mosquitto", "exporter", "prometheus", "alertmanager", "grafana", "simulate"}
    assert set(services) == usual | {"autocore", "postgresql", "simulate-autocore", "exporter-1"}
    for name, service in services.items():
        assert service["read_only"] is True, name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert int(service["user"].partition(":")[0]) > 0, name
        assert service["mem_limit"], name
        assert service["pids_limit"] <= 256, name
        assert service["restart"] == "unless-stopped", name
        assert ("test" in service["healthcheck"]) != name.startswith("simulate"), name
        assert re.fullmatch(r".+:v?\d+\.\d+(\.\d+|-\w+)", service["image"]), name
        for port in service.get("ports", ()):
            assert port.startswith("127.0.0.1:"), name


def asked_by(service: Document) -> tuple[str, str]:
    """Return port and path that a service's health check asks."""
    code = service["healthcheck"]["test"][-1]
    asked = re.search(r'HTTPConnection\("127\.0\.0\.1", (\d+).*"GET", "([^"]+)"', code, re.DOTALL)
    assert asked is not None, code
    return asked[1], asked[2]


def test_every_file_that_is_mounted_is_there(compose: Document, services: Document) -> None:
    for service in services.values():
        for volume in service.get("volumes", ()):
            source, _, _ = volume.partition(":")
            if source.startswith("."):
                assert (DEPLOY / source).exists(), source
                assert volume.endswith(":ro")
            else:
                assert source in compose["volumes"]


def test_the_exporter_is_the_same_everywhere(services: Document, pod: Document) -> None:
    exporter, container = services["exporter"], pod["containers"][0]
    image = (TREE / "Containerfile").read_text()
    unit = (DEPLOY / "otel-tickrmeter.service").read_text()
    port, user, directory = (
        word(image, pattern) for pattern in (r"EXPOSE (\d+)", r"USER (\S+)", r"(?s:.*)WORKDIR (\S+)")
    )

    assert exporter["image"] == container["image"] == f"otel-tickrmeter:{__version__}"
    assert exporter["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert container["ports"] == [{"name": "metrics", "containerPort": int(port)}]
    identity = pod["securityContext"]
    assert exporter["user"] == user == f"{identity['runAsUser']}:{identity['runAsGroup']}"
    assert f"./settings.toml:{directory}/settings.toml:ro" in exporter["volumes"]
    assert container["volumeMounts"] == [{"name": "settings", "mountPath": directory, "readOnly": True}]
    assert pod["volumes"] == [
        {"name": "settings", "configMap": {"name": manifest("settings.yaml")["metadata"]["name"]}}
    ]
    assert exporter["mem_limit"] == "512m"
    assert container["resources"]["limits"] == {"memory": "512Mi"}
    assert exporter["pids_limit"] == int(word(unit, r"TasksMax=(\d+)"))
    stop = word(unit, r"TimeoutStopSec=(\d+)s")
    assert exporter["stop_grace_period"] == f"{pod['terminationGracePeriodSeconds']}s" == f"{stop}s"
    assert container["livenessProbe"]["httpGet"]["path"] == "/-/healthy"
    assert asked_by(exporter) == (port, "/-/healthy")


def test_all_jobs_that_are_promised_have_room() -> None:
    # Threads as measured: the exporter and its receiver, a shard, a worker and what it starts.
    exporter, shard, worker = 7, 4, 3
    shards = 4
    needed = exporter + shards * (shard + SLOTS * worker)
    assert needed == 143
    unit = int(word((DEPLOY / "otel-tickrmeter.service").read_text(), r"TasksMax=(\d+)"))
    assert unit >= 1.5 * needed
    assert f"--pids-limit {unit} " in (TREE / "docs" / "deployment.md").read_text()
    jobs = (TREE / "docs" / "jobs.md").read_text()
    assert f"some {needed} in all" in jobs
    assert f"`TasksMax={unit}`" in jobs


def test_the_pod_is_locked_in_as_well(pod: Document) -> None:
    security = pod["containers"][0]["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["automountServiceAccountToken"] is False
    assert pod["enableServiceLinks"] is False


def test_there_is_one_exporter_and_it_is_scraped_without_its_broker() -> None:
    deployment, service = manifest("deployment.yaml")["spec"], manifest("service.yaml")
    assert (deployment["replicas"], deployment["strategy"]) == (1, {"type": "Recreate"})
    assert service["spec"]["publishNotReadyAddresses"] is True
    assert service["spec"]["selector"].items() <= deployment["template"]["metadata"]["labels"].items()
    selector = manifest("servicemonitor.yaml")["spec"]["selector"]["matchLabels"]
    assert selector.items() <= service["metadata"]["labels"].items()


def test_both_are_scraped_alike(services: Document, tmp_path: Path) -> None:
    prometheus = document(DEPLOY / "compose" / "prometheus.yml")
    (job,) = prometheus["scrape_configs"]
    monitor, service = manifest("servicemonitor.yaml")["spec"], manifest("service.yaml")
    (endpoint,) = monitor["endpoints"]
    settings = load_settings([DEPLOY / "settings.toml"], {}, {}, tmp_path)

    assert job["job_name"] == service["metadata"]["labels"][monitor["jobLabel"]] == "otel-tickrmeter"
    assert prometheus["global"]["scrape_interval"] == endpoint["interval"] == "15s"
    assert prometheus["global"]["scrape_timeout"] == endpoint["scrapeTimeout"]
    assert job["static_configs"] == [{"targets": [f"exporter:{settings.prometheus.port}"]}]
    assert endpoint["path"] == settings.prometheus.path
    assert [endpoint["port"]] == [port["name"] for port in service["spec"]["ports"]]
    assert "--storage.tsdb.retention.time=35d" in services["prometheus"]["command"]


def test_the_monitor_of_the_other_fleet_finds_its_broker_and_its_database(
    services: Document, tmp_path: Path
) -> None:
    monitor, server = services["autocore"], services["postgresql"]
    # Its volume is not there, where files of settings would have to be.
    there = {name: value.replace("/data", str(tmp_path)) for name, value in monitor["environment"].items()}
    settings = load_settings([], {}, there, tmp_path)
    url = parse_database_url(settings.database.url or "")

    assert settings.mqtt.broker == "mqtt://mosquitto:1883"
    assert settings.of(AutoCoreSettings).autocore.enabled
    assert not settings.of(TickrMeterSettings).tickrmeter.enabled
    assert isinstance(url, PostgresqlUrl)
    account = server["environment"]
    assert (url.host, url.user, url.password) == (
        "postgresql",
        account["POSTGRES_USER"],
        account["POSTGRES_PASSWORD"],
    )
    assert "ports" not in server
    assert settings.database.spool.parent == tmp_path
    assert "/data" in mounts(monitor)
    # What it takes to miss no row over a restart; its subscriptions are at QoS 1 in any case.
    assert not settings.mqtt.clean_session
    assert monitor["environment"]["TICKRMETER_MQTT__CLIENT_ID"] == settings.mqtt.client_id
    assert settings.mqtt.client_id != load_settings([], {}, {}, tmp_path).mqtt.client_id
    assert settings.state.file is not None
    assert settings.state.file.parent == tmp_path
    assert "persistence true" in (DEPLOY / "compose" / "mosquitto.conf").read_text()
    assert monitor["ports"] == [f"127.0.0.1:{settings.prometheus.port}:8000"]
    assert asked_by(monitor) == ("8000", "/health/mqtt-monitor")
    (job,) = document(DEPLOY / "compose" / "prometheus.yml")["scrape_configs"]
    _, found = job["dns_sd_configs"]
    assert (found["names"], found["port"]) == (["autocore"], settings.prometheus.port)


def test_two_exporters_share_a_fleet_where_that_is_asked_for(services: Document, tmp_path: Path) -> None:
    first, second = services["exporter"], services["exporter-1"]
    own = {"environment", "ports", "profiles", "depends_on"}
    assert {key: value for key, value in first.items() if key not in own} == {
        key: value for key, value in second.items() if key not in own
    }
    alone = load_settings([], {}, first["environment"], tmp_path).partition
    assert (alone.index, alone.count) == (0, 1)
    counts = {each["environment"]["TICKRMETER_PARTITION__COUNT"] for each in (first, second)}
    assert counts == {"1"}, "they are given one number"
    shared = {**second["environment"], "TICKRMETER_PARTITION__COUNT": "2"}
    assert load_settings([], {}, shared, tmp_path).partition.index == 1
    (job,) = document(DEPLOY / "compose" / "prometheus.yml")["scrape_configs"]
    found, _ = job["dns_sd_configs"]
    assert (found["names"], found["port"]) == (["exporter-1"], 9464)


def test_the_simulated_boards_use_the_same_broker(services: Document) -> None:
    parser = ArgumentParser()
    autocore_options.add_arguments(parser)
    command, fleet, *arguments = services["simulate-autocore"]["command"]
    assert (command, fleet) == ("simulate", "--fleet=autocore")
    options = autocore_options.from_arguments(parser.parse_args(arguments), 0.0)
    assert options.broker == "mqtt://mosquitto:1883"


def test_rules_and_dashboards_are_where_their_readers_look(services: Document) -> None:
    wanted = document(DEPLOY / "compose" / "prometheus.yml")["rule_files"]
    mounted = mounts(services["prometheus"])
    assert [mounted[path] for path in wanted] == [f"../alerts/{name}" for name in RULE_FILES]

    (provider,) = document(TREE / "grafana/provisioning/dashboards/tickrmeter.yaml")["providers"]
    assert mounts(services["grafana"])[provider["options"]["path"]] == "../grafana/dashboards"
    for file in (TREE / "grafana" / "provisioning").rglob("*.yaml"):
        path = file.relative_to(TREE / "grafana")
        assert mounts(services["grafana"])[f"/etc/grafana/{path}"] == f"../grafana/{path}"

    (source,) = document(TREE / "grafana/provisioning/datasources/prometheus.yaml")["datasources"]
    assert source["url"] == "http://prometheus:9090"
    assert source["jsonData"]["timeInterval"] == "15s"
    assert services["prometheus"]["image"].endswith(f":v{source['jsonData']['prometheusVersion']}")
    for name in ("prometheus", "alertmanager"):
        (config,) = (part for part in services[name]["command"] if part.startswith("--config.file="))
        assert config.partition("=")[2] in mounts(services[name])


def test_prometheus_accepts_its_configuration_and_every_rule(tmp_path: Path) -> None:
    text = (DEPLOY / "compose" / "prometheus.yml").read_text()
    config = tmp_path / "prometheus.yml"
    config.write_text(text.replace("/etc/prometheus/rules/", f"{TREE}/alerts/"))
    done = subprocess.run(
        ["promtool", "check", "config", config], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("rules found") == len(RULE_FILES)


def test_alertmanager_accepts_its_configuration() -> None:
    command = ["amtool", "check-config", str(TREE / "alerts" / "alertmanager.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_broker_starts_with_its_configuration_and_takes_messages(tmp_path: Path) -> None:
    text, port = (DEPLOY / "compose" / "mosquitto.conf").read_text(), free_port()
    changes = (("listener 1883", f"listener {port} 127.0.0.1"), ("/mosquitto/data/", f"{tmp_path}/"))
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    config = tmp_path / "mosquitto.conf"
    # Started by root it would become a user who cannot read this directory.
    config.write_text(text + ("user root\n" if os.geteuid() == 0 else ""))
    with subprocess.Popen(["mosquitto", "-c", config], stdout=subprocess.PIPE, text=True) as broker:
        try:
            deadline = time.monotonic() + 10
            while True:
                assert broker.poll() is None, broker.communicate()[0]
                try:
                    publish.single("any", b"", hostname="127.0.0.1", port=port)
                    break
                except ConnectionRefusedError:
                    assert time.monotonic() < deadline
                    time.sleep(0.05)
        finally:
            broker.terminate()


def test_exporter_and_simulated_fleet_use_the_same_broker(services: Document, tmp_path: Path) -> None:
    text = (DEPLOY / "settings.toml").read_text()
    settings = load_settings([DEPLOY / "settings.toml"], {}, {}, tmp_path)
    parser = ArgumentParser()
    simulate_options.add_arguments(parser)
    command, *arguments = services["simulate"]["command"]

    fleet = simulate_options.from_arguments(parser.parse_args(arguments))

    assert command == "simulate"
    assert fleet.broker == settings.mqtt.broker == "mqtt://mosquitto:1883"
    assert fleet.request_timeout == settings.of(TickrMeterSettings).monitoring.request_timeout
    # What is commented out are keys that exist, and the Secret has the file that they name.
    mqtt = tomllib.loads(re.sub(r"^#(?=\w+ = )", "", text, flags=re.MULTILINE))["mqtt"]
    (tmp_path / "password").write_text("secret")
    (tmp_path / "settings.toml").write_text(
        f'[mqtt]\nusername = "{mqtt["username"]}"\npassword_file = "{tmp_path}/password"\n'
    )
    assert load_settings([], {}, {}, tmp_path).mqtt.username == mqtt["username"]
    secret = manifest("optional/mqtt-password.yaml")["stringData"]
    assert [f"/run/secrets/{name}" for name in secret] == [mqtt["password_file"]]


def test_the_guide_names_every_port(services: Document) -> None:
    guide = (TREE / "docs" / "deployment.md").read_text()
    for service in services.values():
        for port in service.get("ports", ()):
            assert f"| {port.rpartition(':')[2]} |" in guide


def mounts(service: Document) -> dict[str, str]:
    """What is mounted, by its path in the container."""
    parts = (volume.split(":") for volume in service["volumes"])
    return {part[1]: part[0] for part in parts}


def word(text: str, pattern: str) -> str:
    """The first group of the only line that matches, or of the last where the pattern is greedy."""
    found = re.search(rf"^{pattern}$" if not pattern.startswith("(?s") else pattern, text, re.MULTILINE)
    assert found, pattern
    return found[1]
