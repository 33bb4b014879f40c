"""What operators have written into the tables, for the fleet to go by."""

from sqlalchemy import select

from otel_tickrmeter.store.engine import Database
from otel_tickrmeter.store.keeping import Known
from otel_tickrmeter.store.tables import DEVICES, RELAYS


def read_known(database: Database) -> Known:
    """The devices that are active, and the relays that are critical.

    Raises:
        DatabaseError: The database does not say.
    """
    critical = (
        select(DEVICES.c.device_id, RELAYS.c.relay_index)
        .select_from(RELAYS.join(DEVICES))
        .where(RELAYS.c.is_critical)
    )
    with database.reading() as connection:
        devices = connection.execute(select(DEVICES.c.device_id).where(DEVICES.c.is_active)).scalars()
        return Known(
            frozenset(devices), frozenset((device, index) for device, index in connection.execute(critical))
        )
