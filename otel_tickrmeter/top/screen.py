"""What is shown: made of the answers, by rich."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

Thing = Mapping[str, Any]
_Column = tuple[str, str, Callable[[Any], str]]
_LONGEST = 60


def screen(status: Thing, symbols: Sequence[Thing] | None, boards: Sequence[Thing] | None) -> RenderableType:
    """The whole of it.

    Args:
        status: What `/api/v1/status` says.
        symbols: The slowest symbols; None without such a fleet.
        boards: Devices of an AutoCore fleet; None without one.
    """
    parts: list[RenderableType] = [_head(status), _rates(status)]
    parts += [
        Text(f"! {plain(each['text'])}  {plain(each['runbook'])}", "red") for each in status["troubles"]
    ]
    if symbols is not None:
        parts.append(_table("Slowest symbols", _SYMBOLS, symbols))
    if boards is not None:
        parts.append(_table("AutoCore devices", _BOARDS, boards))
    if status["set_aside"]:
        parts.append(_table("Set aside lately", _SET_ASIDE, status["set_aside"]))
    return Group(*parts)


def _head(status: Thing) -> Text:
    reason = status["not_ready_reason"]
    title = Text(f"{plain(status['title'])} {plain(status['version'])}  ", "bold")
    if reason is not None:
        # An exporter of an earlier version says nothing of it.
        gone = status.get("disconnected_since")
        since = "" if gone is None else f"; not connected since {_moment(gone)}"
        return title + Text(f"not ready: {plain(reason)}{since}", "bold red")
    since = "" if status["connected_since"] is None else f" since {_moment(status['connected_since'])}"
    return title + Text(f"connected to {plain(status['broker'])}{since}", "green")


def _rates(status: Thing) -> Text:
    waiting = ", ".join(f"{count} wait ({plain(name)})" for name, count in status["queue_sizes"].items())
    heard, bad = _number(status["messages_per_second"]), _number(status["errors_per_second"])
    up, share = _duration(status["uptime"]), status["connection_uptime_share"]
    return Text(
        f"{heard} messages/s, {bad} set aside/s, {status['messages_processed']:,} in all; "
        f"{waiting or 'nothing waits'}; up {up}, connected for {share:.2%} of it"
    )


def _table(title: str, columns: Sequence[_Column], things: Sequence[Thing]) -> Table:
    table = Table(title=title, title_justify="left", expand=False)
    for heading, _, show in columns:
        table.add_column(heading, justify="left" if show in {plain, _moment} else "right")
    for thing in things:
        table.add_row(*(Text(show(thing.get(name))) for _, name, show in columns))
    return table


def plain(value: object) -> str:
    """A text, with nothing in it that a terminal obeys."""
    if value is None:
        return "-"
    text = "".join(char if char.isprintable() else "?" for char in str(value))
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def _number(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, int | float) else "-"


def _whole(value: object) -> str:
    return f"{value:,.0f}" if isinstance(value, int | float) else "-"


def _seconds(value: object) -> str:
    return f"{value:.2f} s" if isinstance(value, int | float) else "-"


def _share(value: object) -> str:
    return f"{value:.1%}" if isinstance(value, int | float) else "-"


def _flag(value: object) -> str:
    return {True: "yes", False: "no"}.get(value, "-") if isinstance(value, bool) else "-"


def _moment(value: object) -> str:
    try:
        return f"{datetime.fromisoformat(str(value)).astimezone():%Y-%m-%d %H:%M:%S}"
    except ValueError:
        return plain(value)


def _duration(seconds: float) -> str:
    minutes, _ = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if days else f"{hours} h {minutes} min" if hours else f"{minutes} min"


_SYMBOLS: Sequence[_Column] = (
    ("symbol", "symbol", plain),
    ("mean", "mean_seconds", _seconds),
    ("p95", "p95_seconds", _seconds),
    ("timeouts", "timeout_rate", _share),
    ("requests", "requests", _whole),
    ("open", "pending", _whole),
    ("unusual", "unusual", _flag),
)
_BOARDS: Sequence[_Column] = (
    ("device", "device_id", plain),
    ("status", "status", plain),
    ("firmware", "firmware_version", plain),
    ("wifi dBm", "wifi_signal_dbm", _whole),
    ("relays", "relays_count", _whole),
    ("sensors", "sensors_count", _whole),
    ("last seen", "last_seen", _moment),
)
_SET_ASIDE: Sequence[_Column] = (
    ("at", "at", _moment),
    ("message", "message_type", plain),
    ("reason", "reason", plain),
    ("device", "device", plain),
    ("times", "count", _whole),
    ("sample", "sample", plain),
)
