"""Of the dashboard *AutoCore*: whether what devices tell reaches the database, and what waits for it."""

from grafana_foundation_sdk.models.dashboard import Panel

from grafana.panel import figure, timeline, trend
from grafana.query import Query, select


def database() -> tuple[Panel, ...]:
    """Return its panels."""
    return (*_state(), *_writing(), *_waiting())


def _rate(metric: str) -> str:
    return f"rate({select(metric)}[$__rate_interval])"


def _increase(label: str, metric: str) -> str:
    return f"sum by ({label}) (increase({select(metric)}[$__rate_interval])) > 0"


def _state() -> tuple[Panel, ...]:
    size, capacity = select("autocore_queue_size"), select("autocore_queue_capacity")
    oldest = select("autocore_spool_oldest_timestamp_seconds")
    return (
        timeline(
            "Database over time",
            "Whether the database takes rows. While it does not they wait, and nothing is lost before the"
            " spool is full.",
            [Query(f"max by (instance) ({select('autocore_database_up')})", "{{instance}}")],
            states={1: ("Takes rows", "green"), 0: ("Takes none", "red")},
            width=8,
            height=4,
        ),
        figure(
            "Fullest queue",
            "Share of what may wait, of the fullest of the queues. Good: next to nothing.",
            Query(f"max({size} / {capacity})", instant=True),
            unit="percentunit",
            steps=((0.3, "yellow"), (0.8, "red")),
            width=4,
        ),
        figure(
            "Oldest in the spool",
            "How long the row that waits longest has waited. No data: none waits.",
            Query(f"max(time() - {oldest})", instant=True),
            unit="s",
            steps=((60, "yellow"), (3600, "red")),
            width=4,
        ),
        figure(
            "Size of the database",
            "As the database says itself.",
            Query(f"max({select('autocore_database_size_bytes')})", instant=True),
            unit="bytes",
            width=4,
        ),
        figure(
            "Dead letters kept",
            "Messages and rows kept because nothing could be made of them.",
            Query(f"max({select('autocore_dead_letters')})", instant=True),
            steps=((1, "yellow"),),
            width=4,
        ),
    )


def _writing() -> tuple[Panel, ...]:
    bucket = f"sum by (le) ({_rate('autocore_database_write_duration_seconds_bucket')})"
    return (
        trend(
            "Rows written",
            "Per second, by table. Nearly all are readings.",
            [Query(f"sum by (table) ({_rate('autocore_database_rows_written_total')}) > 0", "{{table}}")],
            unit="cps",
            stacked=True,
        ),
        trend(
            "Time to write a batch",
            "Half of the batches, and 95 % of them, took no longer. A batch has a thousand rows at most.",
            [
                Query(f"histogram_quantile({share}, {bucket})", name)
                for share, name in ((0.5, "half"), (0.95, "95 %"))
            ],
            unit="s",
        ),
        trend(
            "What went wrong with the database",
            "By kind. Data: a row was refused, and is a dead letter; all else is tried again. No data: none"
            " did.",
            [Query(_increase("kind", "autocore_database_errors_total"), "{{kind}}")],
            counted=True,
        ),
        trend(
            "Connections to the database",
            "Ours, by whether they are in use. One writes, four may read.",
            [Query(f"sum by (state) ({select('autocore_database_connections')})", "{{state}}")],
            stacked=True,
        ),
    )


def _waiting() -> tuple[Panel, ...]:
    size, capacity = select("autocore_queue_size"), select("autocore_queue_capacity")
    return (
        trend(
            "How full the queues are",
            "Receive: messages that wait to be handled. Write: rows in memory. Spool: rows in files.",
            [Query(f"max by (queue) ({size} / {capacity})", "{{queue}}")],
            unit="percentunit",
        ),
        trend(
            "Lost for want of room",
            "Messages and rows that found no place or gave way. Good: none, ever.",
            [
                Query(
                    f"sum by (queue) (increase({select('autocore_queue_dropped_total')}[$__rate_interval]))",
                    "{{queue}}",
                )
            ],
        ),
        trend(
            "Size of the spool",
            "What waits in files while the database takes none.",
            [Query(f"max({select('autocore_spool_size_bytes')})", "spool")],
            unit="bytes",
        ),
        trend(
            "Dead letters by reason",
            "Messages that were set aside and kept, and rows that the database refused (row). No data: none.",
            [Query(_increase("reason", "autocore_dead_letters_total"), "{{reason}}")],
            counted=True,
        ),
    )
