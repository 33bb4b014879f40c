"""A linter of Grafana dashboards and of the PromQL in them: `python -m tools.dashlint FILE...`.

Most mistakes in a dashboard are silent: a misspelt label selects nothing, a key that Grafana does not know is
ignored. `schema.py` holds a dashboard to Grafana's own types, `rules/` to what readers expect of one, and
`promql/` infers which labels the result of an expression has. All that is known of this project's metrics,
rules and alerts comes from `project.py`.
"""
