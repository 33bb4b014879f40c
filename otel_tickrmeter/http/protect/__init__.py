"""TLS, passwords and headers of the HTTP server, by the file that Prometheus' exporter-toolkit defines."""
