"""How often the receiver looks at its socket."""

from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.fleets.tickrmeter.catalogue.stock_updates import LATENCY_BUCKETS
from otel_tickrmeter.mqtt.receiver import pause_after


def test_a_broker_that_waits_for_acknowledgements_is_not_made_to_wait_long() -> None:
    assert pause_after(3, 0.01) == 0.01
    assert pause_after(20, 0.01) == 0.002
    # A new connection counts anew.
    assert pause_after(-500, 0.01) == 0.01
    assert pause_after(20, 0.001) == 0.001


def test_a_fleet_that_is_timed_is_looked_at_as_often_as_its_buckets_need() -> None:
    pauses = {fleet.name: fleet.read_pause for fleet in FLEETS}
    assert pauses["tickrmeter"] <= LATENCY_BUCKETS[0] / 50
    assert pauses["tickrmeter"] < pauses["autocore"]
