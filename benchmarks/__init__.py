"""What the exporter costs, measured against the targets: `./scripts/benchmark` prints one table."""
