"""What finds runs of rules that are too old."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Index runs by their time."""
    op.create_index("ix_automation_runs_started_at", "automation_runs", ["started_at"])
