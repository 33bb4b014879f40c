"""Rules of the table at work: read, carried out, counted, and their runs kept."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import compress

import pytest

from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.automation.engine import Automation
from otel_tickrmeter.fleets.autocore.automation.permission import Permission
from otel_tickrmeter.fleets.autocore.automation.rule import MAX_RULES
from otel_tickrmeter.fleets.autocore.catalogue.messages import messages
from otel_tickrmeter.fleets.autocore.reason import RunOutcome
from otel_tickrmeter.fleets.autocore.runs import RuleBook, RuleHands, RunRecorder
from otel_tickrmeter.fleets.dialect import Workshop
from otel_tickrmeter.notify.notice import Notice, NoticeKind, NoticeSeverity
from otel_tickrmeter.store.keeping import Known, RuleRow
from otel_tickrmeter.store.rows import AutomationRun
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.ticket import Ticket
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import NumberFamily
from otel_tickrmeter.telemetry.registration import make_recorded
from otel_tickrmeter.telemetry.saved import SavedSeries
from tests.support.autocore import UNIX, Driver
from tests.support.kept_rows import RowList
from tests.support.rules import LOG, rule

ON = {"type": "relay", "device": "A", "state": True}
ROW = RuleRow("r", True, json.dumps(ON), "[]", json.dumps(LOG), 0)  # noqa: FBT003  a row
NOW = datetime.fromtimestamp(UNIX, UTC)
WEB = {"triggered_by": "web"}


class Notices:
    """Only notes; implements what rules need of a notifier."""

    def __init__(self) -> None:
        self.put_in: list[Notice] = []

    def put(self, notice: Notice) -> None:
        self.put_in.append(notice)


class Bench:
    """A fleet with a rule book; `said` has what the log was told, `published` what was published."""

    def __init__(self, *, connected: bool = True, notified: bool = True) -> None:
        self.said: list[tuple[str, str]] = []
        self.published: list[tuple[str, bytes]] = []
        self.notices = Notices()
        self.list = RowList()
        catalogue = messages()
        self.meter = CompactMeter(catalogue)
        workshop = Workshop(
            make_recorded(self.meter, catalogue),
            self.meter.end,
            lambda: 0,
            LinkState(0),
            notifier=self.notices if notified else None,  # type: ignore[arg-type]  # all that is used of one
            publish=self._publish if connected else None,
            say=lambda level, text: self.said.append((level, text)),
        )
        self.hands = RuleHands(workshop, lambda: UNIX * 10**9)
        recorder = RunRecorder(workshop, self.list)
        self.permission = Permission(["#"], "autocore/", (0, 0), lambda _: None, publish=True)
        self.automation = Automation(self.hands, recorder, self.permission, lambda _: None)
        self.fleet = Driver(automation=self.automation)
        self.fleet.quiet(0)
        self.book = RuleBook(self.automation, self.permission, recorder, workshop.say, frozenset({("A", 9)}))

    def _publish(self, topic: str, payload: bytes) -> Ticket:
        self.published.append((topic, payload))
        ticket = Ticket()
        ticket.end()
        return ticket

    def know(self, *rules: RuleRow) -> None:
        self.book.known(Known(rules=rules))

    def switch(self, at: float) -> None:
        """Switch a relay off and on."""
        self.fleet.quiet(at)
        self.fleet.relay(at, 3, state=False, **WEB)
        self.fleet.relay(at + 0.1, 3, state=True, **WEB)
        self.fleet.quiet(at + 0.2)

    def counts(self) -> dict[tuple[str, str], float]:
        """Return runs by rule and outcome."""
        (family,) = (each for each in self.meter.collect() if each.instrument.name == names.AUTOMATION_RUNS)
        assert isinstance(family, NumberFamily)
        columns = zip(family.attributes, family.values, strict=False)
        return {
            (str(labels["rule"]), str(labels["outcome"])): value
            for labels, value in compress(columns, family.present)
            if labels is not None
        }


def test_a_rule_of_the_table_runs_and_its_run_is_counted_and_kept() -> None:
    bench = Bench()
    bench.know(ROW)
    assert bench.counts() == {("r", outcome.value): 0 for outcome in RunOutcome}
    bench.switch(1)
    assert bench.said == [("INFO", "Rule 'r': A/3 $sensor $value on")]
    assert bench.counts()["r", "done"] == 1
    begun = NOW + timedelta(seconds=1)
    (run,) = bench.list.take(AutomationRun)
    assert run == AutomationRun("run-run-1", "r", "A/3 was switched on", begun, run.ended_at, "done")
    assert run.ended_at == begun + timedelta(seconds=0.2)
    bench.switch(2)
    assert [each.message_key for each in bench.list.take(AutomationRun)] == ["run-run-2"]


def test_what_was_stopped_before_a_restart_stays_stopped() -> None:
    bench = Bench()
    bench.automation.stop_all()
    new = Bench()
    new.book.stay_stopped(bench.book.stopped_until_ns)
    new.know(ROW)
    new.switch(59)
    assert new.counts()["r", "done"] == 0
    new.switch(61)
    assert new.counts()["r", "done"] == 1


def test_a_rule_that_is_gone_is_no_more_and_neither_are_its_series() -> None:
    bench = Bench()
    bench.know(ROW, replace(ROW, name="s"))
    bench.know(replace(ROW, name="s"))
    assert {rule for rule, _ in bench.counts()} == {"s"}
    bench.switch(1)
    assert [text.split(":")[0] for _, text in bench.said] == ["Rule 's'"]


def test_series_of_before_a_restart_end_with_their_rules() -> None:
    bench = Bench()
    bench.meter.recall(
        SavedSeries(names.AUTOMATION_RUNS, {"rule": name, "outcome": "done"}, 3.0) for name in ("gone", "r")
    )
    bench.book.own(["gone", "r"])
    bench.know(ROW)
    assert bench.counts() == {("r", "done"): 3}


def test_what_is_no_rule_is_said_once_and_others_run() -> None:
    bench = Bench()
    odd = replace(ROW, name="odd", trigger="7", actions="[]")
    for _ in range(2):
        bench.know(odd, ROW)
    ((level, text),) = bench.said
    assert level == "WARNING"
    assert text.startswith("Rule 'odd' does not run: trigger: must be an object; ")
    assert {rule for rule, _ in bench.counts()} == {"r"}
    bench.know(replace(odd, trigger="8"), ROW)
    assert len(bench.said) == 2
    bench.know(replace(ROW, name="odd"), ROW)
    assert {rule for rule, _ in bench.counts()} == {"r", "odd"}


def test_a_run_by_itself_is_no_change_of_the_rule() -> None:
    bench = Bench()
    bench.know(replace(ROW, trigger="8"))
    bench.know(replace(ROW, trigger="8", last_run_at=NOW))
    assert len(bench.said) == 1


def test_only_so_many_rules_run_and_that_is_said_once() -> None:
    bench = Bench()
    many = [replace(ROW, name=f"r{number}") for number in range(MAX_RULES + 1)]
    for _ in range(2):
        bench.know(*many)
    assert bench.said == [("WARNING", f"{MAX_RULES + 1} rules are enabled: only the first {MAX_RULES} run")]
    assert {rule for rule, _ in bench.counts()} == {each.name for each in many[:-1]}


def test_a_cooldown_goes_by_when_the_table_says_it_ran_last() -> None:
    bench = Bench()
    bench.know(replace(ROW, cooldown_seconds=60, last_run_at=NOW - timedelta(seconds=50)))
    bench.switch(1)
    assert bench.said == []
    bench.switch(11)
    assert len(bench.said) == 1


def test_no_rule_may_touch_what_settings_and_tables_bar() -> None:
    bench = Bench()
    bench.book.known(Known(critical_relays=frozenset({("B", 1)}), barred_relays=frozenset({("B", 2)})))
    assert bench.permission.barred == {("A", 9), ("B", 1), ("B", 2)}


def test_other_critical_relays_of_the_settings_are_barred_and_those_of_the_tables_stay() -> None:
    bench = Bench()
    bench.book.use(frozenset({("A", 8)}))
    assert bench.permission.barred == {("A", 8)}
    bench.book.known(Known(barred_relays=frozenset({("B", 2)})))
    assert bench.permission.barred == {("A", 8), ("B", 2)}
    bench.book.use(frozenset())
    assert bench.permission.barred == {("B", 2)}


def test_what_a_rule_has_to_say_to_people() -> None:
    bench = Bench()
    bench.hands.notify(rule(ON), "too warm", "critical")
    assert bench.notices.put_in == [
        Notice(NoticeKind.RULE, NoticeSeverity.CRITICAL, "too warm", NOW, about="r")
    ]


def test_nobody_is_told_where_there_is_nobody_to_be_told() -> None:
    Bench(notified=False).hands.notify(rule(ON), "too warm", "critical")


@pytest.mark.parametrize(
    ("connected", "failure"), [(True, None), (False, "there is no connection to publish by")]
)
def test_what_is_published(failure: str | None, *, connected: bool) -> None:
    bench = Bench(connected=connected)
    ticket = bench.hands.publish("a/b", "\u00fc")
    assert (ticket.ended, ticket.failure) == (True, failure)
    assert bench.published == [("a/b", b"\xc3\xbc")] * connected
