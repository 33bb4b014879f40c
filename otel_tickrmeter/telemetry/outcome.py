"""How an export over OTLP ends."""

from enum import StrEnum


class ExportOutcome(StrEnum):
    """How an OTLP export ended (`tickrmeter_otlp_exports_total`)."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
