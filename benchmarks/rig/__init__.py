"""The apparatus: a broker, the exporter, workers, scrapes, and what processes use."""
