"""Whether the libraries for a database are installed: who watches TickrMeter alone has none of them."""

from importlib.util import find_spec

_LIBRARIES = ("sqlalchemy", "alembic", "psycopg")


class DatabaseExtraMissingError(Exception):
    """The optional part `database` of this package is not installed; the text says how to get it."""


def require_database_extra() -> None:
    """Make sure of the libraries before a module is imported that needs them.

    Raises:
        DatabaseExtraMissingError: one of them is missing.
    """
    missing = [name for name in _LIBRARIES if find_spec(name) is None]
    if missing:
        raise DatabaseExtraMissingError(
            f"the database needs {', '.join(missing)}: pip install 'otel-tickrmeter[database]'"
        )
