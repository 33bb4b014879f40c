"""The demo: a broker, a simulated fleet and the exporter on it, each a process of its own."""
