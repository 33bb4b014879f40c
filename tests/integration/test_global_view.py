"""Several Prometheus, as docs/partitions.md has it: a global one knows the fleet as who scrapes all does."""

from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any

import orjson
import yaml

from alerts.__main__ import rule_files
from tests.integration.exporter import Exporter
from tests.integration.mosquitto import Mosquitto
from tests.integration.program_traffic import settings
from tests.integration.prometheus_server import Prometheus
from tests.integration.simulation import simulate
from tests.integration.soon import Soon

FLEET = (
    *("--devices", "40", "--rate", "150", "--duration", "4s", "--symbols", "10"),
    *("--request-timeout", "3s", "--slow-latency", "1.5s"),
)
OF_THE_FLEET = "tickrmeter.fleet"
DOCUMENT = Path(__file__).parents[2] / "docs" / "partitions.md"
# At rest everything is the same, whoever has asked when. A rate is of the scrapes that were made.
AT_REST = '{__name__=~"fleet(_symbol|_firmware)?:.*",__name__!~".*(rate|mean|ratio_rate|ratio|quantile).*"}'
ALL = '{__name__=~"fleet(_symbol|_firmware)?:.*"}'


def rules(directory: Path, *, of_the_fleet: bool | None = None) -> str:
    """The recording rules: all, or those of the fleet, or the others."""
    document = yaml.safe_load(rule_files(Soon())["recording.rules.yaml"])
    groups = document["groups"]
    if of_the_fleet is not None:
        groups = [group for group in groups if (group["name"] == OF_THE_FLEET) is of_the_fleet]
    assert groups
    file = directory / "recording.rules.yaml"
    file.write_bytes(orjson.dumps({"groups": groups}))
    return f"rule_files: ['{file}']"


def documented(key: str) -> Any:  # noqa: ANN401  YAML
    """What the document has below this key of a configuration."""
    for block in DOCUMENT.read_text().split("```yaml\n")[1:]:
        found = yaml.safe_load(block.split("```")[0])
        if key in found:
            return found[key]
    raise AssertionError(f"no {key} in {DOCUMENT.name}")


def test_a_global_prometheus_knows_the_fleet_by_federation_and_by_remote_write(tmp_path: Path) -> None:
    with Mosquitto(tmp_path) as broker, ExitStack() as stack:

        def place(name: str) -> Path:
            (tmp_path / name).mkdir()
            return tmp_path / name

        exporters = []
        for index in range(2):
            environment = settings(
                broker.url,
                PARTITION__COUNT="2",
                PARTITION__INDEX=f"{index}",
                MONITORING__REQUEST_TIMEOUT="3s",
                PROMETHEUS__REFRESH_INTERVAL="0.5s",
            )
            exporters.append(stack.enter_context(Exporter(place(f"exporter-{index}"), environment)))
        for exporter in exporters:
            exporter.wait_ready()
        targets = [f"127.0.0.1:{exporter.port}" for exporter in exporters]

        there = place("written")
        receiver = ("--web.enable-remote-write-receiver",)
        written = stack.enter_context(
            Prometheus(there, [], rules(there, of_the_fleet=True), job="nothing", options=receiver)
        )
        (writing,) = documented("remote_write")
        writing["url"] = f"{written.url}/api/v1/write"
        shards = []
        for index, target in enumerate(targets):
            there = place(f"shard-{index}")
            lines = f"{rules(there, of_the_fleet=False)}\nremote_write: {orjson.dumps([writing]).decode()}"
            # Whoever writes says who it is, as Prometheus asks of those that do.
            shards.append(stack.enter_context(Prometheus(there, [target], lines, job="otel-tickrmeter")))
        (federating,) = documented("scrape_configs")
        federating["static_configs"] = [{"targets": [f"127.0.0.1:{shard.port}" for shard in shards]}]
        there = place("federated")
        federated = stack.enter_context(
            Prometheus(
                there,
                [],
                rules(there, of_the_fleet=True),
                job=federating.pop("job_name"),
                scraping=federating,
            )
        )
        there = place("direct")
        direct = stack.enter_context(Prometheus(there, targets, rules(there), job="otel-tickrmeter"))

        def known(prometheus: Prometheus, query: str) -> dict[frozenset[tuple[str, str]], float]:
            return {frozenset(each.labels.items()): each.value for each in prometheus.query(query)}

        complete = "count(instance:tickrmeter_partition:chosen == 1) == 2"
        for prometheus in (direct, federated, written):
            prometheus.wait(partial(lambda each: bool(each.query(complete)), prometheus), "to know the set")
        simulate(tmp_path, broker.url, *FLEET)

        for other in (federated, written):

            def alike(other: Prometheus = other) -> bool:
                expected, found = known(direct, AT_REST), known(other, AT_REST)
                return len(expected) > 20 and found == expected

            other.wait(alike, "to have what who scrapes all has")
            assert known(other, ALL).keys() == known(direct, ALL).keys()

        # One that is gone is gone for all: what was federated with its time would stay for five minutes.
        assert exporters[1].stop() == 0
        for prometheus in (direct, federated, written):
            prometheus.wait(partial(lambda each: not each.query(complete), prometheus), "to miss one")
