"""`python -m grafana`: writes the dashboards of this folder anew."""

from pathlib import Path

from grafana.autocore import autocore
from grafana.backend import backend
from grafana.device_health import device_health
from grafana.exporter import exporter
from grafana.jobs import jobs
from grafana.one_device import one_device

DIRECTORY = Path(__file__).parent / "dashboards"


def main() -> None:
    """Run the command."""
    DIRECTORY.mkdir(exist_ok=True)
    for uid, text in dashboards().items():
        (DIRECTORY / f"{uid}.json").write_text(text)


def dashboards() -> dict[str, str]:
    """Return every dashboard as JSON, by its uid."""
    made = (backend(), device_health(), one_device(), exporter(), autocore(), jobs())
    return {dashboard.uid: dashboard.json for dashboard in made}


if __name__ == "__main__":
    main()
