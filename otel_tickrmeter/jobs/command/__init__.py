"""The command `otel-tickrmeter jobs`."""
