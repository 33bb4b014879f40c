"""What the figures were taken on: they mean little without."""

import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

_ROOT = Path(__file__).parent.parent
_UNKNOWN = "unknown"


def facts(date: str, *, quick: bool) -> dict[str, str]:
    """Describe the machine and the software, in the order of the report."""
    return {
        "date": date,
        "revision": _revision(),
        "scale": "quick: sizes far too small for the targets" if quick else "full",
        "machine": f"{_processor()}, {os.cpu_count()} CPUs, {_memory_gb():.0f} GB",
        "load before": " ".join(f"{load:.2f}" for load in os.getloadavg()),
        "kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {metadata.version(name)}" for name in _libraries()),
        "Mosquitto": _mosquitto(),
    }


def _libraries() -> list[str]:
    # Those that the exporter itself needs, and prometheus-client, in which the stock path spends its time.
    needed = [
        re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
        for requirement in metadata.requires("otel-tickrmeter") or ()
        if "extra ==" not in requirement
    ]
    return sorted([*needed, "prometheus-client"], key=str.lower)


def _revision() -> str:
    git = shutil.which("git")
    if git is None:
        return _UNKNOWN
    described = subprocess.run(  # noqa: S603  git, found on the path
        [git, "describe", "--always", "--dirty", "--abbrev=12"],
        cwd=_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or _UNKNOWN


def _processor() -> str:
    model = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return model[1] if model else platform.machine()


def _memory_gb() -> float:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9


def _mosquitto() -> str:
    mosquitto = shutil.which("mosquitto")
    if mosquitto is None:
        return "not installed"
    # It has no option for its version alone; the help, which it ends with exit code 1, begins with it.
    said = subprocess.run([mosquitto, "-h"], capture_output=True, text=True, check=False)  # noqa: S603
    version = re.search(r"version (\S+)", said.stdout)
    return version[1] if version else _UNKNOWN
