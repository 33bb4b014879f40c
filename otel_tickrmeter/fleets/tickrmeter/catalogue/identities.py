"""Instruments about the bounds on identities: who was not admitted, and who left."""

from otel_tickrmeter.catalogue.instrument import Instrument, counter
from otel_tickrmeter.fleets.tickrmeter import names
from otel_tickrmeter.fleets.tickrmeter.reason import DisplacedKind, ExpiredKind, IdentityKind, RejectionReason


def rejected() -> tuple[Instrument, ...]:
    """The row about identities that were not admitted."""
    return (
        counter(
            names.IDENTITIES_REJECTED,
            "{message}",
            "tickrmeter_identities_rejected_total",
            "Messages whose device or symbol was not admitted.",
            {"kind": tuple(IdentityKind), "reason": tuple(RejectionReason)},
        ),
    )


def departed() -> tuple[Instrument, ...]:
    """The rows about identities that gave way or expired."""
    return (
        counter(
            names.IDENTITIES_DISPLACED,
            "{identity}",
            "tickrmeter_identities_displaced_total",
            "Pairs and symbols long unused that gave way to new ones at a bound.",
            {"kind": tuple(DisplacedKind)},
        ),
        counter(
            names.SERIES_EXPIRED,
            "{identity}",
            "tickrmeter_series_expired_total",
            "Identities that left with all their series.",
            {"kind": tuple(ExpiredKind)},
        ),
    )
