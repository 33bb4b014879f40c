"""Writes `settings.toml` and the generated tables of `docs/` anew: `.venv/bin/python scripts/tables.py`."""

from pathlib import Path

from otel_tickrmeter.blueprints.document import blueprints_markdown
from otel_tickrmeter.catalogue.document import as_markdown
from otel_tickrmeter.configuration import settings_table, shipped_toml
from otel_tickrmeter.rows import all_rows

ROOT = Path(__file__).parent.parent


def with_table(page: str, name: str, table: str) -> str:
    """Return the page with `table` between the two comments that carry its name."""
    begin, end = f"<!-- {name}:begin -->\n", f"<!-- {name}:end -->"
    before, _, rest = page.partition(begin)
    _, _, after = rest.partition(end)
    return f"{before}{begin}{table.rstrip()}\n{end}{after}"


if __name__ == "__main__":
    (ROOT / "settings.toml").write_text(shipped_toml())
    for name, table in (
        ("settings", settings_table()),
        ("metrics", as_markdown(all_rows())),
        ("jobs", blueprints_markdown()),
    ):
        page = ROOT / "docs" / f"{name}.md"
        page.write_text(with_table(page.read_text(), name, table))
