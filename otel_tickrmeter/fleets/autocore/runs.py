"""Rules of the table at work: read, carried out, counted, and their runs kept."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime

from otel_tickrmeter.catalogue.attributes import AttributeSet
from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.automation.engine import Automation
from otel_tickrmeter.fleets.autocore.automation.parse import RuleError, parse_rule
from otel_tickrmeter.fleets.autocore.automation.permission import Permission
from otel_tickrmeter.fleets.autocore.automation.rule import MAX_RULES, Rule
from otel_tickrmeter.fleets.autocore.automation.run import Run
from otel_tickrmeter.fleets.autocore.reason import RunOutcome
from otel_tickrmeter.fleets.dialect import Level, Workshop
from otel_tickrmeter.notify.notice import Notice, NoticeKind, NoticeSeverity
from otel_tickrmeter.store.keeping import Known, RowKeeper, RuleRow
from otel_tickrmeter.store.rows import AutomationRun
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.stream.ticket import Ticket


class RuleHands:
    """Carries out actions; implements `Hands`.

    Args:
        workshop: Whom to give notices, lines and messages.
        unix_ns: Tells the time, Unix nanoseconds.
    """

    def __init__(self, workshop: Workshop, unix_ns: Callable[[], int]) -> None:
        self._workshop = workshop
        self._unix_ns = unix_ns

    def notify(self, rule: Rule, text: str, severity: str) -> None:
        """Give people notice, if there is anybody to be told."""
        if self._workshop.notifier is not None:
            notice = Notice(
                NoticeKind.RULE, NoticeSeverity(severity), text, _time(self._unix_ns()), about=rule.name
            )
            self._workshop.notifier.put(notice)

    def log(self, rule: Rule, text: str) -> None:
        """Write to the program's log."""
        self._workshop.say("INFO", f"Rule {rule.name!r}: {text}")

    def publish(self, topic: str, payload: str) -> Ticket:
        """Publish."""
        if self._workshop.publish is not None:
            return self._workshop.publish(topic, payload.encode())
        return Ticket.failed("there is no connection to publish by")


class RunRecorder:
    """Counts runs, and has them kept; implements `RunEnds`.

    Args:
        workshop: The instruments, and who ends series.
        keeper: Takes rows.
    """

    def __init__(self, workshop: Workshop, keeper: RowKeeper) -> None:
        self._runs = workshop.recorded.counters[names.AUTOMATION_RUNS]
        self._end_series = workshop.end_series
        self._keeper = keeper
        self._number = 0

    def start_at_zero(self, rule: str) -> None:
        """Show the counters of a rule before they count."""
        for outcome in RunOutcome:
            self._runs.add(0, _labels(rule, outcome))

    def gone(self, rule: str) -> None:
        """End the series of a rule."""
        for outcome in RunOutcome:
            self._end_series(_labels(rule, outcome))

    def ended(self, run: Run, outcome: RunOutcome, ended_unix_ns: int) -> None:
        """Count a run, and keep it."""
        self._runs.add(1, _labels(run.rule.name, outcome))
        self._number += 1
        self._keeper.put(
            AutomationRun(
                f"{self._keeper.instance}-run-{self._number}",
                run.rule.name,
                run.cause,
                _time(run.begun_unix_ns),
                _time(ended_unix_ns),
                outcome.value,
                run.error,
            )
        )


class RuleBook:
    """Reads the rules of the table, as often as they are told; implements `KeptRules`.

    Args:
        automation: Runs them.
        permission: Told which relays no rule may touch.
        recorder: Told which rules there are.
        say: Told what is wrong with one, once.
        critical: Relays that are critical by the settings.
    """

    def __init__(
        self,
        automation: Automation,
        permission: Permission,
        recorder: RunRecorder,
        say: Callable[[Level, str], None],
        critical: frozenset[tuple[str, int]],
    ) -> None:
        self._automation = automation
        self._permission = permission
        self._recorder = recorder
        self._say = say
        self._critical = critical
        # By name: the row as it was read, and the rule that it is; None when it is none.
        self._read: dict[str, tuple[RuleRow, Rule | None]] = {}
        self._shown: set[str] = set()
        # By the tables: what no rule may touch.
        self._barred: frozenset[tuple[str, int]] = frozenset()

    def use(self, critical: frozenset[tuple[str, int]]) -> None:
        """Go by these critical relays of the settings from now on."""
        self._critical = critical
        self._permission.barred = critical | self._barred

    def known(self, known: Known) -> None:
        """Go by what the tables say now."""
        self._barred = known.critical_relays | known.barred_relays
        self._permission.barred = self._critical | self._barred
        rows = known.rules[:MAX_RULES]
        read = {row.name: self._rule(replace(row, last_run_at=None)) for row in rows}
        if len(known.rules) > MAX_RULES and len(self._read) < MAX_RULES:
            self._say("WARNING", f"{len(known.rules)} rules are enabled: only the first {MAX_RULES} run")
        self._read = read
        rules = [rule for _, rule in read.values() if rule is not None]
        self._show({rule.name for rule in rules})
        last_runs = {row.name: row.last_run_at for row in rows if row.last_run_at is not None}
        self._automation.use(rules, {name: _unix_ns(at) for name, at in last_runs.items()})

    @property
    def stopped_until_ns(self) -> int:
        """Until when none may run, since somebody stopped all; monotonic nanoseconds."""
        return self._automation.stopped_until_ns

    def own(self, rules: Iterable[str]) -> None:
        """Take over the series of these: the next look at the table ends those that are no more."""
        self._shown.update(rules)

    def stay_stopped(self, until_ns: int) -> None:
        """Let none run before then: they were stopped before a restart."""
        self._automation.stopped_until_ns = until_ns

    def _rule(self, row: RuleRow) -> tuple[RuleRow, Rule | None]:
        before = self._read.get(row.name)
        if before is not None and before[0] == row:
            return before
        try:
            return row, parse_rule(
                row.name, row.may_publish, row.trigger, row.conditions, row.actions, row.cooldown_seconds
            )
        except RuleError as error:
            self._say("WARNING", f"Rule {row.name!r} does not run: {error}")
            return row, None

    def _show(self, rules: set[str]) -> None:
        for name in sorted(rules - self._shown):
            self._recorder.start_at_zero(name)
        for name in sorted(self._shown - rules):
            self._recorder.gone(name)
        self._shown = rules


def _labels(rule: str, outcome: RunOutcome) -> AttributeSet:
    return AttributeSet(rule=rule, outcome=outcome.value)


def _time(unix_ns: int) -> datetime:
    return datetime.fromtimestamp(unix_ns / SECOND_NS, UTC)


def _unix_ns(at: datetime) -> int:
    return round(at.timestamp() * SECOND_NS)
