"""From the settings to what the receiving process is told."""

import math
from collections.abc import Iterable

from otel_tickrmeter.journal.write import JournalRule
from otel_tickrmeter.mqtt.config import ReceiverConfig, TlsConfig
from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.giving_way import GivingWayRule
from otel_tickrmeter.stream.outgoing import SinkRule
from otel_tickrmeter.stream.partition import OwnerRule, Partition
from otel_tickrmeter.stream.subscription import Subscription


def receiver_config(
    settings: MqttSettings,
    subscriptions: Iterable[Subscription],
    buffer_size: int,
    partition: Partition | None = None,
    owner_rules: Iterable[OwnerRule] = (),
    *,
    read_pause: float = 0.002,
    giving_way_rules: Iterable[GivingWayRule] = (),
    sink: SinkRule | None = None,
    journal: JournalRule | None = None,
) -> ReceiverConfig:
    """What the receiver has to know: where the broker is, what to ask it for, what bounds to keep.

    Where a fleet is shared, also which partition is ours, and what belongs to which: the client id has the
    partition's number then, so that one settings file serves all. A `sink` takes messages instead of us, a
    `journal` says what is written down as it arrives, `giving_way_rules` which messages are lost first.

    Raises:
        ValueError: `settings.broker` is not the address of a broker.
    """
    address = parse_broker_url(settings.broker)
    ours = partition or Partition()
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
        client_id=settings.client_id if ours.count == 1 else f"{settings.client_id}-{ours.index}",
        subscriptions=tuple(subscriptions),
        username=settings.username,
        password=settings.password if password_file is None else None,
        password_file=None if password_file is None else str(password_file),
        protocol=settings.protocol,
        clean_session=settings.clean_session,
        keepalive=math.ceil(settings.keepalive),
        min_delay=settings.reconnect.min_delay,
        max_delay=settings.reconnect.max_delay,
        buffer_size=buffer_size,
        partition=ours,
        read_pause=read_pause,
        owner_rules=tuple(owner_rules),
        giving_way_rules=tuple(giving_way_rules),
        sink=sink,
        journal=journal,
    )
