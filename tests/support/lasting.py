"""A state handed from one assembly to the next, by way of what is written of it."""

from otel_tickrmeter.lasting import Lasting
from otel_tickrmeter.saved.form import Tables, from_rows, to_rows


def written(lasting: Lasting) -> dict[str, list[tuple[object, ...]]]:
    """The rows that would be written now, by table."""
    tables = lasting.take()()
    return {form.name: list(to_rows(form, tables[form.name])) for form in lasting.forms}


def read(lasting: Lasting, rows: dict[str, list[tuple[object, ...]]]) -> Tables:
    """The tables that would be read of these rows."""
    return {form.name: from_rows(form, rows[form.name]) for form in lasting.forms}
