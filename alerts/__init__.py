"""Recording rules and alerts, as code: `python -m alerts` writes the files here that Prometheus reads.

The rules are generated because tests run them with shorter windows (`windows.py`), which must be the same
expressions, and because the dashboards ask for recorded series by the names that stand here. `tests/` has
their tests, for `promtool test rules`; tests/contract runs them.
"""
