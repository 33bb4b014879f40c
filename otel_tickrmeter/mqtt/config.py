"""What the receiving process is told: one JSON line, so that no secret is on a command line."""

import json
from dataclasses import asdict, dataclass, field
from typing import Literal, Self

from otel_tickrmeter.journal.write import JournalRule
from otel_tickrmeter.stream.giving_way import GivingWayRule
from otel_tickrmeter.stream.outgoing import SinkRule
from otel_tickrmeter.stream.partition import OwnerRule, Partition
from otel_tickrmeter.stream.subscription import Subscription


@dataclass(frozen=True, slots=True)
class TlsConfig:
    """File names, not contents: the receiver reads them at each connect, so renewed ones are taken up."""

    ca_file: str | None = None
    cert_file: str | None = None
    key_file: str | None = None
    key_password_file: str | None = None
    server_name: str | None = None
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class ReceiverConfig:
    """A broker, how to speak to it, and the bounds to keep. Durations in seconds.

    `password_file`, like those of TLS, is read at each connect; `password` is given instead of it.
    `subscriptions` are asked for all at once; `buffer_size` is in messages; `tls` None means plain. While
    messages flow the socket is read every `read_pause`. Messages of other partitions than `partition` are not
    handed over: `owner_rules` say which those are. With a `sink` messages go there instead. Those that
    `giving_way_rules` know are lost first. With a `journal` what arrives is written down before it is
    acknowledged.
    """

    host: str
    port: int
    client_id: str
    subscriptions: tuple[Subscription, ...]
    transport: Literal["tcp", "websockets"] = "tcp"
    path: str = "/mqtt"
    tls: TlsConfig | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    protocol: Literal["auto", "5", "3.1.1"] = "auto"
    clean_session: bool = True
    keepalive: int = 60
    min_delay: float = 1.0
    max_delay: float = 60.0
    buffer_size: int = 100_000
    read_pause: float = 0.002
    partition: Partition = field(default_factory=Partition)
    owner_rules: tuple[OwnerRule, ...] = ()
    giving_way_rules: tuple[GivingWayRule, ...] = ()
    sink: SinkRule | None = field(default=None, repr=False)
    journal: JournalRule | None = None

    def to_line(self) -> bytes:
        """One line of JSON."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> Self:
        """What `to_line` wrote."""
        content = json.loads(line)
        tls, subscriptions = content.pop("tls"), content.pop("subscriptions")
        sink, journal = content.pop("sink"), content.pop("journal")
        return cls(
            subscriptions=tuple(Subscription(*each) for each in subscriptions),
            tls=None if tls is None else TlsConfig(**tls),
            partition=Partition(**content.pop("partition")),
            owner_rules=tuple(OwnerRule(**each) for each in content.pop("owner_rules")),
            giving_way_rules=tuple(GivingWayRule(**each) for each in content.pop("giving_way_rules")),
            sink=None if sink is None else SinkRule(**sink),
            journal=None
            if journal is None
            else JournalRule(**{**journal, "prefixes": tuple(journal["prefixes"])}),
            **content,
        )
