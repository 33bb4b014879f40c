"""The feed when there is no receiver to be had."""

import errno
import socket

import anyio
import pytest

from otel_tickrmeter.mqtt.feed import Feed
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.message import LinkEvent, Refused
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.receiving import config_for


def test_no_descriptors_for_a_receiver_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended the program: what runs short is often there again a moment later."""

    def no_pair() -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    told: list[LinkEvent] = []

    async def run() -> None:
        monkeypatch.setattr(socket, "socketpair", no_pair)  # the event loop has its own by now
        with anyio.CancelScope() as scope:

            def report(event: LinkEvent) -> None:
                told.append(event)
                scope.cancel()

            await Feed(config_for(MqttSettings()), deliver=lambda _: None, report=report).run()

    anyio.run(run)
    (event,) = told
    assert isinstance(event, Refused)
    assert event.reason == LinkReason.RECEIVER_DIED
    assert "Too many open files" in event.detail
