"""A receiver, handlers, and a real broker of Kafka's protocol between them: nothing is lost or untrue.

The broker is Tansu. `pytest tests/integration/kafka_more.py` has what takes another minute.
"""

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from tests.integration.exporter import Exporter
from tests.integration.kafka_site import (
    ALL_ANSWERED,
    EVENTS,
    MESSAGES,
    Site,
    assert_as_sent,
    end_one_under_load,
    events,
)
from tests.support.partitions import FOREIGN


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def _has_heard_of(handler: Exporter, sent: int) -> bool:
    """Whether its own messages and those of others are all there were."""
    shown = handler.scrape()
    return shown.total(MESSAGES) + shown.total(FOREIGN) == sent


def test_two_handlers_together_show_what_was_sent(site: Site) -> None:
    site.handlers["a"] = site.start("a", "handler")
    site.join("b")
    run = site.publish("--duration", "3s", "--late", "0.03", "--boots", "0.03")
    shown = site.settled(run.sent)
    assert_as_sent(run, shown)
    assert site.heard() == run.sent
    for handler in site.handlers.values():
        handler.wait(partial(_has_heard_of, handler, run.sent), "to have heard of all that was sent")
    for each in shown:
        assert each.total(MESSAGES) > run.sent / 8
        assert each.value("tickrmeter_kafka_partitions") == 8
        assert each.value("tickrmeter_kafka_rebalances_total") >= 1
        assert each.value("tickrmeter_kafka_lag_records") >= 0
        assert each.value("tickrmeter_kafka_lag_seconds") >= 0
        assert not each.named("tickrmeter_partition_info")
    receiver = site.receiver.scrape()
    assert receiver.value("tickrmeter_kafka_undelivered_messages_total") == 0
    assert receiver.total(MESSAGES) == 0


def test_others_come_under_load_and_one_is_killed_at_rest(site: Site) -> None:
    a = site.join("a")
    simulator = site.simulator()
    a.wait(lambda: events([a.scrape()])["answered"] > 20, "to have seen some")
    b = site.join("b")
    b.wait(lambda: events([b.scrape()])["answered"] > 20, "to have seen some")
    site.end(simulator)
    shown = site.settled()
    assert sum(each.total(MESSAGES) for each in shown) == site.heard()
    seen = events(shown)
    assert seen["requested"] == seen["answered"] + seen["abandoned"] + seen["timeout"]
    # All that b has shown is committed by now: nothing comes a second time.
    b.send(signal.SIGKILL)
    b.wait_end()
    del site.handlers["b"]
    site.shared()
    before = events([a.scrape()])["answered"]
    run = site.publish("--duration", "2s", *ALL_ANSWERED)
    (after,) = site.settled(int(shown[0].total(MESSAGES)) + run.sent)
    assert after.total(MESSAGES) == shown[0].total(MESSAGES) + run.sent
    answered = run.expected[EVENTS][frozenset({("event", "answered")})]
    assert events([after])["answered"] == before + answered
    assert events([after])["timeout"] == events([shown[0]])["timeout"]


def test_what_is_counted_twice_or_not_seen_when_one_is_killed_under_load_is_bounded(site: Site) -> None:
    end_one_under_load(site, signal.SIGKILL)
