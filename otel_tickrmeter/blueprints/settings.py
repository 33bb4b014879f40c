"""The settings of the exporter beside which a job works."""

import os
import secrets
from pathlib import Path
from typing import TYPE_CHECKING

from otel_tickrmeter.jobs.surroundings import Surroundings

if TYPE_CHECKING:
    from otel_tickrmeter.settings.model import Settings


def settings_of(surroundings: Surroundings) -> "Settings":
    """Read its files and its environment, as it does.

    Raises:
        SettingsError: They are at fault by now.
    """
    from otel_tickrmeter.configuration import load_settings

    files = [Path(file) for file in surroundings.settings_files]
    return load_settings(files, {}, dict(os.environ), Path.cwd(), secrets.token_hex(4))
