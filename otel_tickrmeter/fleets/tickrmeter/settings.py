"""The fleet's keys of the settings, and what must hold between them.

The defaults are those of the records in `settings/model.py`.
"""

from otel_tickrmeter.settings import kinds
from otel_tickrmeter.settings.key import Key, Rule
from otel_tickrmeter.settings.kinds import DURATION, choice, integer
from otel_tickrmeter.settings.model import DEFAULT_FIELDS

DEVICE_ID_KEYS = (
    Key(
        "mqtt.device_id_form",
        choice("mac", "exact"),
        '"mac" makes one id of its spellings: upper case, no separators. "exact" takes ids as they are.',
    ),
    Key(
        "mqtt.device_id_pattern",
        kinds.PATTERN,
        "Regular expression that every device id matches, in the form above.",
    ),
)
"""Of `[mqtt]`: what a device id is."""

FIELD_KEYS = tuple(
    Key(f"messages.fields.{reading}", kinds.NAMES, f"Payload fields that carry {reading}, first found wins.")
    for reading in DEFAULT_FIELDS
)
"""Of `[messages.fields]`: how the readings of a heartbeat are spelled."""

MONITORING_KEYS = (
    Key("monitoring.request_timeout", DURATION, "A request unanswered for this long has timed out."),
    Key("monitoring.device_timeout", DURATION, "A device unseen for this long leaves every series."),
    Key("monitoring.cleanup_interval", DURATION, "How often what has expired is removed."),
    Key("monitoring.max_latency_samples", integer(1, 100_000), "Outcomes kept for each symbol's window."),
    Key("monitoring.latency_window", DURATION, "Age at which an outcome leaves the window."),
    Key("monitoring.symbol_retention", DURATION, "A little-used symbol idle for this long is removed."),
    Key("monitoring.min_ranked_requests", integer(1, 1_000_000), "Outcomes a symbol needs to be ranked."),
    Key("monitoring.ranking_size", integer(1, 100), "Symbols in the ranking of the slowest."),
    Key("monitoring.max_devices", integer(1, 1_000_000), "Devices admitted at one time."),
    Key("monitoring.max_symbols", integer(1, 1_000_000), "Symbols admitted at one time."),
    Key("monitoring.max_pairs", integer(1, 10_000_000), "Pairs of device and symbol remembered at one time."),
    Key(
        "monitoring.max_device_symbols",
        integer(1, 10_000),
        "Symbols of one device remembered at one time; its longest unused one gives way.",
    ),
    Key(
        "metrics.detail", choice("device", "symbol"), '"device" has series for each device, "symbol" has not.'
    ),
)
"""Of `[monitoring]` and `[metrics]`: bounds of the state, and what is shown of it."""

RULES = (
    Rule(
        ("monitoring.device_timeout", "monitoring.request_timeout"),
        lambda device, request: device >= request,
        "monitoring.device_timeout must not be below monitoring.request_timeout: "
        "a device must not leave while its request can still be answered",
    ),
)
