"""Logging: one sink, text or JSON lines, with every known secret masked in all that reaches it.

loguru's logger is global by design; nothing happens to it before `configure_logging` is called.
Each record is turned into its finished line here, not by loguru, because loguru formats a traceback after
every hook, and when a sink fails prints the record to standard error: masked too, this way. The lines are
written elsewhere (`log_writer.py`).
"""

import json
import logging
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import UTC
from math import isfinite
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from loguru import logger

from otel_tickrmeter.log_file import STANDARD_ERROR, LogFile, write_all
from otel_tickrmeter.log_writer import LogWriter
from otel_tickrmeter.settings.model import LoggingSettings
from otel_tickrmeter.telemetry.log_line import LogLine

if TYPE_CHECKING:
    from loguru import Record, RecordException

_MASK = "********"
_Mask = Callable[[str], str]


class _Sink:
    """What loguru writes to; of several on one writer, the last one ends it."""

    def __init__(self, writer: LogWriter) -> None:
        self._writer = writer
        self.last = True

    def write(self, line: str) -> None:
        self._writer.write(line)

    def stop(self) -> None:
        if self.last:
            self._writer.stop()


class ProgramLog:
    """The one sink, as `configure_logging` makes it.

    Attributes:
        writer: Writes the lines.
    """

    def __init__(self, settings: LoggingSettings, secrets: Iterable[str], writer: LogWriter) -> None:
        self.writer = writer
        self._format = settings.format
        self._secrets = frozenset(secrets)
        self._level = settings.level
        self._forward: Callable[[LogLine], None] | None = None
        self._add()

    def forward(self, take: Callable[[LogLine], None] | None) -> None:
        """Give each line to it as well, from now on, in the thread that logs it; None ends that."""
        self._forward = take

    def _pass_on(self, record: "Record", exception: str) -> None:
        take = self._forward
        if take is not None:
            take(_log_line(record, exception))

    @property
    def dropped(self) -> int:
        """Lines that are missing."""
        return self.writer.dropped

    def use(self, level: str, secrets: Iterable[str]) -> None:
        """Log from this level on, and mask these secrets too; what was masked stays masked.

        No line is lost meanwhile; one that another thread logs at this moment may be there twice.
        """
        known = self._secrets | frozenset(secrets)
        if (level, known) == (self._level, self._secrets):
            return
        self._level, self._secrets = level, known
        before, number = self._sink, self._number
        self._add()
        before.last = False
        logger.remove(number)
        _level_others(level)

    def _add(self) -> None:
        self._sink = _Sink(self.writer)
        line = _line_format(self._format, _mask_for(self._secrets), self._pass_on)
        # diagnose would print the values of variables into tracebacks.
        self._number = logger.add(
            self._sink, level=self._level, format=line, diagnose=False, backtrace=False, colorize=False
        )


def configure_logging(settings: LoggingSettings, *, secrets: Iterable[str] = ()) -> ProgramLog:
    """Send loguru's, the standard library's and Python's own warnings to the one sink of `settings`.

    May be called again, with other settings: the new sink replaces the old one.

    Args:
        settings: level, format and sink.
        secrets: texts that must never be written, in their plain or any of the usual quoted forms.

    Returns:
        What writes them, and may be told of another level.

    Raises:
        OSError: the log file cannot be opened; standard error is logged to instead.
    """
    masked = tuple(secrets)
    logger.remove()
    try:
        return ProgramLog(settings, masked, _open_writer(settings))
    except OSError:
        ProgramLog(settings, masked, _standard_error())
        raise
    finally:
        logging.basicConfig(handlers=[InterceptHandler()], force=True)
        _level_others(settings.level)
        logging.captureWarnings(capture=True)


def end_logging() -> None:
    """Write what was logged, and nothing from here on.

    A thread that cannot be interrupted may still complain of being cut off.
    """
    logger.remove()


class InterceptHandler(logging.Handler):
    """Hands records of the standard library (paho, OpenTelemetry, asyncio) to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log `record` under its own logger's name and place."""
        try:
            message = record.getMessage()
        except Exception:  # noqa: BLE001  arguments that do not fit the message raise anything
            # Not `handleError`: it prints the arguments, which may be secrets, past the mask.
            message = (
                f"{record.msg if isinstance(record.msg, str) else type(record.msg)} (cannot be formatted)"
            )
        level: str | int = record.levelno
        with suppress(ValueError):
            level = logger.level(record.levelname).name

        def place(target: "Record") -> None:
            target["name"] = record.name
            target["function"] = record.funcName or ""
            target["line"] = record.lineno

        logger.patch(place).opt(exception=record.exc_info).log(level, message)


def _open_writer(settings: LoggingSettings) -> LogWriter:
    if settings.file is None:
        return _standard_error()
    file = LogFile(settings.file, settings.rotation, settings.retention)

    def complain(error: OSError) -> None:
        with suppress(OSError):
            write_all(STANDARD_ERROR, f"{settings.file} cannot be written: {error.strerror}\n".encode())

    return LogWriter(file.write, complain)


def _standard_error() -> LogWriter:
    # When it fails there is nobody left to be told.
    return LogWriter(lambda data: write_all(STANDARD_ERROR, data), lambda _: None)


def _level_others(name: str) -> None:
    """Let pass from the standard library what is of this level or above."""
    level = logger.level(name).no
    logging.getLogger().setLevel(level)
    # It tells of each of its own parts, and of each connection.
    logging.getLogger("alembic").setLevel(max(level, logging.WARNING))


def _line_format(
    name: str, mask: _Mask, pass_on: Callable[["Record", str], None]
) -> Callable[["Record"], str]:
    make = _json_line if name == "json" else _text_line

    def line(record: "Record") -> str:
        exception, record["exception"] = record["exception"], None
        record["message"] = mask(record["message"])
        record["extra"] = _masked(record["extra"], mask)
        told = mask(_exception_text(exception))
        pass_on(record, told)
        finished = make(record, told)
        # A key of its own, because a returned text would be searched for colour tags and braces.
        record["finished"] = finished  # type: ignore[typeddict-unknown-key]
        return "{finished}\n"

    return line


def _log_line(record: "Record", exception: str) -> LogLine:
    return LogLine(
        # To the microsecond: a float of seconds has no room for more.
        round(record["time"].timestamp() * 1_000_000) * 1000,
        record["level"].name,
        record["level"].no,
        record["name"] or "",
        record["message"],
        record["function"],
        record["line"],
        exception,
        record["extra"],
    )


def _text_line(record: "Record", exception: str) -> str:
    extra = "".join(f" {name}={value}" for name, value in record["extra"].items())
    head = f"{_time(record)} {record['level'].name:<8} {record['name']}: {record['message']}{extra}"
    # A topic or payload must not be able to forge a line or steer the terminal.
    return "\n".join(_printable(each) for each in (head, *exception.splitlines()))


def _json_line(record: "Record", exception: str) -> str:
    fields: dict[str, object] = {
        "time": _time(record),
        "level": record["level"].name,
        "message": record["message"],
        "logger": record["name"],
        "function": record["function"],
        "line": record["line"],
    }
    if record["extra"]:
        fields["extra"] = record["extra"]
    if exception:
        fields["exception"] = exception
    return json.dumps(fields)


def _time(record: "Record") -> str:
    return record["time"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _exception_text(exception: "RecordException | None") -> str:
    if exception is None or exception.value is None:
        return ""
    return "".join(traceback.format_exception(exception.value))


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def _mask_for(secrets: Iterable[str]) -> _Mask:
    forms: set[str] = set()
    for secret in filter(None, secrets):
        quoted = (
            repr(secret)[1:-1],
            repr(secret.encode())[2:-1],
            json.dumps(secret)[1:-1],
            quote(secret, safe=""),
        )
        forms.update((secret, *quoted))
    if not forms:
        return str
    # A secret may begin like another: the longest goes first.
    pattern = re.compile("|".join(map(re.escape, sorted(forms, key=len, reverse=True))))
    return lambda text: pattern.sub(_MASK, text)


def _masked(value: Any, mask: _Mask, depth: int = 8) -> Any:  # noqa: ANN401  whatever a caller bound
    """`value` as something JSON has, without secrets; tables and lists deeper than `depth` as text."""
    try:
        if depth and isinstance(value, Mapping):
            return {mask(str(name)): _masked(item, mask, depth - 1) for name, item in value.items()}
        if depth and isinstance(value, list | tuple | set | frozenset):
            return [_masked(item, mask, depth - 1) for item in value]
        text = str(value)
    except Exception as error:  # noqa: BLE001  a stranger's __str__ raises anything
        return f"<{type(error).__name__} in {type(value).__name__}>"
    shown = mask(text)
    # A number stays a number unless it is a secret; NaN and infinity JSON does not have.
    number = isinstance(value, bool | int) or (isinstance(value, float) and isfinite(value))
    return value if (number or value is None) and shown == text else shown
