"""What people and programs are told of the whole: the link, the fleets and what is wrong, put together."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import chain

import anyio

from otel_tickrmeter import __version__
from otel_tickrmeter.exporter.rates import Rates
from otel_tickrmeter.insight.growth import Growth
from otel_tickrmeter.pipeline import Pipeline
from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.model import PartitionSettings
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.views.glance import Glance, Trouble
from otel_tickrmeter.views.view import View
from otel_tickrmeter.web.pages import HealthReport
from otel_tickrmeter.web.status import SetAsideNote, StatusReport

_RATE_SECONDS = 5.0
_LATELY_NS = 300 * SECOND_NS
_RUNBOOKS = "docs/runbooks"


class Report:
    """Looks at the state when it is asked, in the event loop that handles messages.

    Args:
        broker: `mqtt.broker`.
        runbooks: Where the runbooks are published; None when they are not.
        names: What the fleets are called.
        pipeline: What is looked at.
        health: Gives what `/health` has.
        stale: Says why the exposition cannot be relied on; None when it can.
        clock_ns: The monotonic time.
        unix_offset_ns: Unix time less monotonic time.
        partition: Which part of the fleets is kept.
        others: What is seen at a glance besides fleets.
        topic: That of Kafka, where messages come from there and not from a broker; empty where they do not.
    """

    def __init__(
        self,
        broker: str,
        runbooks: str | None,
        names: Sequence[str],
        pipeline: Pipeline,
        *,
        health: Callable[[], HealthReport],
        stale: Callable[[], str | None],
        clock_ns: Callable[[], int],
        unix_offset_ns: Callable[[], int],
        partition: PartitionSettings,
        others: Sequence[Callable[[], Glance]] = (),
        topic: str = "",
    ) -> None:
        self._broker = f"topic {topic} of Kafka" if topic else _without_secrets(broker)
        self._runbooks = (runbooks or _RUNBOOKS).rstrip("/")
        self._names = tuple(names)
        self._pipeline = pipeline
        self._health = health
        self._stale = stale
        self._clock_ns = clock_ns
        self._unix_offset_ns = unix_offset_ns
        self._partition = partition
        self._others = others
        self._rates = Rates()
        self._dropped = Growth(_LATELY_NS)
        self._glances: tuple[Glance, ...] = ()
        self._looked_ns: int | None = None

    def views(self) -> tuple[View, ...]:
        """The lists of all fleets."""
        return tuple(chain.from_iterable(fleet.views() for fleet in self._pipeline.fleets))

    def glances(self) -> tuple[Glance, ...]:
        """Every fleet and what else there is; what is at most a second old is not made anew."""
        now_ns = self._clock_ns()
        if self._looked_ns is None or now_ns - self._looked_ns >= SECOND_NS:
            fleets = (fleet.glance() for fleet in self._pipeline.fleets)
            self._glances = (*fleets, *(look() for look in self._others))
            self._looked_ns = now_ns
        return self._glances

    def status(self) -> StatusReport:
        """How the exporter is."""
        link, rates, stale = self._pipeline.link, self._rates.now(), self._stale()
        return StatusReport(
            health=self._health(),
            title="otel-tickrmeter",
            version=__version__,
            broker=self._broker,
            not_ready_reason=self._pipeline.not_ready_reason() or stale,
            connected_since=self._unix(link.subscribed_ns),
            disconnected_since=self._unix(link.down_since_ns),
            messages_per_second=None if rates is None else rates.messages,
            errors_per_second=None if rates is None else rates.errors,
            fleets=self._names,
            partition=self._partition.index,
            partitions=self._partition.count,
            troubles=[
                replace(each, runbook=f"{self._runbooks}/{each.runbook}")
                for each in chain(self._own_troubles(stale), *(each.troubles for each in self.glances()))
            ],
            set_aside=[
                SetAsideNote(told.unix_ns / SECOND_NS, *told[1:])
                for told in reversed(self._pipeline.set_aside.told)
            ],
        )

    async def keep_rates(self) -> None:
        """Take the counts every now and then, for ever."""
        while True:
            self.note()
            await anyio.sleep(_RATE_SECONDS)

    def note(self) -> None:
        """Take the counts of this moment."""
        now_ns = self._clock_ns()
        self._rates.note(now_ns, self._pipeline.messages_processed, self._pipeline.errors)
        self._dropped.note(now_ns, (self._pipeline.link.dropped,))

    def _unix(self, at_ns: int | None) -> float | None:
        return None if at_ns is None else (at_ns + self._unix_offset_ns()) / SECOND_NS

    def _own_troubles(self, stale: str | None) -> list[Trouble]:
        link = self._pipeline.link
        found: list[Trouble] = []
        if link.contested:
            found.append(Trouble(link.contested, "exporter.md#tickrmeterclientidcontested"))
        if not link.usable:
            found.append(Trouble(link.unusable_reason, "exporter.md#tickrmetermqttdisconnected"))
        (dropped,) = self._dropped.grown((link.dropped,))
        if dropped:
            text = f"{dropped:,} messages found no place in the receive queue within five minutes"
            found.append(Trouble(text, "exporter.md#tickrmeterqueuedropping"))
        if stale is not None:
            found.append(Trouble(stale, "exporter.md#tickrmeterexpositionstale"))
        return found


def _without_secrets(url: str) -> str:
    # Without its query too, which may hold a token.
    address = parse_broker_url(url)
    host = f"[{address.host}]" if ":" in address.host else address.host
    return f"{url.partition(':')[0].lower()}://{host}:{address.port}"
