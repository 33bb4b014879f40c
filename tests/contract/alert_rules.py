"""Where the committed rule files are."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "alerts"
