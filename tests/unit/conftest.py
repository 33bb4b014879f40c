"""What tests share: those of the OTLP push, and those of the handler."""

from collections.abc import Iterator

import pytest
from loguru import logger

from otel_tickrmeter.telemetry.outcome import ExportOutcome
from tests.support.otlp_collector import Collector, running_collector

_OF_OTLP = ("otel_tickrmeter.telemetry.otlp", "otel_tickrmeter.telemetry.ending")


@pytest.fixture
def collector() -> Iterator[Collector]:
    with running_collector() as running:
        yield running


@pytest.fixture
def outcomes() -> list[ExportOutcome]:
    return []


@pytest.fixture
def told() -> Iterator[list[str]]:
    messages: list[str] = []
    sink = logger.add(
        lambda message: messages.append(message.record["message"]),
        level="INFO",
        filter=lambda record: record["name"] in _OF_OTLP,
    )
    yield messages
    logger.remove(sink)


@pytest.fixture
def log() -> Iterator[list[str]]:
    """What is logged, as level and text."""
    lines: list[str] = []
    sink = logger.add(lines.append, format="{level} {message}", backtrace=False, diagnose=False)
    yield lines
    logger.remove(sink)
