"""Every link from one page of the documentation to another, or to a file, leads somewhere."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Not all below docs/: what draws the pictures may be installed there, with thousands of pages of others.
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("*.md")),
    *sorted((ROOT / "docs").glob("*/*.md")),
]
LINK = re.compile(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
CODE_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("page", [pytest.param(page, id=str(page.relative_to(ROOT))) for page in PAGES])
def test_links_lead_somewhere(page: Path) -> None:
    dead = []
    for found in LINK.finditer(_prose(page)):
        link = found[1] or found[2]
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            dead.append(link)
    assert dead == []


def test_dead_links_are_noticed() -> None:
    assert _anchors(ROOT / "docs" / "messages.md") >= {"one-spelling", "what-a-careful-exporter-keeps"}
    assert _anchor("OpenTelemetry's variables") == "opentelemetrys-variables"
    assert [found[1] for found in LINK.finditer("[a](b.md#c), [d\ne](f)")] == ["b.md#c", "f"]


def _anchors(page: Path) -> set[str]:
    return {_anchor(heading) for heading in HEADING.findall(_prose(page))}


def _anchor(heading: str) -> str:
    """The address that GitHub gives a heading: small letters, hyphens for blanks, no punctuation."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def _prose(page: Path) -> str:
    return CODE_BLOCK.sub("", page.read_text(encoding="utf-8"))
