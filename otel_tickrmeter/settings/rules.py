"""What must hold between settings that are each right by themselves."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from otel_tickrmeter.settings.broker import parse_broker_url
from otel_tickrmeter.settings.faults import Fault
from otel_tickrmeter.settings.key import Rule
from otel_tickrmeter.settings.loopback import is_loopback_host


def _encrypted(broker: str) -> bool:
    return parse_broker_url(broker).tls


def _needs_tls(key: str) -> Rule:
    return Rule(
        (key, "mqtt.broker"),
        lambda value, broker: not value or _encrypted(broker),
        "has no effect without TLS: mqtt.broker must be mqtts://, ssl:// or wss://",
    )


OURS = frozenset(
    {
        *("bootstrap.servers", "metadata.broker.list", "client.id", "sasl.username", "sasl.password"),
        *("acks", "request.required.acks", "enable.idempotence", "message.timeout.ms"),
        *("delivery.timeout.ms", "group.id", "group.instance.id", "group.protocol", "enable.auto.commit"),
        *("enable.auto.offset.store", "auto.offset.reset", "partition.assignment.strategy"),
        *("enable.partition.eof", "isolation.level", "transactional.id"),
    }
)
"""Properties of librdkafka that are not for operators to set: exactness rests on them, or a key has them."""
_TELEGRAM = "notifications.telegram_chat_id needs a token, and a token a chat id"

NOTICE_RULES = (
    *(
        Rule(
            (f"notifications.{channel}_token_file", f"notifications.{channel}_token"),
            lambda file, token: file is None or token is None,
            f"must not be given together with notifications.{channel}_token",
        )
        for channel in ("webhook", "telegram")
    ),
    *(
        Rule(
            (f"notifications.{key}", "notifications.webhook_url"),
            lambda token, url: token is None or url is not None,
            "needs notifications.webhook_url",
        )
        for key in ("webhook_token", "webhook_token_file")
    ),
    Rule(
        (
            "notifications.telegram_chat_id",
            "notifications.telegram_token",
            "notifications.telegram_token_file",
        ),
        lambda chat, token, file: (chat is None) == (token is None and file is None),
        _TELEGRAM,
    ),
)

INPUT_RULES = (
    Rule(
        ("mqtt.password_file", "mqtt.password"),
        lambda file, password: file is None or password is None,
        "must not be given together with mqtt.password",
    ),
    Rule(
        ("mqtt.password", "mqtt.username"),
        lambda password, username: password is None or username is not None,
        # paho leaves the password out when there is no user name, and says nothing.
        "needs mqtt.username",
    ),
    Rule(
        ("mqtt.password_file", "mqtt.username"),
        lambda file, username: file is None or username is not None,
        "needs mqtt.username",
    ),
    *(
        _needs_tls(f"mqtt.tls.{key}")
        for key in ("ca_file", "cert_file", "key_file", "key_password_file", "server_name", "insecure")
    ),
    Rule(
        ("mqtt.tls.cert_file", "mqtt.tls.key_file"),
        lambda cert, key: (cert is None) == (key is None),
        "mqtt.tls.cert_file and mqtt.tls.key_file need each other",
    ),
    Rule(
        ("mqtt.tls.key_password_file", "mqtt.tls.key_file"),
        lambda password, key: password is None or key is not None,
        "needs mqtt.tls.key_file",
    ),
    Rule(
        ("messages.dead_letter_file", "logging.file"),
        lambda letters, log: letters is None or letters != log,
        "must not be the same file as logging.file",
    ),
    Rule(
        ("capture.file", "logging.file", "messages.dead_letter_file"),
        lambda capture, log, letters: capture is None or capture not in {log, letters},
        "must not be the same file as logging.file or messages.dead_letter_file",
    ),
    Rule(
        ("mqtt.reconnect.min_delay", "mqtt.reconnect.max_delay"),
        lambda least, most: least <= most,
        "mqtt.reconnect.min_delay must not be above mqtt.reconnect.max_delay",
    ),
)
"""About `[mqtt]`, `[messages]` and `[capture]`."""


JOB_RULES = (
    Rule(
        (
            "dagda.tokens_file",
            "dagda.enabled",
            "prometheus.web_config_file",
            "prometheus.host",
            "prometheus.systemd_socket",
        ),
        # What systemd listens on is not known yet; it is looked at when the socket is there.
        lambda tokens, enabled, web, host, handed: (
            tokens is None or not enabled or web is not None or handed or is_loopback_host(host)
        ),
        "needs TLS, or tokens go over the network for all to read: "
        'give prometheus.web_config_file, or prometheus.host = "127.0.0.1"',
    ),
)
"""About `[dagda]`."""

KAFKA_RULES = (
    Rule(
        ("kafka.password_file", "kafka.password"),
        lambda file, password: file is None or password is None,
        "must not be given together with kafka.password",
    ),
    Rule(
        ("kafka.username", "kafka.password", "kafka.password_file"),
        lambda username, password, file: (username is None) == (password is None and file is None),
        "kafka.username needs a password, and a password a user name",
    ),
    Rule(
        ("kafka.properties",),
        lambda properties: not OURS & (properties or {}).keys(),
        f"must not have what this program sets itself: {', '.join(sorted(OURS))}",
    ),
    Rule(
        ("kafka.role", "partition.count"),
        lambda role, count: not role or count == 1,
        "cannot be used with partition.count above 1: the handlers share the fleet among themselves",
    ),
    Rule(
        ("kafka.role", "state.file"),
        lambda role, state: not role or state is None,
        "cannot be used with state.file: which devices a handler keeps changes while it runs",
    ),
    *(
        Rule(
            ("kafka.role", key),
            lambda role, given: role != "receiver" or not given,
            f"cannot be receiver with {key}: a receiver handles no messages",
        )
        for key in ("capture.file", "messages.dead_letter_file")
    ),
    Rule(
        ("kafka.role", "prometheus.reader"),
        lambda role, reader: role != "handler" or reader == "compact",
        'cannot be handler with prometheus.reader = "stock": offsets are committed for what a snapshot shows',
    ),
)
"""About `[kafka]`."""

OUTPUT_RULES = (
    Rule(
        ("partition.index", "partition.count"),
        lambda index, count: index < count,
        "must be below partition.count: the first has 0",
    ),
    Rule(
        ("otlp.tls.cert_file", "otlp.tls.key_file", "otlp.enabled"),
        lambda cert, key, enabled: not enabled or (cert is None) == (key is None),
        "otlp.tls.cert_file and otlp.tls.key_file need each other",
    ),
    *(
        Rule(
            (f"otlp.{endpoint}", "otlp.protocol", f"otlp.{switch}"),
            lambda endpoint, protocol, on: (
                not on or endpoint is None or "://" in endpoint or protocol != "http/protobuf"
            ),
            'must start with http:// or https:// when otlp.protocol is "http/protobuf"',
        )
        for endpoint, switch in (
            ("endpoint", "enabled"),
            ("traces_endpoint", "traces"),
            ("logs_endpoint", "logs"),
        )
    ),
    *(
        Rule((f"otlp.{signal}", "otlp.enabled"), lambda on, enabled: enabled or not on, "needs otlp.enabled")
        for signal in ("traces", "logs")
    ),
)
"""About `[partition]`, `[prometheus]` and `[otlp]`."""


def broken_rules(
    values: Mapping[str, Any], locate: Callable[[str], str | None], rules: Iterable[Rule]
) -> tuple[Fault, ...]:
    """A fault for each rule that `values` break; rules about a key that is missing (it was at fault) rest."""
    faults = []
    for rule in rules:
        if all(key in values for key in rule.keys) and not rule.holds(*(values[key] for key in rule.keys)):
            given = next((key for key in rule.keys if locate(key)), rule.keys[0])
            faults.append(Fault(locate(given) or "built-in default", given, rule.message))
    return tuple(faults)
