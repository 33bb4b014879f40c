"""Links from a value in a panel to the dashboard that shows more about it."""

_KEPT = "${datasource:queryparam}&${job:queryparam}&${instance:queryparam}&${__url_time_range}"


def link_to(uid: str, variable: str, value: str = "__value.raw") -> str:
    """Return the address of a dashboard with `variable` set, and all else as it is here.

    Args:
        uid: Of the dashboard.
        variable: The name of its variable.
        value: Where Grafana takes the value from: the clicked cell, or `__field.labels.NAME` of a series.
    """
    # Grafana itself leaves #, & and + as they are, which symbols may contain.
    return f"/d/{uid}?{_KEPT}&var-{variable}=${{{value}:percentencode}}"
