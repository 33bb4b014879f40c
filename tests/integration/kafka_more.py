"""More of `test_kafka.py`, by hand after a change of `kafka/`: `pytest tests/integration/kafka_more.py`.

Its name keeps it out of the checks, which it would make a minute longer.
"""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.kafka_site import (
    ALL_ANSWERED,
    MESSAGES,
    Site,
    assert_as_sent,
    end_one_under_load,
    events,
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with ExitStack() as stack:
        yield Site(tmp_path, stack)


def test_what_is_counted_twice_or_not_seen_when_one_ends_under_load_is_bounded(site: Site) -> None:
    end_one_under_load(site, signal.SIGTERM)


def test_from_2_to_3_and_back_at_rest_nothing_is_missed_or_counted_twice(site: Site) -> None:
    site.join("a")
    site.join("b")
    sent = site.publish("--duration", "2s", *ALL_ANSWERED).sent
    site.settled(sent)
    c = site.join("c")
    sent += site.publish("--duration", "2s", *ALL_ANSWERED).sent
    site.settled(sent)
    last = c.scrape()
    assert last.total(MESSAGES) > 0
    assert c.stop() == 0
    del site.handlers["c"]
    site.shared()
    sent += site.publish("--duration", "2s", *ALL_ANSWERED).sent
    shown = [*site.settled(sent - int(last.total(MESSAGES))), last]
    assert sum(each.total(MESSAGES) for each in shown) == sent == site.heard()
    seen = events(shown)
    assert (seen["requested"], seen["timeout"], seen["abandoned"]) == (seen["answered"], 0, 0)


def test_while_kafka_stands_still_messages_wait(site: Site) -> None:
    a = site.join("a")
    simulator = site.simulator()
    a.wait(lambda: events([a.scrape()])["answered"] > 20, "to have seen some")
    assert site.kafka is not None
    site.kafka.send(signal.SIGSTOP)
    heard = site.heard()
    site.receiver.wait(lambda: site.heard() > heard + 400, "to go on")
    waiting = site.receiver.scrape().value("tickrmeter_queue_size", queue="receive")
    site.kafka.send(signal.SIGCONT)
    assert waiting > 200
    before = events([a.scrape()])["answered"]
    a.wait(lambda: events([a.scrape()])["answered"] > before + 100, "to go on")
    site.end(simulator)
    (shown,) = site.settled()
    assert shown.total(MESSAGES) == site.heard()
    assert shown.total("tickrmeter_queue_dropped_total") == 0


def test_a_receiver_that_is_killed_is_a_lost_connection(site: Site) -> None:
    a = site.join("a")
    simulator = site.simulator()
    a.wait(lambda: events([a.scrape()])["answered"] > 20, "to have seen some")
    site.receiver.send(signal.SIGKILL)
    site.receiver.wait_end()
    site.receiver = site.start("again", "receiver")
    site.receiver.wait_ready()
    before = events([a.scrape()])["answered"]
    a.wait(lambda: events([a.scrape()])["answered"] > before + 40, "to have seen more")
    site.end(simulator)
    shown = a.scrape()
    changes = shown.named("tickrmeter_mqtt_connection_changes_total")
    assert changes[frozenset({("event", "lost"), ("reason", "receiver_died")})] == 1


def test_the_mock_cluster_of_librdkafka_does_as_well(tmp_path: Path) -> None:
    code = """
import time
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "mock", "test.mock.num.brokers": "3"})
# It cannot be asked to make one; it makes one of four partitions when it is asked about it.
brokers = producer.list_topics("otel-tickrmeter", timeout=10).brokers.values()
print(",".join(f"{each.host}:{each.port}" for each in brokers), flush=True)
time.sleep(600)
"""
    with ExitStack() as stack:
        mock = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        stack.callback(mock.wait)
        stack.callback(mock.kill)
        assert mock.stdout is not None
        site = Site(tmp_path, stack, mock.stdout.readline().strip(), partitions=4)
        stack.callback(mock.stdout.close)
        site.handlers["a"] = site.start("a", "handler")
        site.join("b")
        run = site.publish("--duration", "2s")
        assert_as_sent(run, site.settled(run.sent))
