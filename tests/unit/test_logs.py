"""Logging: what reaches the sink, and what never does."""

import json
import logging
import warnings
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger

from otel_tickrmeter.logs import configure_logging
from otel_tickrmeter.settings.model import LoggingSettings

SECRET = 'hun"ter\\2 é%'  # noqa: S105  planted


@pytest.fixture(autouse=True)
def _restore() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    logger.remove()
    logger.configure(patcher=lambda _: None, extra={})


def lines(capfd: pytest.CaptureFixture[str]) -> list[str]:
    logger.remove()  # what was logged is written then
    captured = capfd.readouterr()
    assert captured.out == ""
    return captured.err.splitlines()


def fail() -> None:
    password = SECRET
    raise ValueError(f"refused {password}")


def test_text(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings())
    logger.debug("too little")
    logger.bind(broker="b", tries=2).info("connected {} <red>{{}}", "now")
    (line,) = lines(capfd)
    time, rest = line.split(" ", 1)
    assert datetime.fromisoformat(time).utcoffset() == timedelta(0)
    assert time.endswith("Z")
    assert rest == "INFO     tests.unit.test_logs: connected now <red>{} broker=b tries=2"


def test_braces_and_tags_in_messages_are_left_alone(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings())
    logger.info("{x} <red> {{}} </blue> \\<")
    assert lines(capfd)[0].endswith("{x} <red> {{}} </blue> \\<")


def test_json(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(format="json", level="DEBUG"))
    logger.bind(
        n=1, f=1.5, nan=float("nan"), none=None, items=("a", {"b": Path("c")}), bad=Unprintable()
    ).debug("é\n\udcff")
    (line,) = lines(capfd)
    found = json.loads(line)
    assert datetime.fromisoformat(found.pop("time")).utcoffset() == timedelta(0)
    assert found.pop("line") > 0
    assert found == {
        "level": "DEBUG",
        "message": "é\n\udcff",
        "logger": "tests.unit.test_logs",
        "function": "test_json",
        "extra": {
            "n": 1,
            "f": 1.5,
            "nan": "nan",
            "none": None,
            "items": ["a", {"b": "c"}],
            "bad": "<RuntimeError in Unprintable>",
        },
    }


class Unprintable:
    def __str__(self) -> str:
        raise RuntimeError


def test_endless_extras_end(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(format="json"), secrets=["hunter2"])
    endless: list[object] = ["hunter2"]
    endless.append(endless)
    logger.bind(endless=endless, huge=10**5000).info("x")
    (line,) = lines(capfd)
    assert json.loads(line)["extra"]["huge"] == "<ValueError in int>"
    assert "hunter2" not in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_secrets_are_masked_everywhere(form: str, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(format=form), secrets=[SECRET, "4711", ""])  # type: ignore[arg-type]
    logger.bind(password=SECRET, nested={SECRET: [SECRET]}, pin=4711, raw=SECRET.encode()).info(
        "got {!r}", SECRET
    )
    logging.getLogger("paho").warning("sent %s, %r", SECRET, {"password": SECRET})
    logging.getLogger("paho").warning("sent %d", SECRET)
    try:
        fail()
    except ValueError:
        logger.exception("failed with {}", SECRET)
    out = "\n".join(lines(capfd))
    assert out.count("********") > 8
    assert "hun" not in out
    assert "4711" not in out
    assert "refused ********" in out
    assert "in fail" in out


def test_secrets_stay_masked_when_the_sink_fails(capfd: pytest.CaptureFixture[str]) -> None:
    log = configure_logging(LoggingSettings(file=Path("/dev/full")), secrets=["hunter2"])
    logger.bind(password="hunter2").error("sent hunter2")  # noqa: S106  planted
    logger.error("again")
    assert lines(capfd) == ["/dev/full cannot be written: No space left on device"]
    assert log.dropped == 2


def test_a_secret_in_a_longer_secret_leaves_no_rest(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(), secrets=["abc", "abcdef", "*"])
    logger.info("abcdef abc *")
    assert lines(capfd)[0].endswith(": ******** ******** ********")


def test_tracebacks_show_no_values_but_the_cause(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(format="json"))
    try:
        try:
            fail()
        except ValueError as error:
            raise RuntimeError("outer") from error
    except RuntimeError:
        logger.exception("failed")
    text = json.loads(lines(capfd)[0])["exception"]
    assert "RuntimeError: outer" in text
    assert "ValueError: refused" in text
    assert "│" not in text


def test_text_cannot_be_forged(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings())
    logger.bind(topic="a\nb").info("x\n2024 ERROR forged \x1b[31m\r\u2028")
    (line,) = lines(capfd)
    assert line.endswith(r"x\n2024 ERROR forged \x1b[31m\r\u2028 topic=a\nb")


def test_standard_library_records(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings(format="json"))
    log = logging.getLogger("opentelemetry.sdk")
    log.debug("too little")
    log.warning("count %d", 3)
    log.log(35, "odd level")
    log.warning("count %d", "x")
    log.warning(Unprintable())
    try:
        fail()
    except ValueError:
        log.exception("failed")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", ResourceWarning, stacklevel=1)
    found = [json.loads(line) for line in lines(capfd)]
    assert [(entry["level"], entry["logger"]) for entry in found] == [
        ("WARNING", "opentelemetry.sdk"),
        ("Level 35", "opentelemetry.sdk"),
        ("WARNING", "opentelemetry.sdk"),
        ("WARNING", "opentelemetry.sdk"),
        ("ERROR", "opentelemetry.sdk"),
        ("WARNING", "py.warnings"),
    ]
    assert found[0]["message"] == "count 3"
    assert found[0]["function"] == "test_standard_library_records"
    assert found[2]["message"] == "count %d (cannot be formatted)"
    assert "refused" in found[4]["exception"]


def test_text_that_is_no_unicode_is_written(capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings())
    logger.info("x \udcff")
    assert lines(capfd)[0].endswith(r"x \udcff")


def test_reconfiguring_replaces_the_sink(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    configure_logging(LoggingSettings())
    configure_logging(LoggingSettings(file=tmp_path / "x.log"))
    configure_logging(LoggingSettings(level="ERROR"))
    logger.info("no")
    logger.error("yes")
    logging.getLogger("x").error("yes")
    assert len(lines(capfd)) == 2
    assert (tmp_path / "x.log").read_text() == ""


def test_another_level_is_obeyed_by_all_and_loses_no_line(capfd: pytest.CaptureFixture[str]) -> None:
    log = configure_logging(LoggingSettings(level="ERROR"))
    logger.info("no")
    logging.getLogger("x").info("no")
    log.use("INFO", ())
    logger.info("one")
    logging.getLogger("x").info("two")
    log.use("ERROR", ())
    logger.info("no")
    logging.getLogger("x").info("no")
    logger.error("three")
    assert [line.rpartition(" ")[2] for line in lines(capfd)] == ["one", "two", "three"]


def test_secrets_are_masked_from_when_they_are_known_and_for_ever(capfd: pytest.CaptureFixture[str]) -> None:
    log = configure_logging(LoggingSettings(), secrets=["hunter1"])
    log.use("INFO", ["hunter2"])
    log.use("INFO", [])
    logger.info("hunter1 hunter2")
    assert lines(capfd)[0].endswith(": ******** ********")


def test_the_same_again_changes_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    log = configure_logging(LoggingSettings(), secrets=["hunter1"])
    handlers = vars(logger)["_core"].handlers
    log.use("INFO", ["hunter1"])
    assert vars(logger)["_core"].handlers is handlers
    assert lines(capfd) == []


def test_a_file_that_does_not_open_leaves_standard_error(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OSError, match="Is a directory"):
        configure_logging(LoggingSettings(file=tmp_path))
    logging.getLogger("x").error("still here")
    assert lines(capfd)[0].endswith("still here")
