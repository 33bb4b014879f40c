"""Watches TickrMeter requests and answers on an MQTT broker and serves their timing to Prometheus."""

__version__ = "0.2.0"
