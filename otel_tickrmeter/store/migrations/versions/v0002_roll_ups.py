"""What roll-ups and retention of readings remember."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table of hours that are to be rolled up; those of all readings that there are."""
    big = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.add_column("sensors", sa.Column("readings_kept_from", sa.DateTime(timezone=True)))
    op.create_table(
        "telemetry_stale",
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sensor_id", big, nullable=False),
        sa.ForeignKeyConstraint(
            ["sensor_id"], ["sensors.id"], name="fk_telemetry_stale_sensor_id", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("starts_at", "sensor_id", name="pk_telemetry_stale"),
        sqlite_with_rowid=False,
    )
    hours = {
        "postgresql": "date_trunc('hour', recorded_at, 'UTC')",
        "sqlite": "substr(recorded_at, 1, 13) || ':00:00.000000'",
    }
    op.execute(
        "INSERT INTO telemetry_stale (starts_at, sensor_id) "  # noqa: S608  nothing of it comes from outside
        f"SELECT DISTINCT {hours[op.get_context().dialect.name]}, sensor_id FROM telemetry"
    )
