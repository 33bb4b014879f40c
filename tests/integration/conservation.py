"""Watches running exporters: whatever moment a scrape shows, no request is lost or counted twice."""

import threading
from collections.abc import Sequence
from typing import Protocol, Self

from tests.integration.exposition import quick_total

_ENDS = ("responses", "timeout", "superseded", "abandoned")
_PAUSE_SECONDS = 0.4
_SELDOM = 5
"""Rounds."""


class Scraped(Protocol):
    """What is scraped: an `Exporter`, or who asks one."""

    @property
    def name(self) -> str:
        """What it is called."""

    def metrics(self) -> str:
        """Its exposition."""


class Conservation:
    """Scrapes while the context lasts: in each exposition every request has ended in one way or is open.

    `often` is scraped twice a second or so; `seldom` once in five times, for expositions of 20 MB.
    `faults` says what was wrong, `with_pending` counts each exporter's expositions with open requests:
    the others prove little.
    """

    def __init__(self, *, often: Sequence[Scraped], seldom: Sequence[Scraped] = ()) -> None:
        self.faults: list[str] = []
        self.with_pending = {exporter.name: 0 for exporter in (*often, *seldom)}
        self._often, self._seldom = often, seldom
        self._before = dict.fromkeys(self.with_pending, 0.0)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def begin_anew(self, name: str) -> None:
        """The counters of an exporter begin at zero, as they do after a crash."""
        self._before[name] = 0.0

    def _watch(self) -> None:
        rounds = 0
        while not self._over.wait(_PAUSE_SECONDS):
            for exporter in (*self._often, *(self._seldom if rounds % _SELDOM == 0 else ())):
                try:
                    self._check(exporter.name, exporter.metrics())
                except Exception as error:  # noqa: BLE001  whatever it is, it is told with the rest
                    self.faults.append(f"{exporter.name}: {error!r}")
                    return
            rounds += 1

    def _check(self, name: str, text: str) -> None:
        requests = quick_total(text, "tickrmeter_stock_update_requests_total")
        pending = quick_total(text, "tickrmeter_stock_updates_pending")
        ends = {end: quick_total(text, f"tickrmeter_stock_update_{end}_total") for end in _ENDS}
        if requests != sum(ends.values()) + pending:
            self.faults.append(f"{name}: {requests} requests, {pending} open, ended: {ends}")
        messages = quick_total(text, "tickrmeter_messages_total")
        if messages < self._before[name]:
            self.faults.append(f"{name}: {messages} messages after {self._before[name]}")
        self._before[name] = messages
        self.with_pending[name] += pending > 0
