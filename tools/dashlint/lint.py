"""All that is wrong with one dashboard: what Grafana cannot read, or else what the rules complain of."""

from collections.abc import Iterator

from grafana.committed import Json
from tools.dashlint.rule import Known, Rule
from tools.dashlint.rules import RULES
from tools.dashlint.schema import GrafanaSchema


def faults(dashboard: Json, schema: GrafanaSchema, known: Known) -> list[str]:
    """Return the faults of a dashboard that is not misshapen, each once and with its place."""
    # Rules rely on the types: they would stumble over a title that is a number.
    unread = list(schema.faults(dashboard))
    # Several of them may stumble over one query.
    complaints = (text for rule in RULES for text in _complaints(rule, dashboard, known))
    return unread or list(dict.fromkeys(complaints))


def _complaints(rule: Rule, dashboard: Json, known: Known) -> Iterator[str]:
    try:
        yield from rule(dashboard, known)
    except ValueError as error:
        # It asks or transforms in a way that the rule cannot judge.
        yield str(error)
