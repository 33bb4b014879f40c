"""The template variables of a dashboard: the value that Grafana would show first, or the one asked for."""

# ruff: noqa: INP001  draw.py is run, not imported; this lies beside it

import re
from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_api import PrometheusApi

_REFERENCE = re.compile(r"\$(\w+)|\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]")
_LABEL_VALUES = re.compile(r"label_values\((?:(.+),)?\s*(\w+)\s*\)", re.DOTALL)


class Variables:
    """Values by name; `texts` is what the bar above the dashboard shows, by label.

    Holds what a dashboard of ours uses: data source, label_values(), custom, text box and constant.
    """

    def __init__(self, dashboard: Mapping[str, Any], asked: Mapping[str, str], api: PrometheusApi) -> None:
        self._values: dict[str, str] = {}
        self._texts: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        for variable in dashboard.get("templating", {}).get("list", []):
            name = variable["name"]
            text, value = self._choose(variable, asked.get(name), api)
            self._values[name], self._texts[name] = value, text
            if str(variable.get("hide", 0)) not in {"2", "hideVariable"}:
                self.texts[variable.get("label") or name] = text

    def in_text(self, template: str) -> str:
        """Fill in as a title does: what is chosen, `All` for all."""
        return self._fill(template, self._texts)

    def in_query(self, query: str, **built_in: str) -> str:
        """Fill in as a query does; `built_in` are Grafana's own, such as `__rate_interval`."""
        return self._fill(query, {**self._values, **built_in})

    def _choose(self, variable: Mapping[str, Any], asked: str | None, api: PrometheusApi) -> tuple[str, str]:
        if asked is not None:
            return asked, asked
        if variable["type"] == "datasource":
            return "Prometheus", "prometheus"
        if variable.get("includeAll"):
            options = () if variable.get("allValue") else self._options(variable, api)
            return "All", variable.get("allValue") or f"({'|'.join(map(re.escape, options))})"
        first = next(self._options(variable, api), "")
        return first, first

    def _options(self, variable: Mapping[str, Any], api: PrometheusApi) -> Iterator[str]:
        query = variable.get("query") or ""
        text = query.get("query", "") if isinstance(query, dict) else query
        if variable["type"] != "query":
            yield from (option.strip() for option in text.split(","))
        elif found := _LABEL_VALUES.fullmatch(text.strip()):
            selector, label = found.groups()
            yield from api.label_values(label, self.in_query(selector) if selector else None)
        else:
            message = f"variable {variable['name']}: only label_values() is understood, not {text!r}"
            raise ValueError(message)

    @staticmethod
    def _fill(template: str, values: Mapping[str, str]) -> str:
        def value(found: re.Match[str]) -> str:
            name = found[1] or found[2] or found[4]
            return values.get(name, found[0])

        return _REFERENCE.sub(value, template)
