"""A worker through which device ids pass: each lives a while, and never comes back.

Job: `devices` (how many pass), `alive` (at one time), `replies`. Replies so many times, evenly: `passed`,
`resident_mb`, `missing` (live devices that the exposition lacks), `left_over` (devices in it that should be
gone), `overflow` (samples that stand for several attribute sets), `rejected` (identities turned away so far).
"""

import os
import re

import anyio

from benchmarks.inside.exporter import NS, Feeder, make_exporter, with_fleet
from benchmarks.load.traffic import Shape, Wire, answer, heartbeat, request
from benchmarks.rig.processes import resident_mb
from benchmarks.rig.worker import read_job, reply
from otel_tickrmeter.fleets.tickrmeter.settings import MonitoringSettings, TickrMeterSettings

_DEVICE_ID = re.compile(rb'device_id="([^"]*)"')
_REJECTED = re.compile(rb"^tickrmeter_identities_rejected_total{[^}]*} (.+)$", re.MULTILINE)
_SYMBOLS_EACH = 3
_MESSAGES_EACH = 1 + 2 * _SYMBOLS_EACH
_REFRESH_NS = 60 * NS


class Passage:
    """The device ids, one after the other.

    Args:
        devices: How many pass.
        alive: How many have been seen within the device timeout at any time.
    """

    def __init__(self, devices: int, alive: int) -> None:
        bounds = MonitoringSettings()
        self._shape = Shape(devices, _SYMBOLS_EACH)
        self._alive = alive
        self._exporter = make_exporter(with_fleet(TickrMeterSettings(monitoring=bounds)))
        self._step_ns = int(bounds.device_timeout * NS) // alive // _MESSAGES_EACH
        self._feeder = Feeder(self._exporter.handler, self._step_ns)
        # A device leaves within a cleanup interval of its timeout.
        self._kept = alive + int(bounds.cleanup_interval * NS) // (self._step_ns * _MESSAGES_EACH) + 1

    async def run(self, replies: int) -> None:
        """Let them pass."""
        devices = self._shape.devices
        refresh_ns = 0
        for number in range(devices):
            self._feeder.feed(self._life(number))
            checked = (number + 1) * replies % devices < replies
            if checked or self._feeder.now_ns >= refresh_ns:
                refresh_ns = self._feeder.now_ns + _REFRESH_NS
                await self._exporter.telemetry.refresh()
            if checked:
                await self._check(number)

    def _life(self, number: int) -> list[Wire]:
        wires = [heartbeat(self._shape.device(number), number)]
        for place in range(_SYMBOLS_EACH):
            pair = self._shape.pair(number * _SYMBOLS_EACH + place)
            wires += (request(*pair), answer(*pair))
        return wires

    async def _check(self, last: int) -> None:
        body = await self._exporter.telemetry.scrape("text", gzip=False)
        if body is None:
            raise RuntimeError("there is no exposition")
        shown: set[bytes] = set()
        overflow = 0
        rejected = 0.0
        rest = b""
        for chunk in body:
            whole, newline, rest = (rest + chunk).rpartition(b"\n")
            text = whole + newline
            shown.update(_DEVICE_ID.findall(text))
            overflow += text.count(b"otel_metric_overflow")
            rejected += sum(map(float, _REJECTED.findall(text)))
        live = {self._shape.device(number) for number in range(max(0, last + 1 - self._alive), last + 1)}
        kept = {self._shape.device(number) for number in range(max(0, last + 1 - self._kept), last + 1)}
        reply(
            passed=last + 1,
            resident_mb=resident_mb(os.getpid()),
            missing=len(live - shown),
            left_over=len(shown - kept),
            overflow=overflow,
            rejected=rejected,
        )


if __name__ == "__main__":
    task = read_job()
    anyio.run(Passage(task["devices"], task["alive"]).run, task["replies"])
