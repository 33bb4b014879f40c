"""Writes the generated tables of README.md anew: `.venv/bin/python scripts/readme.py`."""

from pathlib import Path

from otel_tickrmeter.catalogue.document import as_markdown
from otel_tickrmeter.configuration import settings_table
from otel_tickrmeter.rows import all_rows

README = Path(__file__).parent.parent / "README.md"


def with_tables(readme: str) -> str:
    """Return the README with its tables as they must be."""
    for name, table in (("settings", settings_table()), ("metrics", as_markdown(all_rows()))):
        begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
        before, _, rest = readme.partition(begin)
        _, _, after = rest.partition(end)
        readme = f"{before}{begin}{table.rstrip()}\n{end}{after}"
    return readme


if __name__ == "__main__":
    README.write_text(with_tables(README.read_text()))
