"""Rules about links: each leads to a dashboard of ours and brings only variables which that one has."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from grafana.committed import Json, panels
from tools.dashlint.rule import Known

_VALUE = re.compile(r"=(\$\{[^}]*\})")
_BROUGHT = re.compile(r"\$\{(\w+):queryparam\}")


def links(dashboard: Json, known: Known) -> Iterator[str]:
    """Check every link of the dashboard, its panels and their fields."""
    for link in dashboard.get("links", []):
        if link.get("type") == "dashboards":
            # It lists all dashboards with these tags; without any, all that there are.
            if not set(link.get("tags", [])) & set(dashboard.get("tags", [])):
                yield f"link {link.get('title')!r} lists dashboards that do not belong to this one"
        else:
            yield from link_faults(link, known)
    for panel in panels(dashboard):
        for link in _panel_links(panel):
            for fault in link_faults(link, known):
                yield f"panel {panel.get('title')!r}: {fault}"


def _panel_links(panel: Json) -> Iterator[Json]:
    yield from panel.get("links", [])
    config = panel.get("fieldConfig", {})
    yield from config.get("defaults", {}).get("links", [])
    for override in config.get("overrides", []):
        for changed in override.get("properties", []):
            if changed.get("id") == "links":
                yield from changed.get("value", [])


def link_faults(link: Json, known: Known) -> Iterator[str]:
    """Yield what is wrong with one link, a record with `title` and `url`."""
    title, url = link.get("title"), link.get("url", "")
    if not title:
        yield f"a link to {url!r} has no title"
    parts = urlsplit(url)
    match = re.fullmatch(r"/d/([\w-]+)(/[\w-]*)?", parts.path)
    if parts.netloc or match is None:
        yield f"link {title!r} leads elsewhere: {url!r}"
        return
    variables = known.dashboards.get(match[1])
    if variables is None:
        yield f"link {title!r} leads to no dashboard: {match[1]!r}"
        return
    for name in sorted(_brought(parts.query) - variables):
        yield f"link {title!r} brings variable {name!r}, which {match[1]!r} lacks"
    # Grafana's own choice is encodeURI, which leaves the &, + and # that a symbol may have.
    for value in _VALUE.findall(parts.query):
        if not value.endswith(":percentencode}"):
            yield f"link {title!r} brings {value} without :percentencode"


def _brought(query: str) -> set[str]:
    pairs: list[tuple[str, Any]] = parse_qsl(query, keep_blank_values=True)
    named = {name.removeprefix("var-") for name, _ in pairs if name.startswith("var-")}
    return named | set(_BROUGHT.findall(query))
