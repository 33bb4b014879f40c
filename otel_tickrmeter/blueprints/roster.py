"""Which kinds of jobs there are."""

from collections.abc import Mapping

from otel_tickrmeter.blueprints.anomaly_scan import anomaly_scan_blueprint
from otel_tickrmeter.blueprints.backfill import backfill_blueprint
from otel_tickrmeter.blueprints.fault import fault_blueprint
from otel_tickrmeter.blueprints.replay import replay_blueprint
from otel_tickrmeter.blueprints.retention import retention_blueprint
from otel_tickrmeter.blueprints.simulate import simulate_blueprint
from otel_tickrmeter.jobs.blueprint import Blueprint


def blueprints() -> Mapping[str, Blueprint]:
    """All of them, by name, in the order of the documents."""
    made = (
        simulate_blueprint(),
        fault_blueprint(),
        replay_blueprint(),
        backfill_blueprint(),
        retention_blueprint(),
        anomaly_scan_blueprint(),
    )
    return {blueprint.name: blueprint for blueprint in made}
