"""What a worker is told of the exporter beside which it runs: by its parent, never as an argument."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where work is done.

    Attributes:
        directory: Below which all files of workers are.
        database_url: The database of the exporter; its password may be in it.
        watched_broker: The URL of the broker that the exporter watches.
        allow_watched_broker: Whether workers may publish there.
        settings_files: Those of the exporter, for workers that watch as it does.
        memory_bytes: How much a worker may hold.
    """

    directory: str
    database_url: str
    watched_broker: str
    allow_watched_broker: bool
    settings_files: tuple[str, ...]
    memory_bytes: int
