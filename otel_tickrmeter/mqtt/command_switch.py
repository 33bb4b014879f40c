"""The connection to publish by, which may come and go while the program runs."""

from collections.abc import Callable
from typing import Self

from otel_tickrmeter.mqtt.commands import CommandPublisher
from otel_tickrmeter.stream.ticket import Ticket


class CommandSwitch:
    """Publishes while it is started and switched on; a context manager.

    Args:
        make: Makes the connection.
        on: Whether there is one from the start on.
    """

    def __init__(self, make: Callable[[], CommandPublisher], *, on: bool) -> None:
        self._make = make
        self._on = on
        self._publisher: CommandPublisher | None = None

    def __enter__(self) -> Self:
        self.switch(on=self._on)
        return self

    def __exit__(self, *_: object) -> None:
        if self._publisher is not None:
            self._publisher.__exit__()

    def switch(self, *, on: bool) -> None:
        """Have a connection or none from now on; waits for neither."""
        if on and self._publisher is None:
            self._publisher = self._make().__enter__()
        elif not on and self._publisher is not None:
            self._publisher.leave()
            self._publisher = None

    def publish(self, topic: str, payload: bytes) -> Ticket:
        """Publish as `CommandPublisher` does."""
        if self._publisher is not None:
            return self._publisher.publish(topic, payload)
        return Ticket.failed("there is no connection to publish by")
