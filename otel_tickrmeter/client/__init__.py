"""Asking an exporter that runs, for commands."""
