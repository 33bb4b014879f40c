"""The command `otel-tickrmeter top`."""

import sys
import threading

from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from otel_tickrmeter.client.ask import Asker, AskError
from otel_tickrmeter.top.screen import screen

_TICKRMETER, _AUTOCORE = "tickrmeter", "autocore"


def show(asker: Asker, lines: int, interval: float, *, once: bool) -> int:
    """Show it, every `interval` seconds until it is interrupted, or once; the exit code."""
    console = Console()
    if once:
        try:
            console.print(look(asker, lines))
        except AskError as error:
            print(f"otel-tickrmeter top: {error}", file=sys.stderr)  # noqa: T201  the command's own output
            return 1
        return 0
    never = threading.Event()
    with Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            try:
                shown: RenderableType = look(asker, lines)
            except AskError as error:  # it may come back
                shown = Text(str(error), "red")
            live.update(shown, refresh=True)
            never.wait(interval)


def look(asker: Asker, lines: int) -> RenderableType:
    """Ask, and make what is shown; `lines` is how long its tables may be.

    Raises:
        AskError: There is no answer.
    """
    status = asker.get("status")
    symbols = boards = None
    if _TICKRMETER in status["fleets"]:
        symbols = asker.get(f"symbols?limit={lines}")["items"]
    if _AUTOCORE in status["fleets"]:
        boards = asker.get(f"autocore/devices?limit={lines}")["items"]
    return screen(status, symbols, boards)
