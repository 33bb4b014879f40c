"""Which format and coding a scraper gets, from its Accept headers (RFC 9110, section 12.5).

Nothing here fails: a part of a header that cannot be read is as if absent, and who asks for nothing we have
gets plain text, as every Prometheus client library does it.
"""

import re
from collections.abc import Iterator
from typing import Literal

Format = Literal["text", "openmetrics"]

TEXT_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
OPENMETRICS_CONTENT_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8"

# More digits than the three of RFC 9110 are let through; "nan", "1e9" and other scripts' digits are not.
_QUALITY = re.compile(r"0(?:\.[0-9]*)?|1(?:\.0*)?")
_Preference = tuple[float, int, int]
_NO_PREFERENCE: _Preference = (0.0, -1, 0)


def choose_format(accept: str | None) -> Format:
    """The exposition format for an Accept header.

    The most specific range that covers a format gives its quality. Of two formats of the same quality the
    one named more specifically wins, then the one named first, then text.
    """
    text = openmetrics = _NO_PREFERENCE
    for position, (name, params, quality) in enumerate(_parts(accept or "")):
        version = params.get("version")
        text = _prefer(text, _covers(name, version, "text/plain", "0.0.4"), quality, position)
        openmetrics = _prefer(
            openmetrics, _covers(name, version, "application/openmetrics-text", "1.0.0"), quality, position
        )
    return "openmetrics" if openmetrics[0] > 0 and openmetrics > text else "text"


def accepts_gzip(accept_encoding: str | None) -> bool:
    """Whether to send gzip: it is accepted, and not less than the identity coding."""
    qualities: dict[str, float] = {}
    for name, _, quality in _parts(accept_encoding or ""):
        qualities[name.removeprefix("x-")] = quality
    gzip = qualities.get("gzip", qualities.get("*", 0.0))
    return gzip > 0 and gzip >= qualities.get("identity", 0.0)


def _covers(name: str, version: str | None, media_type: str, our_version: str) -> int | None:
    """How specifically a media range covers a format; None when it does not."""
    if name == "*/*":
        return 0
    if name == media_type.partition("/")[0] + "/*":
        return 1
    if name != media_type or version not in (None, our_version):
        return None
    return 2 if version is None else 3


def _prefer(known: _Preference, specificity: int | None, quality: float, position: int) -> _Preference:
    if specificity is None or specificity <= known[1]:
        return known
    return (quality, specificity, -position)


def _parts(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Name, parameters and quality of each part of a header; unreadable parts are left out."""
    for part in header.split(","):
        name, *raw_params = (piece.strip() for piece in part.lower().split(";"))
        params: dict[str, str] = {}
        for raw_param in raw_params:
            key, _, value = raw_param.partition("=")
            params[key.strip()] = value.strip().strip('"')
        quality = params.pop("q", "1")
        if name and _QUALITY.fullmatch(quality):
            yield name, params, float(quality)
