"""What is asked of the broker: topic filters, each with a quality of service."""

from typing import NamedTuple


class Subscription(NamedTuple):
    """A topic filter, with `+` and `#` as MQTT has them, and the most its messages are to be delivered at."""

    topic_filter: str
    qos: int


def overlap(one: str, other: str) -> bool:
    """Whether a topic can match both filters; a broker may deliver its messages twice then."""
    ours, theirs = one.split("/"), other.split("/")
    for mine, yours in zip(ours, theirs, strict=False):
        if "#" in (mine, yours):
            return True
        if mine != yours and "+" not in (mine, yours):
            return False
    # "a/#" matches "a" too.
    longer = max(ours, theirs, key=len)[min(len(ours), len(theirs)) :]
    return not longer or longer == ["#"]
