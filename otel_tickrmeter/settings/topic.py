"""The topic prefix: the levels before every topic of a fleet."""

_LONGEST = 65534
"""Bytes: a topic filter has 65,535 at most, and this one has a "+" behind the prefix."""


def parse_topic_prefix(text: str) -> str:
    """`text` as it is put before a topic: empty, or with a slash at its end.

    A slash is added to a text that has none there. Others stay as they are: in MQTT "a//" is not "a/", it
    has an empty level more.

    Raises:
        ValueError: no topic can begin with it.
    """
    if text.startswith("$"):
        # By `$share` each message goes to one of its subscribers, and its topics do not begin with that.
        raise ValueError('must not begin with "$": no device can publish there')
    prefix = text if not text or text.endswith("/") else f"{text}/"
    if any(mark in prefix for mark in "+#\0") or len(prefix.encode()) > _LONGEST:
        raise ValueError(f"must have no +, # or NUL, and {_LONGEST} bytes at most with a slash at its end")
    return prefix
