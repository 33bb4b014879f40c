"""Keeps the receiving process running and hands over what it brings, in the main process' event loop."""

import math
import socket
import time
from collections.abc import Callable

import anyio
import anyio.lowlevel

from otel_tickrmeter.mqtt import child as receiving
from otel_tickrmeter.mqtt.backoff import Backoff
from otel_tickrmeter.mqtt.config import ReceiverConfig, TlsConfig
from otel_tickrmeter.mqtt.silence import LOOK_SECONDS, Silence
from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.frames import FrameDecoder, FrameError
from otel_tickrmeter.stream.message import Connected, LinkEvent, Lost, Message, Refused, Settled
from otel_tickrmeter.stream.reason import LinkReason

READ_BYTES = 262_144
"""Read from the channel at once; about what its buffer holds."""

SLICE_MESSAGES = 256
"""Delivered in one go before the event loop gets its turn: some 2 ms of work at 8 µs each."""

RESTART_DELAYS = (1.0, 30.0)
"""Bounds of the backoff between restarts, seconds."""


class Feed:
    """Runs the receiver while `run` runs.

    `deliver` gets messages, at most `SLICE_MESSAGES` at once, and `report` gets link events; both in the
    receiver's order, from the event loop's thread. `silent` is told for how many seconds nothing has come,
    when that grows and when it ends. What they raise ends `run`.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        buffer_size: int,
        deliver: Callable[[list[Message]], None],
        report: Callable[[LinkEvent], None],
        silent: Callable[[float], None] = lambda _: None,
    ) -> None:
        self._config = receiver_config(settings, buffer_size)
        self._deliver = deliver
        self._report = report
        self._silent = silent
        self._pid: int | None = None
        self._connected = False
        self._backoff = Backoff(*RESTART_DELAYS)

    @property
    def pid(self) -> int | None:
        """The receiver's process id; None while there is none."""
        return self._pid

    async def run(self) -> None:
        """Works until cancelled; a receiver that dies or falls silent is reported and replaced."""
        while True:
            self._connected = False
            reason, detail = await self._run_receiver()
            ended = Lost if self._connected else Refused
            self._report(ended(time.monotonic_ns(), reason, detail))
            self._silent(0.0)
            await anyio.sleep(self._backoff.next_delay())

    async def _run_receiver(self) -> tuple[LinkReason, str]:
        """Starts one receiver and hands over what it brings; returns why and how it ended."""
        ours, theirs = socket.socketpair()
        with ours:
            try:
                with theirs:
                    child = receiving.start(theirs)
            except OSError as error:  # no memory, no more processes: it may pass
                return LinkReason.RECEIVER_DIED, f"the receiving process cannot be started: {error}"
            self._pid = child.pid
            silence = Silence()
            damage = ""
            try:
                ours.sendall(self._config.to_line())
                ours.setblocking(False)  # noqa: FBT003  the signature is the standard library's
                await self._hand_over(ours, silence)
            except (ConnectionError, FrameError) as error:
                damage = f", {error}"
            finally:
                ours.close()
                with anyio.CancelScope(shield=True):
                    await receiving.stop(child)
                self._pid = None
        if silence.too_long(connected=self._connected):
            detail = f"the receiving process said nothing for {silence.seconds:.0f} s and was replaced"
            return LinkReason.RECEIVER_SILENT, detail
        return LinkReason.RECEIVER_DIED, f"the receiving process ended with {child.returncode}{damage}"

    async def _hand_over(self, channel: socket.socket, silence: Silence) -> None:
        """Until the channel ends, or has been silent for too long.

        Raises:
            ConnectionError: the receiver went away.
            FrameError: what it sent is damaged.
        """
        decoder = FrameDecoder()
        while not silence.too_long(connected=self._connected):
            since = time.monotonic()
            with anyio.move_on_after(LOOK_SECONDS):
                await anyio.wait_readable(channel)
            try:
                data = channel.recv(READ_BYTES)
            except BlockingIOError:
                silence.waited(time.monotonic() - since)
                self._silent(silence.seconds)
                continue
            if not data:
                return
            if silence.seconds:
                silence.heard()
                self._silent(0.0)
            for item in decoder.feed(data):
                if isinstance(item, list):
                    for start in range(0, len(item), SLICE_MESSAGES):
                        self._deliver(item[start : start + SLICE_MESSAGES])
                        await anyio.lowlevel.checkpoint()
                else:
                    self._note(item)
                    self._report(item)

    def _note(self, event: LinkEvent) -> None:
        if isinstance(event, Connected):
            self._connected = True
        elif isinstance(event, (Refused, Lost)):
            self._connected = False
        elif isinstance(event, Settled):
            self._backoff.reset()


def receiver_config(settings: MqttSettings, buffer_size: int) -> ReceiverConfig:
    """What the receiver has to know of the settings.

    Raises:
        ValueError: `settings.broker` is not the address of a broker.
    """
    address = parse_broker_url(settings.broker)
    password_file = settings.password_file
    if password_file is not None and password_file.is_fifo():
        password_file = None  # `<(pass show broker)`: it has given all it had when the settings were loaded
    tls = None
    if address.tls:
        files = settings.tls
        tls = TlsConfig(
            ca_file=None if files.ca_file is None else str(files.ca_file),
            cert_file=None if files.cert_file is None else str(files.cert_file),
            key_file=None if files.key_file is None else str(files.key_file),
            key_password_file=None if files.key_password_file is None else str(files.key_password_file),
            server_name=files.server_name,
            insecure=files.insecure,
        )
    return ReceiverConfig(
        host=address.host,
        port=address.port,
        transport=address.transport,
        path=address.path,
        tls=tls,
        client_id=settings.client_id,
        # One filter covers every topic of the fleet: all are one level below the prefix.
        topic_filter=f"{settings.topic_prefix}+",
        username=settings.username,
        password=settings.password if password_file is None else None,
        password_file=None if password_file is None else str(password_file),
        protocol=settings.protocol,
        qos=settings.qos,
        clean_session=settings.clean_session,
        keepalive=math.ceil(settings.keepalive),
        min_delay=settings.reconnect.min_delay,
        max_delay=settings.reconnect.max_delay,
        buffer_size=buffer_size,
    )
