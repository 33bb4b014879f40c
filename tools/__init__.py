"""Tools for the files of this repository, and what tests and benchmarks share; the exporter needs none."""
