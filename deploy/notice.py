"""The notice of what is installed with the program, and under which licences."""

from deploy.dependencies import dependencies

_BEGIN = """\
# Libraries of others

What the container image and the Debian package have inside, and what
`pip install 'otel-tickrmeter[database,grpc,tls]'` installs, each under a licence of its own. Its text
is in its `.dist-info` folder. The LGPL of psycopg asks that you may replace it: it is a library of its own
in the environment, so that you can.

Written by `python -m deploy` from what the libraries say of themselves.

| library | version | licence |
| --- | --- | --- |
"""


def notice() -> str:
    """Return it as Markdown, of the libraries that are installed here."""
    _, *others = dependencies()
    return _BEGIN + "".join(f"| {each.name} | {each.version} | {each.licence} |\n" for each in others)
