"""What the receiver is told in tests: like the program, but for filters of the test's own."""

from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.configure import receiver_config
from otel_tickrmeter.settings.model import MqttSettings
from otel_tickrmeter.stream.subscription import Subscription


def config_for(settings: MqttSettings, *wanted: Subscription, buffer_size: int = 100_000) -> ReceiverConfig:
    """What the receiver is told; with no filters given, it takes all topics of one level."""
    return receiver_config(settings, wanted or (Subscription("+", settings.qos),), buffer_size)
