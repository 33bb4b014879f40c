#!/usr/bin/env python3
"""Draws a dashboard from a live Prometheus into a PNG, with Grafana's own panel components. See README.md."""

import argparse
import functools
import io
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import orjson
from PIL import Image
from prometheus_api import PrometheusApi
from queries import Queries, Window, seconds
from variables import Variables

_HERE = Path(__file__).parent
_MODULES = _HERE / "node_modules"
_WIDTH = 1400
_COLUMNS = 24
_ROW = 38
"""Height of a grid row with its gap, as in Grafana."""
_AROUND = 128
"""Height of what is above and below the panels. Pixels."""
_COLOURS = 256


def main() -> None:
    """Draw what the command line says."""
    arguments = _arguments()
    now = int(time.time())
    window = Window(now - seconds(arguments.range), now, seconds(arguments.scrape_interval))
    dashboard = orjson.loads(arguments.dashboard.read_bytes())
    with PrometheusApi(arguments.prometheus) as api:
        variables = Variables(dashboard, dict(pair.split("=", 1) for pair in arguments.set), api)
        queries = Queries(api, variables, window)
        shown = sections(dashboard["panels"], arguments.section)
        panels = [_panel(panel, queries, variables) for panel in shown]
        for panel in panels:
            if panel["error"]:
                print(f"{panel['title']}: {panel['error']}")  # noqa: T201  a command prints
        picture = {
            "title": dashboard["title"],
            "variables": variables.texts,
            "from": 1000 * window.start,
            "to": 1000 * window.end,
            "range": arguments.range,
            "panels": panels,
            "annotations": _annotations(dashboard, queries),
        }
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    png = _photograph(picture, _ROW * rows + _AROUND)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_bytes(_small(png))


def sections(panels: Sequence[dict[str, Any]], titles: Sequence[str]) -> list[dict[str, Any]]:
    """The panels of the sections with these titles, moved up to each other; all of them for none."""
    if not titles:
        return list(panels)
    kept: list[dict[str, Any]] = []
    wanted = False
    ends = 0
    offset = 0
    for panel in sorted(panels, key=lambda panel: (panel["gridPos"]["y"], panel["gridPos"]["x"])):
        place = panel["gridPos"]
        if panel["type"] == "row":
            wanted = panel["title"] in titles
            offset = place["y"] - ends
        if wanted:
            moved = {**place, "y": place["y"] - offset}
            ends = max(ends, moved["y"] + moved["h"])
            kept.append({**panel, "gridPos": moved})
    missing = set(titles) - {panel["title"] for panel in kept if panel["type"] == "row"}
    if missing:
        message = f"no such section: {', '.join(sorted(missing))}"
        raise ValueError(message)
    return kept


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prometheus", default="http://127.0.0.1:9090", metavar="URL")
    parser.add_argument("--dashboard", type=Path, required=True, metavar="JSON")
    parser.add_argument("--output", type=Path, required=True, metavar="PNG")
    parser.add_argument("--range", default="30m", metavar="TIME", help="how far back, such as 30m")
    parser.add_argument("--scrape-interval", default="15s", metavar="TIME", help="what Prometheus is set to")
    parser.add_argument("--section", action="append", default=[], metavar="TITLE", help="only this one")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a variable")
    return parser.parse_args()


def _panel(panel: Mapping[str, Any], queries: Queries, variables: Variables) -> dict[str, Any]:
    error = None
    frames = []
    try:
        frames = queries.frames(panel, panel["gridPos"]["w"] * _WIDTH // _COLUMNS)
    except ValueError as fault:
        error = str(fault)
    texts = {key: variables.in_text(panel.get(key) or "") for key in ("title", "description")}
    return {**panel, **texts, "frames": frames, "error": error}


def _annotations(dashboard: Mapping[str, Any], queries: Queries) -> list[dict[str, Any]]:
    return [
        {"colour": annotation.get("iconColor", "blue"), "times": queries.times(annotation)}
        for annotation in dashboard.get("annotations", {}).get("list", [])
        if annotation.get("enable") and not annotation.get("builtIn")
    ]


def _photograph(picture: Mapping[str, Any], height: int) -> bytes:
    with tempfile.TemporaryDirectory() as temporary:
        site = Path(temporary)
        _build(site)
        (site / "picture.js").write_bytes(b"window.picture = " + orjson.dumps(picture))
        handler = functools.partial(_Quiet, directory=str(site))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            _chromium(site, f"http://127.0.0.1:{server.server_port}/", height)
            server.shutdown()
        return (site / "picture.png").read_bytes()


def _build(site: Path) -> None:
    subprocess.run(  # noqa: S603  our own arguments
        [
            str(_MODULES / ".bin" / "esbuild"),
            str(_HERE / "src" / "main.jsx"),
            "--bundle",
            "--jsx=automatic",
            "--loader:.woff2=dataurl",
            "--loader:.woff=dataurl",
            "--loader:.ttf=empty",
            '--define:process.env.NODE_ENV="production"',
            "--log-level=error",
            f"--outfile={site / 'main.js'}",
        ],
        check=True,
    )
    shutil.copytree(_MODULES / "@grafana" / "ui" / "dist" / "public", site / "public" / "build")
    (site / "index.html").write_text(
        '<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="main.css"><div id="root"></div>'
        '<script src="picture.js"></script><script src="main.js"></script>',
    )


def _chromium(site: Path, address: str, height: int) -> None:
    subprocess.run(  # noqa: S603  our own arguments
        [  # noqa: S607  whichever is installed
            "chromium",
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--user-data-dir={site / 'profile'}",
            f"--window-size={_WIDTH},{height}",
            "--virtual-time-budget=20000",
            f"--screenshot={site / 'picture.png'}",
            address,
        ],
        check=True,
        capture_output=True,
    )


def _small(png: bytes) -> bytes:
    """The same picture with a palette: a third of the size."""
    with Image.open(io.BytesIO(png)) as image:
        few = image.convert("RGB").quantize(_COLOURS, dither=Image.Dither.NONE)
    written = io.BytesIO()
    few.save(written, "PNG", optimize=True)
    return written.getvalue()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its own name
        pass


if __name__ == "__main__":
    main()
