"""Every secret that the settings hold, to be masked wherever text goes."""

from otel_tickrmeter.settings.database import password_in
from otel_tickrmeter.settings.model import Settings


def known_secrets(settings: Settings) -> tuple[str, ...]:
    """The secrets as they are, none of them empty."""
    notifications = settings.notifications
    found = (
        settings.mqtt.password,
        settings.mqtt.broker.partition("?")[2],
        settings.kafka.password,
        *(
            text
            for name, text in (settings.kafka.properties or {}).items()
            if "password" in name or "secret" in name
        ),
        password_in(settings.database.url or ""),
        *(settings.otlp.headers or {}).values(),
        *(text for otlp in settings.signals.values() for text in (otlp.headers or {}).values()),
        notifications.webhook_url,
        notifications.webhook_token,
        notifications.telegram_token,
    )
    return tuple(secret for secret in found if secret)
