"""Workers that feed the exporter's own parts directly: more messages than a broker could bring in time."""
