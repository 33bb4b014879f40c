"""What can be said of a PromQL expression without a Prometheus: what it asks for, and the labels it gives."""
