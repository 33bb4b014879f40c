"""paho's client, over a socket of ours."""

import math
from collections.abc import Callable, Iterable

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.subscribeoptions import SubscribeOptions

from otel_tickrmeter.mqtt.config import ReceiverConfig
from otel_tickrmeter.mqtt.stream_socket import StreamSocket
from otel_tickrmeter.mqtt.tap import Tap
from otel_tickrmeter.mqtt.version import Version
from otel_tickrmeter.stream.subscription import Subscription

SESSION_EXPIRY_SECONDS = 3600
"""How long an MQTT 5 broker keeps a session for us when `clean_session` is off; without it, not at all."""


class TappedClient(Client):
    """Connects by `reconnect`, through what `make_tap` gives.

    `_create_socket` is the one private name of paho we rely on. If a release renames it, paho opens a
    socket of its own; `Link.open` notices, and every test of tests/integration/test_mqtt_feed.py fails.
    """

    def __init__(
        self, config: ReceiverConfig, version: Version, make_tap: Callable[[], Tap | StreamSocket]
    ) -> None:
        mqtt5 = version == "5"
        super().__init__(
            CallbackAPIVersion.VERSION2,
            client_id=config.client_id,
            clean_session=None if mqtt5 else config.clean_session,
            protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
            reconnect_on_failure=False,  # else a refused MQTT 3.1.1 is tried again, blocking, as 3.1
        )
        self._make_tap = make_tap
        self.version = version
        if config.username is not None or config.password is not None:
            self.username_pw_set(config.username, config.password)
        keepalive = math.ceil(config.keepalive)
        if not mqtt5:
            self.connect_async(config.host, config.port, keepalive)
            return
        properties = None
        # Only where it must be: a broker that speaks 3.1.1 alone may take them for the length of a client id,
        # wait for the rest of it, and never refuse MQTT 5 (amqtt).
        if not config.clean_session:
            properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]  # paho's
            properties.SessionExpiryInterval = SESSION_EXPIRY_SECONDS
        # Said outright: paho's default is a clean start at the first connect only.
        self.connect_async(
            config.host, config.port, keepalive, clean_start=config.clean_session, properties=properties
        )

    def ask_for(self, subscriptions: Iterable[Subscription]) -> int | None:
        """Subscribe, in one packet; returns its id."""
        if self.version == "5":
            _, packet_id = self.subscribe(
                [(topic_filter, SubscribeOptions(qos)) for topic_filter, qos in subscriptions]
            )
        else:
            _, packet_id = self.subscribe([(topic_filter, qos) for topic_filter, qos in subscriptions])
        return packet_id

    def _create_socket(self) -> Tap | StreamSocket:
        return self._make_tap()
