"""Rows for tests of the database, at times counted in seconds."""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Table, func, insert, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.rows import (
    AutomationRun,
    ConnectivityChange,
    DeadLetter,
    DeviceState,
    Event,
    Notification,
    Reading,
    RelayEvent,
    RelayState,
    Row,
)
from otel_tickrmeter.store.tables import AUTOMATION_RULES


def at(seconds: float) -> datetime:
    return datetime(2026, 1, 28, 10, 30, tzinfo=UTC) + timedelta(seconds=seconds)


def reading(
    number: float, value: float = 25.6, *, device: str = "ESP32_001", key: str = "temperature"
) -> Reading:
    return Reading(f"a-1-{number}", device, key, value, at(number), at(number + 1), unit="celsius")


def device(seconds: float, status: str = "online", **more: Any) -> DeviceState:  # noqa: ANN401  any column
    return DeviceState("ESP32_001", at(seconds), status, status == "online", **more)


def relay(seconds: float, *, state: bool) -> RelayState:
    return RelayState("ESP32_001", 0, state, at(seconds), "manual")


def one_of_each() -> list[Row]:
    return [
        device(0, last_seen=at(0)),
        relay(0, state=True),
        RelayEvent("a-1-1/0", "ESP32_001", 0, state=True, recorded_at=at(0), received_at=at(1)),
        reading(2),
        ConnectivityChange("a-1-3", "ESP32_001", "online", "reported", at(3)),
        Event("a-1-4", "ESP32_001", "system", at(4), "boot", {"reason": "power"}),
        Notification(
            *("a-1-5", "relay", "critical", "winch on", "relay/ESP32_001/0", "pending", at(5)),
            device_id="ESP32_001",
            relay_index=0,
        ),
        DeadLetter(
            "a-1-6", "autocore/x/status", b"{", 1, retained=False, reason="bad_json", received_at=at(6)
        ),
    ]


def run_of_rule(seconds: float, rule: str = "r") -> AutomationRun:
    return AutomationRun(
        f"a-run-{seconds}", rule, "the time of the day", at(seconds), at(seconds + 1), "failed", "no broker"
    )


def with_rule(database: Database, name: str = "r", **more: object) -> None:
    """Write a rule as an operator would."""
    row = {"name": name, "trigger": {"type": "time", "at": "12:00"}, "conditions": [], "actions": []}
    with database.writing() as connection:
        connection.execute(insert(AUTOMATION_RULES).values({**row, **more}))


def count(database: Database, table: Table) -> int:
    with database.reading() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def only(database: Database, table: Table) -> dict[str, Any]:
    """The one row that there is."""
    with database.reading() as connection:
        return dict(connection.execute(select(table)).mappings().one())
