"""The page's own files, read once; and what a browser may do with them."""

from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib import resources

_SCRIPTS = ("tables.js", "course.js", "page.js")


@dataclass(frozen=True, slots=True)
class PageAssets:
    """The page without what changes, and its Content-Security-Policy.

    `html` has `{{title}}`, `{{version}}`, `{{ready}}`, `{{state}}` and `{{links}}` where these belong.
    """

    html: str
    policy: str


def read_assets() -> PageAssets:
    """Read the files of the package."""
    folder = resources.files("otel_tickrmeter.web") / "page"
    html, style, *scripts = (
        (folder / name).read_text(encoding="utf-8") for name in ("page.html", "page.css", *_SCRIPTS)
    )
    # One script: its files share their names.
    script = "".join(scripts)
    policy = "; ".join(
        (
            "default-src 'none'",
            f"style-src '{_digest(style)}'",
            f"script-src '{_digest(script)}'",
            "connect-src 'self'",
            "img-src data:",
            "base-uri 'none'",
            "form-action 'none'",
            "frame-ancestors 'none'",
        )
    )
    return PageAssets(html.replace("{{style}}", style).replace("{{script}}", script), policy)


def _digest(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
