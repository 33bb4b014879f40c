"""`python -m alerts`: writes the rule files of this folder anew."""

import argparse
from pathlib import Path

from alerts.document import RUNBOOKS, alert_groups, as_yaml
from alerts.recording import recording_groups
from alerts.windows import Windows

_HERE = Path(__file__).parent


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m alerts", description="Writes the rule files.")
    parser.add_argument("--output", type=Path, default=_HERE, metavar="DIRECTORY", help="where to; here")
    parser.add_argument(
        "--runbooks", default=RUNBOOKS, metavar="URL", help="where docs/runbooks can be read by your people"
    )
    parser.add_argument("--grafana", default="", metavar="URL", help="your Grafana, for links to dashboards")
    options = parser.parse_args()
    for name, text in rule_files(Windows(), options.runbooks, options.grafana.rstrip("/")).items():
        (options.output / name).write_text(text)


def rule_files(windows: Windows, runbooks: str = RUNBOOKS, grafana: str = "") -> dict[str, str]:
    """Return the text of each rule file by its name."""
    return {
        "recording.rules.yaml": as_yaml(recording_groups(windows)),
        "alerts.rules.yaml": as_yaml(alert_groups(windows), runbooks=runbooks, grafana=grafana),
    }


if __name__ == "__main__":
    main()
