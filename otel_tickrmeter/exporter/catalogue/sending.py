"""Instruments about what leaves the program: dead letters, pushes, log lines, the exposition."""

from enum import StrEnum

from otel_tickrmeter.catalogue.instrument import ANY, Instrument, Kind, counter, gauge
from otel_tickrmeter.exporter import names
from otel_tickrmeter.telemetry.log_line import RecordOutcome
from otel_tickrmeter.telemetry.outcome import ExportOutcome
from otel_tickrmeter.telemetry.span import SpanOutcome


class LetterOutcome(StrEnum):
    """What became of a message for the dead-letter file (`tickrmeter_dead_letters_total`)."""

    WRITTEN = "written"
    DROPPED = "dropped"


def dead_letters() -> tuple[Instrument, ...]:
    """The row about the dead-letter file."""
    return (
        Instrument(
            names.DEAD_LETTERS,
            Kind.OBSERVABLE_COUNTER,
            "{message}",
            "tickrmeter_dead_letters_total",
            "Messages for the dead-letter file; those that it could not take are dropped.",
            {"outcome": tuple(LetterOutcome)},
            source="dead-letter file",
            absent="there is no dead-letter file",
        ),
    )


def exposition_rows() -> tuple[Instrument, Instrument]:
    """The rows about the exposition itself: its age and its size, in this order."""
    return (
        gauge(
            names.EXPOSITION_AGE,
            "s",
            "tickrmeter_exposition_age_seconds",
            "Age of what this scrape shows.",
            source="exposition",
        ),
        gauge(
            names.EXPOSITION_SERIES,
            "{series}",
            "tickrmeter_exposition_series",
            "Samples in the exposition.",
            source="exposition",
        ),
    )


def output() -> tuple[Instrument, ...]:
    """The rows about pushes, the log, the exposition and the build."""
    return (
        counter(
            names.OTLP_EXPORTS,
            "{export}",
            "tickrmeter_otlp_exports_total",
            "Exports of all metrics over OTLP; one that could not be collected has failed too.",
            {"outcome": tuple(ExportOutcome)},
            source="OTLP push",
            absent="OTLP is off",
        ),
        Instrument(
            names.OTLP_SPANS,
            Kind.OBSERVABLE_COUNTER,
            "{span}",
            "tickrmeter_otlp_spans_total",
            "Traces of slow and unanswered requests; those beyond so many a second are unsampled.",
            {"outcome": tuple(SpanOutcome)},
            source="traces",
            absent="traces are off",
        ),
        Instrument(
            names.OTLP_LOG_RECORDS,
            Kind.OBSERVABLE_COUNTER,
            "{record}",
            "tickrmeter_otlp_log_records_total",
            "Lines of the log by what became of them on their way to the collector.",
            {"outcome": tuple(RecordOutcome)},
            source="log",
            absent="the log is not sent",
        ),
        Instrument(
            names.LOG_LINES_DROPPED,
            Kind.OBSERVABLE_COUNTER,
            "{line}",
            "tickrmeter_log_lines_dropped_total",
            "Lines missing from the log because it could not be written, or not in time.",
            source="log",
        ),
        *exposition_rows(),
        gauge(
            names.BUILD_INFO,
            "{build}",
            "tickrmeter_build_info",
            "Always 1; the labels describe the running program.",
            {"version": ANY, "revision": ANY, "python_version": ANY, "otel_sdk_version": ANY},
            source="process",
        ),
    )
