"""What a rule says, as records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ONE_FLEET = "job, namespace, fleet"
"""Labels that tell fleets apart: Kubernetes adds the second; the third is given to targets that need it."""


class Severity(StrEnum):
    """How soon somebody has to look."""

    CRITICAL = "critical"
    """Now, at night too: figures or service are lost."""

    WARNING = "warning"
    """Within the working day."""

    INFO = "info"
    """Nobody has to."""


class Subject(StrEnum):
    """What is wrong, so that Alertmanager can tell a cause from what follows from it (label `component`)."""

    EXPORTER = "exporter"
    BACKEND = "backend"
    DEVICES = "devices"
    AUTOCORE = "autocore"
    JOBS = "jobs"


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording rule; `record` is named `level:metric:operation`."""

    record: str
    expression: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Alert:
    """An alert rule.

    `hold` is how long the expression must hold (`for`), empty for not at all. `summary` is one sentence,
    which names the symbol or firmware, as a template; `description` is one too. `dashboard` is the path of
    the dashboard that shows it, with its query string, also a template. `labels` come on top of severity and
    component. `linger` is how long the alert goes on when the expression holds no more (`keep_firing_for`):
    for one that inhibits others, as long as what it explains needs to end. `whole`: it is about all exporters
    of a fleet together, so that it has no label of one, and is evaluated where all of them are seen.
    """

    name: str
    expression: str
    severity: Severity
    subject: Subject
    summary: str
    description: str
    dashboard: str
    hold: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    linger: str = ""
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Group:
    """Rules evaluated one after the other, every `interval`; empty for the server's own interval."""

    name: str
    rules: tuple[Recording | Alert, ...]
    interval: str = ""
