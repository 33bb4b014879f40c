"""An AutoCore fleet by way of Kafka: two handlers, one database, and every row there once."""

import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.integration.databases import PostgresqlDatabases, opened
from tests.integration.expected import compare_exposed
from tests.integration.exposition import Exposition, Labels
from tests.integration.kafka_site import Site
from tests.integration.stored_tables import as_tables, stored_tables
from tests.integration.test_program_database import AUTOCORE, STEADY, simulation, truth

MESSAGES = "autocore_messages_total"
# What a handler has shown is committed. So with expositions so far apart much is handled a second time.
EXPOSITION_SECONDS = 1


@pytest.fixture
def url(postgresql_databases: PostgresqlDatabases) -> str:
    return postgresql_databases.empty()


@pytest.fixture
def site(tmp_path: Path, url: str) -> Iterator[Site]:
    more = {
        **{f"TICKRMETER_{name}": value for name, value in AUTOCORE.items()},
        "TICKRMETER_PROMETHEUS__REFRESH_INTERVAL": f"{EXPOSITION_SECONDS}s",
        "DATABASE_URL": url,
    }
    with ExitStack() as stack:
        site = Site(tmp_path, stack, more=more)
        site.handlers["a"] = site.start("a", "handler")
        site.join("b")
        yield site


def test_two_handlers_show_and_store_what_was_sent_and_nothing_twice_when_one_is_killed(
    tmp_path: Path, site: Site, url: str
) -> None:
    a, b = site.handlers.values()
    with simulation(tmp_path, site.mqtt.url, 300, 2, *STEADY) as summary:
        pass
    run = truth(summary)
    a.wait(lambda: _handled(site) >= run["pace"]["sent"], "to handle all")
    assert_shown(site, run)
    wanted = as_tables(run["rows"])
    a.wait(
        lambda: _stored(url) == {name: pytest.approx(of_name) for name, of_name in wanted.items()},
        "to store all",
    )

    with simulation(tmp_path, site.mqtt.url, 300, 4, *STEADY) as summary:
        before = b.scrape().total(MESSAGES)
        b.wait(lambda: b.scrape().total(MESSAGES) > before, "to show, and commit, the next")
        time.sleep(0.75 * EXPOSITION_SECONDS)
        b.send(signal.SIGKILL)
        b.wait_end()
    del site.handlers["b"]
    site.shared()
    site.caught_up()
    assert a.stop() == 0
    sent = Counter(wanted["telemetry"]) + Counter(as_tables(truth(summary)["rows"])["telemetry"])
    stored = Counter(_stored(url)["telemetry"])
    # None is there twice, though many messages were handled twice; what b had in memory was not committed.
    assert stored == sent


def assert_shown(site: Site, run: Mapping[str, Any]) -> None:
    """Together the handlers show what was sent, and both had a part in it."""
    site.receiver.wait(lambda: site.heard() >= run["pace"]["sent"], "to show all")
    assert site.heard() == run["pace"]["sent"]
    shown = [each.scrape() for each in site.handlers.values()]
    assert all(each.total(MESSAGES) > run["pace"]["sent"] / 8 for each in shown)
    sums: dict[str, Counter[Labels]] = defaultdict(Counter)
    for each in shown:
        for name, series in each.series.items():
            sums[name].update(series)
    compare_exposed(Exposition({}, sums, 0), run)


def _handled(site: Site) -> float:
    return sum(each.scrape().total(MESSAGES) for each in site.handlers.values())


def _stored(url: str) -> dict[str, dict[Any, float]]:
    with opened(url) as database:
        return stored_tables(database)
