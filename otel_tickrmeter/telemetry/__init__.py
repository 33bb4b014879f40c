"""The OpenTelemetry side: meters, readers, expositions, OTLP."""
