"""Other exporters beside ours on the same heartbeats, where they are installed.

They turn any JSON message into gauges, so heartbeats are the part of our work they can do: seven gauges a
device. Both take a device's identity from the topic, so theirs come on a topic for each device.
"""

import os
import shutil
import statistics
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.figure import Figure, Result, number
from benchmarks.load.traffic import Shape
from benchmarks.rig.broker import Mosquitto
from benchmarks.rig.exporter import Exporter
from benchmarks.rig.processes import cpu_seconds, resident_mb
from benchmarks.rig.scraper import Scrape, Scraper, lines
from benchmarks.rig.worker import Worker
from benchmarks.scale import Scale
from tools.server_process import HttpServerProcess, accepts, free_port

_CLIENT_ID = "benchmark-peer"
_SCRAPES = 11
_WORK_SECONDS = 120.0
_QUIET_SECONDS = 1.0
_QUIET_CPU_SECONDS = 0.05
"""Less than this in a quiet second: it has worked off what it got, and idles."""
_SETTLE_SECONDS = 12.0
"""Two of our refresh intervals and a little: what is scraped then has everything."""
_READINGS = ("battery", "charging", "uptime", "wifi_lost", "vin", "boot_count")

# Mapped readings are numbers in strings, which it converts; the state is a word.
_MQTT2PROMETHEUS = """\
mqtt:
  server: tcp://127.0.0.1:{port}
  client_id: {client}
  topic_path: status/+
  qos: 0
cache:
  timeout: 60m
metrics:
{metrics}
  - {{prom_name: online, mqtt_name: status, help: online, type: gauge,
     string_value_mapping: {{map: {{online: 1, offline: 0}}, error_value: 0}}}}
"""


_Start = Callable[[Mosquitto, Path], HttpServerProcess]


class _Peer(HttpServerProcess):
    """Another exporter; it is up when it has subscribed and serves."""

    def __init__(
        self,
        directory: Path,
        command: Sequence[str],
        broker: Mosquitto,
        port: int,
        environment: Mapping[str, str],
    ) -> None:
        super().__init__("peer", directory, command, {**os.environ, **environment}, port=port)
        self._broker = broker

    def _up(self) -> bool:
        return self._broker.subscribed(_CLIENT_ID) and accepts(self.port)


def measure(scale: Scale) -> Result:
    """Give each the same messages, one exporter at a time."""
    figures = _figures("this exporter", _ours, "heartbeats", scale)
    for name, programs, start in (
        ("mqtt2prometheus", ("prometheus-mqtt-exporter", "mqtt2prometheus"), _mqtt2prometheus),
        ("mqtt-exporter", ("mqtt-exporter",), _mqtt_exporter),
    ):
        program = _find(programs)
        if program is None:
            figures.append(Figure(name, None, "not installed"))
        else:
            figures += _figures(name, partial(start, program), "heartbeats by topic", scale)
    return Result(figures)


def _figures(name: str, start: _Start, traffic: str, scale: Scale) -> list[Figure]:
    shape = Shape(scale.fleet.devices, symbols_each=1)
    with TemporaryDirectory(prefix="otel-tickrmeter-benchmark-") as directory:
        files = Path(directory)
        with Mosquitto(files) as broker, start(broker, files) as peer:
            _publish(broker, traffic, shape, shape.devices)
            _wait_quiet(peer.pid)
            before = cpu_seconds(peer.pid)
            _publish(broker, traffic, shape, scale.peer_messages)
            _wait_quiet(peer.pid)
            message_us = 1e6 * (cpu_seconds(peer.pid) - before) / scale.peer_messages
            resident = resident_mb(peer.pid)
            time.sleep(_SETTLE_SECONDS)
            compressed, plain = (_scrapes(peer.port, gzip=gzip) for gzip in (True, False))
            samples = [line for line in lines(compressed[-1].body) if not line.startswith(b"#")]
            after = resident_mb(peer.pid)
    exposed = f"{number(len(samples))} samples, {sum(map(len, samples)) / 1e6:.1f} MB of text"
    heartbeats = f"{number(scale.peer_messages)} heartbeats of {number(shape.devices)} devices"
    return [
        Figure(f"{name}: CPU a message, flat out", message_us, "µs", note=heartbeats),
        Figure(f"{name}: scrape, gzip", _median_ms(compressed), "ms", note=exposed),
        Figure(f"{name}: scrape, plain", _median_ms(plain), "ms"),
        Figure(f"{name}: resident memory", resident, "MB", note=f"{number(after)} MB after scrapes"),
    ]


def _ours(broker: Mosquitto, files: Path) -> Exporter:
    return Exporter(files, broker.port, {})


def _mqtt2prometheus(program: str, broker: Mosquitto, files: Path) -> _Peer:
    config = files / "mqtt2prometheus.yaml"
    metrics = "\n".join(
        f"  - {{prom_name: {reading}, mqtt_name: {reading}, help: {reading}, type: gauge}}"
        for reading in _READINGS
    )
    config.write_text(_MQTT2PROMETHEUS.format(port=broker.port, client=_CLIENT_ID, metrics=metrics))
    port = free_port()
    options = ["-config", str(config), "-listen-address", "127.0.0.1", "-listen-port", str(port)]
    return _Peer(files, [program, *options], broker, port, {})


def _mqtt_exporter(program: str, broker: Mosquitto, files: Path) -> _Peer:
    port = free_port()
    environment = {
        "MQTT_ADDRESS": "127.0.0.1",
        "MQTT_PORT": str(broker.port),
        "MQTT_CLIENT_ID": _CLIENT_ID,
        "MQTT_TOPIC": "status/+",
        "PROMETHEUS_ADDRESS": "127.0.0.1",
        "PROMETHEUS_PORT": str(port),
        "LOG_LEVEL": "WARNING",
    }
    return _Peer(files, [program], broker, port, environment)


def _find(programs: Sequence[str]) -> str | None:
    # Beside our interpreter, too: that directory is not on the path unless the environment is activated.
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), str(Path(sys.executable).parent)))
    return next(filter(None, (shutil.which(program, path=path) for program in programs)), None)


def _publish(broker: Mosquitto, traffic: str, shape: Shape, count: int) -> None:
    with Worker(
        "benchmarks.load.publisher",
        port=broker.port,
        shape=shape.as_job(),
        traffic=traffic,
        count=count,
        rate=0,
    ) as publisher:
        publisher.reply()


def _wait_quiet(pid: int) -> None:
    """Wait until it has worked off what it got, as its use of CPU shows.

    Raises:
        RuntimeError: It never rests.
    """
    deadline = time.monotonic() + _WORK_SECONDS
    used = cpu_seconds(pid)
    while time.monotonic() < deadline:
        time.sleep(_QUIET_SECONDS)
        before, used = used, cpu_seconds(pid)
        if used - before < _QUIET_CPU_SECONDS:
            return
    raise RuntimeError("a peer is still busy")


def _scrapes(port: int, *, gzip: bool) -> list[Scrape]:
    with Scraper(port, gzip=gzip) as scraper:
        return [scraper.scrape() for _ in range(_SCRAPES)]


def _median_ms(scrapes: Sequence[Scrape]) -> float:
    return 1000 * statistics.median(scrape.seconds for scrape in scrapes)
