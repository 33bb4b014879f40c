"""What this program is: its version, and those of what it runs on."""

import platform
from importlib import metadata, resources

from otel_tickrmeter import __version__


def build_labels() -> dict[str, str]:
    """The labels of the build information."""
    # The container build writes the revision into the package; elsewhere there is none to know.
    revision = resources.files("otel_tickrmeter") / "REVISION"
    return {
        "version": __version__,
        "revision": revision.read_text().strip() if revision.is_file() else "unknown",
        "python_version": platform.python_version(),
        "otel_sdk_version": metadata.version("opentelemetry-sdk"),
    }
