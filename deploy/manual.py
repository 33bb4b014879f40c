"""The manual page: what `--help` of every command says, for `man otel-tickrmeter`."""

import os

from argparse_manpage.manpage import Manpage  # type: ignore[import-untyped]

from otel_tickrmeter.cli import make_parser


def manual() -> str:
    """Return it. It has no date, and lines as wide as those of --help on any terminal."""
    before = {name: os.environ.get(name) for name in ("SOURCE_DATE_EPOCH", "COLUMNS")}
    os.environ |= {"SOURCE_DATE_EPOCH": "0", "COLUMNS": "80"}
    try:
        page = str(Manpage(make_parser()))
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
    # Its own title has a date and is not ours.
    rest = page.partition("\n")[2]
    # What apropos and whatis show.
    name = ".SH NAME\notel\\-tickrmeter"
    rest = rest.replace(f"{name}\n", f"{name} \\- Prometheus exporter for TickrMeter devices\n", 1)
    begin = '.TH OTEL\\-TICKRMETER "1" "" "otel\\-tickrmeter" "User Commands"'
    return f"{begin}\n{rest.rstrip()}\n"
