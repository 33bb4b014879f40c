"""The tables of the first release."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make all tables."""
    op.create_table(
        "devices",
        sa.Column("id", _big(), nullable=False),
        sa.Column("device_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("type", sa.Text()),
        sa.Column("mac_address", sa.Text()),
        sa.Column("ip_address", sa.Text()),
        sa.Column("firmware_version", sa.Text()),
        sa.Column("hardware_version", sa.Text()),
        sa.Column("status", sa.Text()),
        sa.Column("is_online", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("last_seen", sa.DateTime(timezone=True)),
        sa.Column("first_seen", sa.DateTime(timezone=True)),
        sa.Column("is_active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("capabilities", sa.JSON()),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint(
            "status IN ('online', 'offline', 'error', 'maintenance')", name="ck_devices_status"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_devices"),
        sa.UniqueConstraint("device_id", name="uq_devices_device_id"),
    )
    op.create_table(
        "relays",
        sa.Column("id", _big(), nullable=False),
        sa.Column("device_id", _big(), nullable=False),
        sa.Column("relay_index", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("function_type", sa.Text(), server_default="toggle", nullable=False),
        sa.Column("protection_mode", sa.Text(), server_default="none", nullable=False),
        sa.Column("max_activation_seconds", sa.Double()),
        sa.Column("is_critical", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("allow_in_automation", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("current_state", sa.Boolean()),
        sa.Column("state_since", sa.DateTime(timezone=True)),
        sa.Column("triggered_by", sa.Text()),
        sa.CheckConstraint(
            "function_type IN ('toggle', 'momentary', 'pulse', 'timer')", name="ck_relays_function_type"
        ),
        sa.CheckConstraint(
            "protection_mode IN ('none', 'interlock', 'exclusive', 'timed')", name="ck_relays_protection_mode"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_relays_device_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_relays"),
        sa.UniqueConstraint("device_id", "relay_index", name="uq_relays_device_id_relay_index"),
    )
    op.create_table(
        "relay_events",
        sa.Column("id", _big(), nullable=False),
        sa.Column("relay_id", _big(), nullable=False),
        sa.Column("state", sa.Boolean(), nullable=False),
        sa.Column("previous_state", sa.Boolean()),
        sa.Column("triggered_by", sa.Text()),
        sa.Column("source", sa.Text()),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("late", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["relay_id"], ["relays.id"], name="fk_relay_events_relay_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_relay_events"),
        sa.UniqueConstraint("message_key", name="uq_relay_events_message_key"),
    )
    op.create_index("ix_relay_events_received_at", "relay_events", ["received_at"])
    op.create_index("ix_relay_events_relay_id_recorded_at", "relay_events", ["relay_id", "recorded_at"])
    op.create_table(
        "sensors",
        sa.Column("id", _big(), nullable=False),
        sa.Column("device_id", _big(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("unit", sa.Text()),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_sensors_device_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_sensors"),
        sa.UniqueConstraint("device_id", "key", name="uq_sensors_device_id_key"),
    )
    op.create_table(
        "telemetry",
        sa.Column("sensor_id", _big(), nullable=False),
        sa.Column("recorded_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("anomaly", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensors.id"], name="fk_telemetry_sensor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sensor_id", "recorded_at", "message_key", name="pk_telemetry"),
        postgresql_partition_by="RANGE (recorded_at)",
        sqlite_with_rowid=False,
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute("CREATE TABLE telemetry_default PARTITION OF telemetry DEFAULT")
    op.create_table(
        "telemetry_minutes",
        sa.Column("sensor_id", _big(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", _big(), nullable=False),
        sa.Column("min", sa.Double(), nullable=False),
        sa.Column("max", sa.Double(), nullable=False),
        sa.Column("sum", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensors.id"], name="fk_telemetry_minutes_sensor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sensor_id", "starts_at", name="pk_telemetry_minutes"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "telemetry_hours",
        sa.Column("sensor_id", _big(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("count", _big(), nullable=False),
        sa.Column("min", sa.Double(), nullable=False),
        sa.Column("max", sa.Double(), nullable=False),
        sa.Column("sum", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensors.id"], name="fk_telemetry_hours_sensor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("sensor_id", "starts_at", name="pk_telemetry_hours"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "connectivity_log",
        sa.Column("id", _big(), nullable=False),
        sa.Column("device_id", _big(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("ip_address", sa.Text()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_connectivity_log_device_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_connectivity_log"),
        sa.UniqueConstraint("message_key", name="uq_connectivity_log_message_key"),
    )
    op.create_index("ix_connectivity_log_at", "connectivity_log", ["at"])
    op.create_index("ix_connectivity_log_device_id_at", "connectivity_log", ["device_id", "at"])
    op.create_table(
        "events",
        sa.Column("id", _big(), nullable=False),
        sa.Column("device_id", _big()),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subtype", sa.Text()),
        sa.Column("payload", sa.JSON()),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_events_device_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sa.UniqueConstraint("message_key", name="uq_events_message_key"),
    )
    op.create_index("ix_events_at", "events", ["at"])
    op.create_index("ix_events_device_id_at", "events", ["device_id", "at"])
    op.create_table(
        "notifications",
        sa.Column("id", _big(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("device_id", _big()),
        sa.Column("relay_id", _big()),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True)),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.CheckConstraint(
            "state IN ('pending', 'sent', 'failed', 'suppressed')", name="ck_notifications_state"
        ),
        sa.ForeignKeyConstraint(
            ["device_id"], ["devices.id"], name="fk_notifications_device_id", ondelete="SET NULL"
        ),
        sa.ForeignKeyConstraint(
            ["relay_id"], ["relays.id"], name="fk_notifications_relay_id", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_notifications"),
        sa.UniqueConstraint("message_key", name="uq_notifications_message_key"),
    )
    op.create_index("ix_notifications_created_at", "notifications", ["created_at"])
    op.create_index("ix_notifications_dedupe_key_created_at", "notifications", ["dedupe_key", "created_at"])
    op.create_table(
        "automation_rules",
        sa.Column("id", _big(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("may_publish", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("trigger", sa.JSON(), nullable=False),
        sa.Column("conditions", sa.JSON(), nullable=False),
        sa.Column("actions", sa.JSON(), nullable=False),
        sa.Column("cooldown_seconds", sa.Double(), server_default=sa.text("0"), nullable=False),
        sa.Column("last_run_at", sa.DateTime(timezone=True)),
        sa.Column("run_count", _big(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_automation_rules"),
        sa.UniqueConstraint("name", name="uq_automation_rules_name"),
    )
    op.create_table(
        "automation_runs",
        sa.Column("id", _big(), nullable=False),
        sa.Column("rule_id", _big(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
        sa.Column("outcome", sa.Text()),
        sa.Column("error", sa.Text()),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["rule_id"], ["automation_rules.id"], name="fk_automation_runs_rule_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_automation_runs"),
        sa.UniqueConstraint("message_key", name="uq_automation_runs_message_key"),
    )
    op.create_index("ix_automation_runs_rule_id_started_at", "automation_runs", ["rule_id", "started_at"])
    op.create_table(
        "dead_letters",
        sa.Column("id", _big(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("qos", sa.Integer(), nullable=False),
        sa.Column("retained", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("error", sa.Text()),
        sa.Column("attempts", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.CheckConstraint("length(payload) <= 65536", name="ck_dead_letters_payload"),
        sa.PrimaryKeyConstraint("id", name="pk_dead_letters"),
        sa.UniqueConstraint("message_key", name="uq_dead_letters_message_key"),
    )
    op.create_index("ix_dead_letters_received_at", "dead_letters", ["received_at"])


def _big() -> sa.types.TypeEngine[int]:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")
