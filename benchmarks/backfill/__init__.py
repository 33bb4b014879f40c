"""Hours of a full fleet's data for a real Prometheus, made in minutes: real series, made-up values."""
