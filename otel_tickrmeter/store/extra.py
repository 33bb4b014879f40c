"""Whether the libraries for a database are installed: who watches TickrMeter alone has none of them."""

from otel_tickrmeter.settings.extras import require_extra


def require_database_extra() -> None:
    """Make sure of the libraries before a module is imported that needs them.

    Raises:
        ExtraMissingError: One of them is missing.
    """
    require_extra("the database", "database", ("sqlalchemy", "alembic", "psycopg"))
