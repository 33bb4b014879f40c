"""From the settings to a dispatcher, and from other settings to the same one."""

from otel_tickrmeter.notify.channels import Channel, LogChannel, TelegramChannel, WebhookChannel
from otel_tickrmeter.notify.dispatcher import Dispatcher
from otel_tickrmeter.notify.policy import Policy
from otel_tickrmeter.settings.model import NotificationsSettings

_SECOND_NS = 1_000_000_000


def make_dispatcher(wanted: NotificationsSettings) -> Dispatcher:
    """A dispatcher for these channels; for none, if there is none yet."""
    return Dispatcher(_channels(wanted), Policy(_interval_ns(wanted), wanted.max_per_minute))


def change_dispatcher(dispatcher: Dispatcher, wanted: NotificationsSettings) -> None:
    """Have it go by other settings from now on."""
    dispatcher.use(_channels(wanted), _interval_ns(wanted), wanted.max_per_minute)


def _interval_ns(wanted: NotificationsSettings) -> int:
    return round(wanted.min_interval * _SECOND_NS)


def _channels(wanted: NotificationsSettings) -> list[Channel]:
    channels: list[Channel] = []
    if wanted.log:
        channels.append(LogChannel())
    if wanted.webhook_url is not None:
        channels.append(WebhookChannel(wanted.webhook_url, wanted.webhook_token))
    if wanted.telegram_chat_id is not None and wanted.telegram_token is not None:
        telegram = TelegramChannel(wanted.telegram_url, wanted.telegram_token, wanted.telegram_chat_id)
        channels.append(telegram)
    return channels
