"""How to run the exporter: compose, Kubernetes, systemd. `python -m deploy` writes the generated manifests.

Those are the ones that only wrap a file which stands elsewhere in the project: rules, dashboards, settings.
"""
