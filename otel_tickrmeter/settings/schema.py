"""The program's own keys of the settings: kind and meaning. The defaults are those of the records in `model`.

A fleet's keys stand beside the fleet. What is said here once, the loader, `check-config`, `settings.toml` and
docs/settings.md all read.
"""

from otel_tickrmeter.settings import kinds
from otel_tickrmeter.settings.database import DEFAULT_DATABASE_URL
from otel_tickrmeter.settings.key import Key
from otel_tickrmeter.settings.kinds import DURATION, choice, duration, integer
from otel_tickrmeter.settings.model import MOST_SHARDS

MAX_PARTITIONS = 1024
"""Each of them hears everything: long before so many the broker has enough of it."""
MAX_LOG_PARTITIONS = 1024
"""Of a topic: each has a record of its own five times a second."""

_LEVELS = ("TRACE", "DEBUG", "INFO", "SUCCESS", "WARNING", "ERROR", "CRITICAL")

BROKER_KEYS = (
    Key("mqtt.broker", kinds.BROKER, "Broker: mqtt:// or tcp://, mqtts:// or ssl://, ws://, wss://."),
    Key("mqtt.username", kinds.NAME, "User name at the broker.", '"exporter"', variable="MQTT_USERNAME"),
    Key(
        "mqtt.password",
        kinds.TEXT,
        "Password at the broker; better in .secrets.toml or password_file.",
        '"secret"',
        secret=True,
        variable="MQTT_PASSWORD",
    ),
    Key(
        "mqtt.password_file",
        kinds.PATH,
        "File that holds the password; read at each attempt to connect.",
        '"/run/secrets/mqtt"',
    ),
    Key(
        "mqtt.client_id",
        kinds.NAME,
        "Client id; must differ between exporters on one broker.",
        '"otel-tickrmeter-1"',
        "otel-tickrmeter- and the host's name, with -PORT unless prometheus.port is 9464",
    ),
    Key(
        "mqtt.protocol",
        choice("auto", "5", "3.1.1"),
        "MQTT version: 5, 3.1.1, or auto for 3.1.1 where the broker refuses 5.",
    ),
    Key("mqtt.qos", integer(0, 2), "Quality of service of the subscription: 0, 1 or 2."),
    Key(
        "mqtt.clean_session", kinds.BOOL, "Start clean; false lets the broker queue for us while we are away."
    ),
    # MQTT carries the interval as whole seconds in sixteen bits, and takes 0 for "never".
    Key(
        "mqtt.keepalive",
        duration(1, 65535, whole=True),
        "A broker that is silent for this long is given up; it is asked each second.",
        variable="MQTT_KEEPALIVE",
    ),
)
"""Of `[mqtt]`: the broker and the session with it."""

LINK_KEYS = (
    Key(
        "mqtt.tls.ca_file",
        kinds.PATH,
        "Certificates to trust.",
        '"/etc/ssl/broker-ca.pem"',
        "system trust store",
    ),
    Key(
        "mqtt.tls.cert_file",
        kinds.PATH,
        "Our certificate, for mutual TLS.",
        '"/etc/otel-tickrmeter/client.pem"',
    ),
    Key(
        "mqtt.tls.key_file",
        kinds.PATH,
        "Private key of our certificate.",
        '"/etc/otel-tickrmeter/client.key"',
    ),
    Key(
        "mqtt.tls.key_password_file",
        kinds.PATH,
        "File that holds the password of the private key.",
        '"/run/secrets/mqtt-key"',
    ),
    Key(
        "mqtt.tls.server_name",
        kinds.HOST,
        "Name the broker's certificate must carry.",
        '"broker.example.org"',
        "the broker's host",
    ),
    Key("mqtt.tls.insecure", kinds.BOOL, "Accept any certificate: for tests only."),
    Key(
        "mqtt.reconnect.min_delay",
        DURATION,
        "First wait before another attempt to connect.",
        variable="MQTT_MONITOR_RECONNECT_DELAY",
    ),
    Key("mqtt.reconnect.max_delay", DURATION, "Longest wait before another attempt to connect."),
)
"""Of `[mqtt.tls]` and `[mqtt.reconnect]`."""

LETTER_KEYS = (
    Key(
        "messages.dead_letter_file",
        kinds.PATH,
        "File that keeps every message that was set aside, as JSON lines.",
        '"/var/log/otel-tickrmeter/dead-letters.jsonl"',
    ),
    Key("messages.dead_letter_max_size", kinds.SIZE, "Size at which a new dead-letter file is begun."),
    Key(
        "messages.dead_letter_files",
        integer(0, 1000),
        "Full dead-letter files that are kept, as FILE.1, FILE.2 and so on.",
    ),
)
"""Of `[messages]`: the dead-letter file."""

CAPTURE_KEYS = (
    Key(
        "capture.file",
        kinds.PATH,
        "File that keeps all that arrives, for `replay`.",
        '"/var/tmp/capture.gz"',
    ),
    Key("capture.max_size", kinds.SIZE, "Size at which a new file is begun."),
    Key("capture.files", integer(0, 1000), "Full files that are kept, as FILE.1, FILE.2 and so on."),
)
"""Of `[capture]`: what is kept to be played again."""

STATE_KEYS = (
    Key(
        "state.file",
        kinds.PATH,
        "File in which what is known of fleets, and what was counted, outlasts a restart.",
        '"/var/lib/otel-tickrmeter/state.db"',
    ),
    Key("state.interval", duration(0.1, 86_400), "How often it is saved; it also is at every stop."),
    Key(
        "state.counters_after_crash",
        choice("saved", "zero"),
        "Where counters go on when no stop saved them: at zero, as Prometheus expects, or as saved last.",
    ),
)
"""Of `[state]`: what outlasts a restart."""

DATABASE_KEYS = (
    Key(
        "database.url",
        kinds.TEXT,
        "Where a fleet keeps its rows: sqlite:///FILE or postgresql://user:password@host/database.",
        '"postgresql://monitor:secret@db.example/autocore?sslmode=require"',
        f"{DEFAULT_DATABASE_URL}, in the working directory",
        secret=True,
        variable="DATABASE_URL",
    ),
    Key(
        "database.spool",
        kinds.PATH,
        "Directory that rows wait in while the database takes none; made if it is not there.",
    ),
    Key("database.spool_max_size", kinds.SIZE, "Size at which the oldest readings in the spool give way."),
    Key(
        "database.journal",
        kinds.BOOL,
        "Write down in the spool's directory what arrives: a crash loses no row then, and writes none twice.",
    ),
)
"""Of `[database]`: where a fleet keeps its rows, if it keeps any."""

NOTICE_KEYS = (
    Key("notifications.log", kinds.BOOL, "Write notices to the log.", reload=True),
    Key(
        "notifications.webhook_url",
        kinds.WEB_ADDRESS,
        "Post notices as JSON to this address.",
        '"https://hooks.example/autocore"',
        secret=True,
        reload=True,
    ),
    Key(
        "notifications.webhook_token",
        kinds.TOKEN,
        "Bearer token of the webhook; better in .secrets.toml or webhook_token_file.",
        '"secret"',
        secret=True,
        reload=True,
    ),
    Key(
        "notifications.webhook_token_file",
        kinds.PATH,
        "File that holds it.",
        '"/run/secrets/webhook"',
        reload=True,
    ),
    Key(
        "notifications.telegram_chat_id",
        kinds.NAME,
        "Send notices to this chat of Telegram.",
        '"-1001234"',
        reload=True,
    ),
    Key(
        "notifications.telegram_token",
        kinds.TOKEN,
        "Token of the bot; better in .secrets.toml or telegram_token_file.",
        '"secret"',
        secret=True,
        reload=True,
    ),
    Key(
        "notifications.telegram_token_file",
        kinds.PATH,
        "File that holds it.",
        '"/run/secrets/telegram"',
        reload=True,
    ),
    Key("notifications.telegram_url", kinds.WEB_ADDRESS, "Address of the Bot API.", reload=True),
    Key(
        "notifications.min_interval",
        DURATION,
        "Notices about the same thing go out this far apart.",
        reload=True,
    ),
    Key(
        "notifications.max_per_minute",
        integer(1, 10_000),
        "Beyond this, notices of a minute become one digest.",
        reload=True,
    ),
)
"""Of `[notifications]`: who is told at once, by fleets that have something to tell."""

JOB_KEYS = (
    Key("dagda.enabled", kinds.BOOL, "Run the job controller."),
    Key(
        "dagda.shards",
        integer(1, MOST_SHARDS),
        "Processes that look after jobs, ten each, at most.",
        "2",
        f"the processors but one, 1 to {MOST_SHARDS}",
    ),
    Key("dagda.directory", kinds.PATH, "Directory of all files of jobs; made if it is not there."),
    Key(
        "dagda.tokens_file",
        kinds.PATH,
        "Who may ask for jobs over HTTP: names, roles and hashes of tokens.",
        '"/etc/otel-tickrmeter/tokens"',
        "nobody",
    ),
    Key("dagda.max_duration", DURATION, "A job that runs, or waits to run, for longer is ended."),
    Key("dagda.worker_memory", kinds.SIZE, "A job that needs more memory fails."),
    Key(
        "dagda.allow_watched_broker", kinds.BOOL, "Let jobs publish to the broker that the exporter watches."
    ),
)
"""Of `[dagda]`: the job controller."""

OUTPUT_KEYS = (
    Key("prometheus.host", kinds.HOST, "Address to listen on."),
    Key("prometheus.port", integer(0, 65535), "Port to listen on; 0 takes any free one."),
    Key(
        "prometheus.systemd_socket",
        kinds.BOOL,
        "Serve on the socket that systemd hands over, in the place of host and port.",
    ),
    Key("prometheus.path", kinds.HTTP_PATH, "Path of the exposition."),
    Key(
        "prometheus.enable_reload",
        kinds.BOOL,
        "Whether POST /-/reload has the settings read again, as SIGHUP does.",
        reload=True,
    ),
    Key("prometheus.scope_labels", kinds.BOOL, "Add the otel_scope_* labels to every series."),
    Key(
        "prometheus.web_config_file",
        kinds.PATH,
        "TLS and basic auth of the HTTP server: a file as the exporter-toolkit has it.",
        '"web.yml"',
    ),
    Key(
        "prometheus.runbooks_url",
        kinds.WEB_ADDRESS,
        "Where the folder docs/runbooks is published: the page links there.",
        '"https://git.example/otel-tickrmeter/docs/runbooks"',
        "the page names file and section",
    ),
    Key(
        "prometheus.refresh_interval",
        duration(0.1, 3600),
        "Age an exposition may reach before a new one is made.",
        '"5s"',
        '5s, or 1s with metrics.detail "symbol"',
    ),
    Key("prometheus.reader", choice("compact", "stock"), '"stock" serves through the SDK\'s own reader.'),
    Key("otlp.enabled", kinds.BOOL, "Also push the metrics with OTLP."),
    Key(
        "otlp.endpoint", kinds.ENDPOINT, "Collector to push to.", '"http://localhost:4317"', "OpenTelemetry's"
    ),
    Key(
        "otlp.protocol",
        choice("grpc", "http/protobuf"),
        "OTLP over gRPC or HTTP.",
        '"grpc"',
        "OpenTelemetry's",
    ),
    Key(
        "otlp.headers",
        kinds.HEADERS,
        "Headers sent with every push.",
        '{authorization = "Bearer token"}',
        "OpenTelemetry's",
        secret=True,
    ),
    Key("otlp.interval", DURATION, "Time between two pushes.", '"60s"', "OpenTelemetry's"),
    Key("otlp.timeout", DURATION, "Time a push may take.", '"30s"', "OpenTelemetry's"),
    Key(
        "otlp.request_timeout",
        DURATION,
        "Time one request of a push may take; a full fleet needs many.",
        '"10s"',
        "otlp.timeout, or OpenTelemetry's",
    ),
    Key(
        "otlp.temporality",
        choice("cumulative", "delta", "lowmemory"),
        'What pushed figures count from: the start, or the last push ("lowmemory": not what is observed).',
    ),
    Key("otlp.compression", choice("none", "gzip"), "Compression of pushes."),
    Key("otlp.insecure", kinds.BOOL, "No TLS where the endpoint has no scheme; gRPC only."),
    Key("otlp.traces", kinds.BOOL, "Also send a trace of slow and of unanswered requests."),
    Key("otlp.traces_slower_than", DURATION, "Requests that were answered faster are not traced."),
    Key("otlp.traces_per_second", integer(1, 1000), "Traces in a second, at most."),
    Key(
        "otlp.traces_endpoint",
        kinds.ENDPOINT,
        "Collector to send traces to.",
        '"http://localhost:4317"',
        "otlp.endpoint, on the path of traces",
    ),
    Key("otlp.logs", kinds.BOOL, "Also send the log."),
    Key(
        "otlp.logs_endpoint",
        kinds.ENDPOINT,
        "Collector to send the log to.",
        '"http://localhost:4317"',
        "otlp.endpoint, on the path of logs",
    ),
    Key(
        "otlp.tls.ca_file",
        kinds.PATH,
        "Certificates to trust.",
        '"/etc/ssl/collector-ca.pem"',
        "the usual authorities",
    ),
    Key(
        "otlp.tls.cert_file",
        kinds.PATH,
        "Our certificate, for mutual TLS with the collector.",
        '"/etc/otel-tickrmeter/collector.pem"',
    ),
    Key(
        "otlp.tls.key_file",
        kinds.PATH,
        "Private key of that certificate.",
        '"/etc/otel-tickrmeter/collector.key"',
    ),
    Key(
        "logging.level",
        choice(*_LEVELS, upper=True),
        "Least level that is logged.",
        variable="MQTT_MONITOR_LOG_LEVEL",
        reload=True,
    ),
    Key("logging.format", choice("text", "json"), '"text" for people, "json" for machines.'),
    Key("logging.file", kinds.PATH, "File to log to.", '"/var/log/otel-tickrmeter.log"', "standard error"),
    Key("logging.rotation", kinds.SIZE, "Size at which a new log file is begun."),
    Key("logging.retention", DURATION, "Age at which an old log file is deleted."),
    Key("performance.buffer_size", integer(1, 10_000_000), "Messages that may wait to be processed."),
    Key(
        "performance.remembered_devices",
        integer(1_000, 10_000_000),
        "Devices, of the whole fleet, of which is remembered whose they are, where exporters share it.",
    ),
    Key("performance.workers", integer(1, 1024), "Accepted from older files; has no effect.", "4"),
    Key(
        "partition.index",
        integer(0, MAX_PARTITIONS - 1),
        "Which part of the fleet this exporter keeps, from 0; its client id ends with it.",
    ),
    Key(
        "partition.count",
        integer(1, MAX_PARTITIONS),
        "Exporters that share the fleet; the same for all of them.",
    ),
    Key(
        "kafka.role",
        choice("", "receiver", "handler"),
        "receiver: what is heard goes to Kafka; handler: what is handled comes from there.",
    ),
    Key("kafka.brokers", kinds.ADDRESSES, "Brokers of Kafka to begin with, as HOST:PORT."),
    Key("kafka.topic", kinds.KAFKA_NAME, "Topic between receiver and handlers; each receiver has its own."),
    Key("kafka.group", kinds.KAFKA_NAME, "Consumer group of the handlers of one topic."),
    Key(
        "kafka.partitions",
        integer(1, MAX_LOG_PARTITIONS),
        "Partitions of the topic, which is made with so many; the most handlers that there can be.",
    ),
    Key("kafka.username", kinds.NAME, "User name at Kafka (SASL).", '"exporter"'),
    Key(
        "kafka.password",
        kinds.NAME,
        "Password at Kafka; better in .secrets.toml or password_file.",
        '"secret"',
        secret=True,
    ),
    Key("kafka.password_file", kinds.PATH, "File that holds the password.", '"/run/secrets/kafka"'),
    Key(
        "kafka.properties",
        kinds.HEADERS,
        "Further properties of librdkafka, such as those of TLS.",
        '{"security.protocol" = "SSL", "ssl.ca.location" = "/etc/ssl/kafka-ca.pem"}',
        secret=True,
    ),
)
"""Of `[prometheus]`, `[otlp]`, `[logging]`, `[performance]`, `[partition]` and `[kafka]`."""
