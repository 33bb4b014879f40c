"""All tables, as the program of today has them; `migrations/` brings a database to this form.

Other programs read them: a name stays. A reference is to the `id` of a table: `relays.device_id` is a number,
`devices.device_id` the text by which a device is known.
"""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
    true,
)

from otel_tickrmeter.store.columns import Finite, PlainText, UtcTime, big_integer, json_text

LARGEST_PAYLOAD = 65_536
"""Bytes of a message that `dead_letters` keeps."""

METADATA = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)


def _id() -> Column[int]:
    return Column("id", big_integer(), primary_key=True)


def _key() -> Column[str]:
    """Of the message that a row comes from: a row that is written again is not written twice."""
    return Column("message_key", PlainText, nullable=False, unique=True)


def _of(table: str, *, optional: bool = False) -> Column[int]:
    """Reference to a row, with which this one goes; one that is optional stays, and forgets it."""
    reference = ForeignKey(f"{table}.id", ondelete="SET NULL" if optional else "CASCADE")
    return Column(f"{table.removesuffix('s')}_id", big_integer(), reference, nullable=optional)


DEVICES = Table(
    "devices",
    METADATA,
    _id(),
    Column("device_id", PlainText, nullable=False, unique=True),
    Column("name", PlainText, nullable=False),
    Column("type", PlainText),
    Column("mac_address", PlainText),
    Column("ip_address", PlainText),
    Column("firmware_version", PlainText),
    Column("hardware_version", PlainText),
    Column("status", PlainText),
    Column("is_online", Boolean, nullable=False, server_default=false()),
    Column("last_seen", UtcTime),
    Column("first_seen", UtcTime),
    Column("is_active", Boolean, nullable=False, server_default=true()),
    Column("capabilities", json_text()),
    Column("created_at", UtcTime, nullable=False),
    Column("updated_at", UtcTime, nullable=False),
    # When what the row says of the device was so: an older state never overwrites a newer one.
    Column("state_at", UtcTime),
    CheckConstraint("status IN ('online', 'offline', 'error', 'maintenance')", "status"),
)
RELAYS = Table(
    "relays",
    METADATA,
    _id(),
    _of("devices"),
    Column("relay_index", Integer, nullable=False),
    Column("name", PlainText, nullable=False),
    Column("function_type", PlainText, nullable=False, server_default="toggle"),
    Column("protection_mode", PlainText, nullable=False, server_default="none"),
    Column("max_activation_seconds", Finite),
    Column("is_critical", Boolean, nullable=False, server_default=false()),
    Column("allow_in_automation", Boolean, nullable=False, server_default=true()),
    Column("current_state", Boolean),
    Column("state_since", UtcTime),
    Column("triggered_by", PlainText),
    UniqueConstraint("device_id", "relay_index"),
    CheckConstraint("function_type IN ('toggle', 'momentary', 'pulse', 'timer')", "function_type"),
    CheckConstraint("protection_mode IN ('none', 'interlock', 'exclusive', 'timed')", "protection_mode"),
)
RELAY_EVENTS = Table(
    "relay_events",
    METADATA,
    _id(),
    _of("relays"),
    Column("state", Boolean, nullable=False),
    Column("previous_state", Boolean),
    Column("triggered_by", PlainText),
    Column("source", PlainText),
    Column("recorded_at", UtcTime, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("late", Boolean, nullable=False, server_default=false()),
    _key(),
    Index(None, "relay_id", "recorded_at"),
    Index(None, "received_at"),
)
SENSORS = Table(
    "sensors",
    METADATA,
    _id(),
    _of("devices"),
    Column("key", PlainText, nullable=False),
    Column("unit", PlainText),
    # A whole hour: readings from before it were rolled up and then deleted. One that comes later is new.
    Column("readings_kept_from", UtcTime),
    UniqueConstraint("device_id", "key"),
)
# Its key is the order in which it is read and, in SQLite, in which it lies. No other index beside it: at
# millions of rows a day it would cost more than the rows. In PostgreSQL a part of it can be dropped whole.
TELEMETRY = Table(
    "telemetry",
    METADATA,
    Column("sensor_id", big_integer(), ForeignKey("sensors.id", ondelete="CASCADE"), primary_key=True),
    Column("recorded_at", UtcTime, primary_key=True),
    Column("message_key", PlainText, primary_key=True),
    Column("received_at", UtcTime, nullable=False),
    Column("value", Finite, nullable=False),
    Column("anomaly", Boolean, nullable=False, server_default=false()),
    sqlite_with_rowid=False,
    postgresql_partition_by="RANGE (recorded_at)",
)


def _rollup(name: str) -> Table:
    """Readings of a sensor from `starts_at` on, for as long as the table's name says."""
    return Table(
        name,
        METADATA,
        Column("sensor_id", big_integer(), ForeignKey("sensors.id", ondelete="CASCADE"), primary_key=True),
        Column("starts_at", UtcTime, primary_key=True),
        Column("count", big_integer(), nullable=False),
        Column("min", Finite, nullable=False),
        Column("max", Finite, nullable=False),
        Column("sum", Finite, nullable=False),
        sqlite_with_rowid=False,
    )


TELEMETRY_MINUTES = _rollup("telemetry_minutes")
TELEMETRY_HOURS = _rollup("telemetry_hours")
# Hours with readings that are not in the roll-ups, marked in the transaction that writes these. By hour
# first: the oldest are looked for.
TELEMETRY_STALE = Table(
    "telemetry_stale",
    METADATA,
    Column("starts_at", UtcTime, primary_key=True),
    Column("sensor_id", big_integer(), ForeignKey("sensors.id", ondelete="CASCADE"), primary_key=True),
    sqlite_with_rowid=False,
)
CONNECTIVITY_LOG = Table(
    "connectivity_log",
    METADATA,
    _id(),
    _of("devices"),
    Column("status", PlainText, nullable=False),
    Column("cause", PlainText, nullable=False),
    Column("reason", PlainText),
    Column("ip_address", PlainText),
    Column("at", UtcTime, nullable=False),
    _key(),
    Index(None, "device_id", "at"),
    Index(None, "at"),
)
EVENTS = Table(
    "events",
    METADATA,
    _id(),
    _of("devices", optional=True),
    Column("kind", PlainText, nullable=False),
    Column("subtype", PlainText),
    Column("payload", json_text()),
    Column("at", UtcTime, nullable=False),
    _key(),
    Index(None, "device_id", "at"),
    Index(None, "at"),
)
NOTIFICATIONS = Table(
    "notifications",
    METADATA,
    _id(),
    Column("kind", PlainText, nullable=False),
    Column("severity", PlainText, nullable=False),
    _of("devices", optional=True),
    _of("relays", optional=True),
    Column("text", PlainText, nullable=False),
    Column("dedupe_key", PlainText, nullable=False),
    Column("state", PlainText, nullable=False),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("created_at", UtcTime, nullable=False),
    Column("sent_at", UtcTime),
    _key(),
    CheckConstraint("state IN ('pending', 'sent', 'failed', 'suppressed')", "state"),
    Index(None, "dedupe_key", "created_at"),
    Index(None, "created_at"),
)
AUTOMATION_RULES = Table(
    "automation_rules",
    METADATA,
    _id(),
    Column("name", PlainText, nullable=False, unique=True),
    Column("enabled", Boolean, nullable=False, server_default=true()),
    Column("may_publish", Boolean, nullable=False, server_default=false()),
    Column("trigger", json_text(), nullable=False),
    Column("conditions", json_text(), nullable=False),
    Column("actions", json_text(), nullable=False),
    Column("cooldown_seconds", Finite, nullable=False, server_default=text("0")),
    Column("last_run_at", UtcTime),
    Column("run_count", big_integer(), nullable=False, server_default=text("0")),
)
AUTOMATION_RUNS = Table(
    "automation_runs",
    METADATA,
    _id(),
    Column("rule_id", big_integer(), ForeignKey("automation_rules.id", ondelete="CASCADE"), nullable=False),
    Column("cause", PlainText, nullable=False),
    Column("started_at", UtcTime, nullable=False),
    Column("ended_at", UtcTime),
    Column("outcome", PlainText),
    Column("error", PlainText),
    _key(),
    Index(None, "rule_id", "started_at"),
    Index(None, "started_at"),
)
DEAD_LETTERS = Table(
    "dead_letters",
    METADATA,
    _id(),
    Column("topic", PlainText, nullable=False),
    Column("payload", LargeBinary, nullable=False),
    Column("qos", Integer, nullable=False),
    Column("retained", Boolean, nullable=False),
    Column("reason", PlainText, nullable=False),
    Column("error", PlainText),
    Column("attempts", Integer, nullable=False, server_default=text("0")),
    Column("received_at", UtcTime, nullable=False),
    _key(),
    CheckConstraint(f"length(payload) <= {LARGEST_PAYLOAD}", "payload"),
    Index(None, "received_at"),
)
