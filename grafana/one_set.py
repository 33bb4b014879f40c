"""Sums over one set of exporters: while two sets share a fleet side by side, each device is in both."""

import re

from alerts.fleet import SPARE
from grafana.query import select

_ADDS = re.compile(r"\b(?:sum|count|topk|bottomk)(?P<by> by \([a-z_, ]*\))? ?\(")
_CHOOSES = re.compile(r"\b(?:max|min|avg|quantile)(?: by \([a-z_, ]*\))? ?\(")
"""Two sets make no difference to it; and what it gives is no exporter's any more."""
_QUOTED_OR_BRACKET = re.compile(r'"[^"]*"|[()]')
_OFFSET = re.compile(r" offset (\w+)")


def of_one_set(expression: str) -> str:
    """Return a query whose sums, counts and rankings leave out exporters that are not of the chosen set.

    Only those of what exporters have, not of what was summed before, and not those that keep `instance`:
    these tell of each exporter. Where no set is complete, or no rules run, nothing is left out.

    Args:
        expression: PromQL as dashboards here write it: aggregations begin `sum(` or `sum by (a, b) (`.
    """
    found = _ADDS.search(expression)
    if found is None:
        return expression
    end = _closing(expression, found.end())
    inner = expression[found.end() : end]
    rest = of_one_set(expression[end:])
    if _ADDS.search(inner):
        inner = of_one_set(inner)
    elif "instance" not in (found["by"] or "") and not _CHOOSES.search(inner):
        inner = _without_spare(inner)
    return f"{expression[: found.end()]}{inner}{rest}"


def _without_spare(inner: str) -> str:
    # A ranking's number is no part of what is ranked.
    number, comma, ranked = inner.partition(", ") if re.match(r"\d+, ", inner) else ("", "", inner)
    # `or` binds less tightly.
    whole = f"({ranked})" if " or " in ranked else ranked
    offsets = {*_OFFSET.findall(ranked)}
    # As it was when the figures were; of several times there is none that is right for all.
    then = f" offset {offsets.pop()}" if len(offsets) == 1 else ""
    return f"{number}{comma}{whole} unless on (job, instance) {select(SPARE)}{then}"


def _closing(text: str, begin: int) -> int:
    """Return where the bracket closes that was opened just before `begin`."""
    depth = 1
    for found in _QUOTED_OR_BRACKET.finditer(text, begin):
        depth += {"(": 1, ")": -1}.get(found[0], 0)
        if depth == 0:
            return found.start()
    raise ValueError(f"a bracket is not closed: {text}")
