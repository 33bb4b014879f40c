"""Memory that must not grow: with messages, and with devices that come and go."""

import time
from collections.abc import Sequence
from typing import Any

from benchmarks.figure import Figure, Result, Target, number
from benchmarks.rig.live import live
from benchmarks.rig.processes import children_resident_mb
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale

_REPLIES = 50
_REPLY_SECONDS = 3600.0
_FLAT = 1.05
"""Memory is flat when it never grows by more than this factor once it has settled."""
_DAY_SETTLED_MESSAGES = 1_200_000
"""20 minutes at 1,000 a second: the windows are full after 15, the first cleanups are over."""
_SETTLED_GENERATIONS = 5
"""Of the devices alive at one time, for the same reason: a generation is a device timeout of 5 minutes."""
_RECEIVER_RATE = 1000


def one_day(scale: Scale) -> Result:
    """As many messages as a day brings, through the handler in a process of its own."""
    job = {"shape": scale.fleet.as_job(), "messages": scale.day_messages, "replies": _REPLIES}
    with Worker("benchmarks.inside.one_day", **job) as worker:
        replies = [worker.reply(_REPLY_SECONDS)]
        while replies[-1]["messages"] < scale.day_messages:
            replies.append(worker.reply(_REPLY_SECONDS))
    settled = [reply["resident_mb"] for reply in replies if reply["messages"] >= _DAY_SETTLED_MESSAGES]
    receiver = _receiver_mb(scale)
    what = f"{number(scale.day_messages)} messages, device detail, {number(replies[-1]['samples'])} samples"
    return Result(
        (
            Figure(
                f"resident memory after {what}",
                settled[-1] + receiver,
                "MB",
                Target(200),
                f"{number(receiver)} MB of it a live receiver's",
            ),
            _growth(f"growth of it from {number(_DAY_SETTLED_MESSAGES)} messages on", settled),
        )
    )


def passing_devices(scale: Scale) -> Result:
    """Device ids that come, live a while, and never come back."""
    alive, devices = scale.fleet.devices, scale.passing_devices
    job = {"devices": devices, "alive": alive, "replies": _REPLIES}
    with Worker("benchmarks.inside.passing_devices", **job) as worker:
        replies = [worker.reply(_REPLY_SECONDS) for _ in range(_REPLIES)]
    settled = [reply["resident_mb"] for reply in replies if reply["passed"] >= _SETTLED_GENERATIONS * alive]
    what = f"{number(devices)} device ids pass, {number(alive)} alive at a time"
    return Result(
        (
            Figure(f"resident memory after {what}", settled[-1], "MB", note="main process alone"),
            _growth(f"growth of it from {number(_SETTLED_GENERATIONS * alive)} ids on", settled),
            _sum(replies, "missing", "live devices not in the exposition"),
            _sum(replies, "left_over", "expired devices still in it"),
            _sum(replies, "overflow", "overflow series in it"),
            _sum(replies, "rejected", "identities turned away"),
        )
    )


def _growth(what: str, settled: Sequence[float]) -> Figure:
    first, most, last = map(number, (settled[0], max(settled), settled[-1]))
    note = f"{first} MB at first, {most} MB at most, {last} MB at last"
    return Figure(what, max(settled) / settled[0], "x", Target(_FLAT), note)


def _sum(replies: Sequence[dict[str, Any]], key: str, what: str) -> Figure:
    return Figure(what, sum(reply[key] for reply in replies), "", Target(0), f"in {len(replies)} expositions")


def _receiver_mb(scale: Scale) -> float:
    """Memory of the receiving process in operation; it keeps nothing, so it need not run for a day."""
    with live(scale.fleet, "device") as fleet, fleet.flow(_RECEIVER_RATE):
        time.sleep(scale.window_seconds)
        return children_resident_mb(fleet.exporter.pid)
