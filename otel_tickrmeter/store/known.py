"""What operators have written into the tables, for the fleet to go by."""

from sqlalchemy import ColumnElement, Connection, Text, cast, or_, select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.keeping import Known, RuleRow
from otel_tickrmeter.store.tables import AUTOMATION_RULES, DEVICES, RELAYS


def read_known(database: Database) -> Known:
    """The devices that are active, the relays that are critical or barred, and the rules that are enabled.

    Raises:
        DatabaseError: The database does not say.
    """
    barred = or_(RELAYS.c.function_type == "momentary", ~RELAYS.c.allow_in_automation)
    with database.reading() as connection:
        devices = connection.execute(select(DEVICES.c.device_id).where(DEVICES.c.is_active)).scalars()
        return Known(
            frozenset(devices),
            _relays(connection, RELAYS.c.is_critical),
            _relays(connection, barred),
            _rules(connection),
        )


def _rules(connection: Connection) -> tuple[RuleRow, ...]:
    """The rules that are enabled, in the order in which they were written."""
    columns = AUTOMATION_RULES.c
    # As text: one rule that is no JSON must not keep the rest from being read.
    written = (cast(each, Text) for each in (columns.trigger, columns.conditions, columns.actions))
    wanted = (columns.name, columns.may_publish, *written, columns.cooldown_seconds, columns.last_run_at)
    rules = select(*wanted).where(columns.enabled)
    return tuple(RuleRow(*row) for row in connection.execute(rules.order_by(columns.id)))


def _relays(connection: Connection, wanted: ColumnElement[bool]) -> frozenset[tuple[str, int]]:
    found = select(DEVICES.c.device_id, RELAYS.c.relay_index).select_from(RELAYS.join(DEVICES)).where(wanted)
    return frozenset((device, index) for device, index in connection.execute(found))
