"""Grafana dashboards, as code: `python -m grafana` writes `dashboards/*.json` anew.

They work imported by hand and provisioned from files, in both levels of detail. What would aggregate over
every device is asked from the recording rules of `alerts/`.
"""
