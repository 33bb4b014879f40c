"""What part of its fleet an exporter keeps, and alerts that are held back where that has changed.

An exporter that leaves a part of its devices to a new one has fewer of them, and fewer messages, than before.
Nothing is wrong with them: what compares it with its own past must not tell of it.
"""

from alerts.rule import Recording
from alerts.windows import Windows

SHARE = "instance:tickrmeter_partition:ratio"
"""1 for an exporter alone. Recorded, since samples of a week are asked for."""


def share_recording() -> Recording:
    """Return the rule that records it."""
    return Recording(
        SHARE,
        # A handler is told of one partition; those of the topic are what it shares with others.
        "tickrmeter_kafka_partitions_assigned / tickrmeter_kafka_partitions or 1 / tickrmeter_partitions",
    )


def unless_shared_anew(w: Windows, window: str) -> str:
    """Return the end of an expression that holds it back where the share has changed within a window.

    `changes` goes by samples, one after the other: a gap, as when an exporter restarts, hides no change and
    makes none.

    Args:
        w: What makes a window of it.
        window: As far as the expression looks back, its offset included.
    """
    return f" unless on (job, instance) changes({SHARE}[{w(window)}]) > 0"
