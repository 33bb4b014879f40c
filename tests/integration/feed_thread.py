"""A `Feed` in a thread of its own, which keeps what it brings, so that a test can wait for it."""

import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from typing import Self, TypeVar

from anyio.from_thread import start_blocking_portal

from otel_tickrmeter.mqtt.feed import Feed
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.message import (
    Doubted,
    Heard,
    LinkEvent,
    Lost,
    Message,
    Refused,
    Settled,
    Stalled,
    Subscribed,
    Watermark,
)
from otel_tickrmeter.stream.subscription import Subscription
from tests.support.receiving import config_for

_Event = TypeVar("_Event", bound=LinkEvent)


class FeedThread:
    """Runs a feed while the context lasts; `log` is all that it brought, in order.

    `silences` is what it said of the receiver's silence, in seconds.
    """

    def __init__(self, settings: MqttSettings, *wanted: Subscription, buffer_size: int = 100_000) -> None:
        self.log: list[Message | LinkEvent] = []
        self.silences: list[float] = []
        self.feed = Feed(
            config_for(settings, *wanted, buffer_size=buffer_size),
            deliver=self._deliver,
            report=self._report,
            silent=self.silences.append,
        )
        self._changed = threading.Condition()
        self._flow = threading.Event()
        self._flow.set()
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        portal = self._stack.enter_context(start_blocking_portal())
        self._future = portal.start_task_soon(self.feed.run)
        self._stack.callback(self._future.cancel)
        return self

    def __exit__(self, *exception: object) -> None:
        self._flow.set()
        self._stack.close()
        if not self._future.cancelled():
            self._future.result()  # it ended by itself: by an error

    @property
    def messages(self) -> list[Message]:
        """What was delivered so far."""
        with self._changed:
            return [item for item in self.log if isinstance(item, Message)]

    @property
    def payloads(self) -> list[bytes]:
        """Of the messages so far."""
        return [message.payload for message in self.messages]

    def events(self, kind: type[_Event]) -> list[_Event]:
        """The link events of one kind so far."""
        with self._changed:
            return [item for item in self.log if isinstance(item, kind)]

    @property
    def story(self) -> list[str]:
        """The changes of the connection so far: class names, with the reason where there is one.

        A stall is none, nor is a doubt: any machine may keep the receiver, or the broker, from running. Nor
        is it one that nothing changed.
        """
        with self._changed:
            return [
                f"{type(item).__name__}:{item.reason}"
                if isinstance(item, Refused | Lost)
                else type(item).__name__
                for item in self.log
                if not isinstance(item, Message | Watermark | Stalled | Doubted | Heard | Settled)
            ]

    @property
    def stalls(self) -> list[Stalled]:
        """When the receiver says that it did not run, for a second or longer."""
        return self.events(Stalled)

    @property
    def held_up(self) -> bool:
        """Whether the receiver, or the broker, did not run for a while: then there is a backlog, rightly."""
        return bool(self.stalls or self.events(Doubted))

    def wait(self, condition: Callable[[], bool], seconds: float = 30.0) -> None:
        """Waits until `condition` holds; fails with what there is when it does not."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while not condition():
                if time.monotonic() > deadline:
                    raise AssertionError(f"after {seconds} s: {self.story}, {len(self.messages)} messages")
                self._changed.wait(0.1)

    def wait_subscribed(self, times: int = 1) -> None:
        """Waits until the subscription was confirmed so many times."""
        self.wait(lambda: len(self.events(Subscribed)) >= times)

    def wait_messages(self, count: int, seconds: float = 30.0) -> None:
        """Waits until so many messages are there."""
        self.wait(lambda: len(self.messages) >= count, seconds)

    def wait_watermark(self, after_ns: int) -> None:
        """Waits until everything that arrived before `after_ns` was delivered."""
        self.wait(lambda: any(mark.at_ns >= after_ns for mark in self.events(Watermark)))

    def hold(self) -> None:
        """The feed stops reading at the next thing that it hands over."""
        self._flow.clear()

    def release(self) -> None:
        """It reads on."""
        self._flow.set()

    def _deliver(self, messages: list[Message]) -> None:
        self._keep(list(messages))

    def _report(self, event: LinkEvent) -> None:
        self._keep([event])

    def _keep(self, items: list[Message | LinkEvent] | list[Message] | list[LinkEvent]) -> None:
        self._flow.wait()
        with self._changed:
            self.log.extend(items)
            self._changed.notify_all()
