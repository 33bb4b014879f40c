"""Rules at work in a fleet: what brings them about, what they do, and what never does."""

import pytest

from otel_tickrmeter.fleets.autocore.automation.rule import MAX_ACTIONS, Rule
from otel_tickrmeter.fleets.autocore.automation.run import LONGEST_NS
from otel_tickrmeter.fleets.autocore.reason import RunOutcome
from tests.support.autocore import UNIX
from tests.support.rules import LOG, RuleDriver, rule

STOP = "autocore/gateway/macros/emergency_stop"
ON = {"type": "relay", "device": "A", "relay": 3, "state": True}
SWITCH = {"type": "publish", "topic": "autocore/A/relay/5/set", "payload": "on"}
WEB = {"triggered_by": "web"}


def switched(*rules: Rule, state: bool = True) -> RuleDriver:
    """Return a fleet in which a relay was switched by hand."""
    driver = RuleDriver(*rules)
    driver.fleet.relay(0.1, 3, state=not state, **WEB)
    driver.until(0.2)
    driver.fleet.relay(0.2, 3, state=state, **WEB)
    return driver


def test_a_switching_runs_a_rule_and_each_action_waits_for_a_moment() -> None:
    driver = switched(rule(ON, actions=[*LOG, {"type": "notify", "text": "on", "severity": "warning"}]))
    assert driver.until(0.3) == [("r", "log", "A/3 $sensor $value on")]
    assert driver.ended_runs == []
    assert driver.until(0.4) == [("r", "notify", "on", "warning")]
    assert driver.ended_runs == [("r", "A/3 was switched on", RunOutcome.DONE, None)]
    assert driver.until(5) == []


def test_the_moment_is_waited_for_however_often_time_passes() -> None:
    driver = switched(rule(ON, actions=LOG * 2))
    driver.until(0.3)
    driver.fleet.quiet(0.35)
    assert driver.ended_runs == []
    assert len(driver.until(0.4)) == 1


@pytest.mark.parametrize(
    ("trigger", "runs"),
    [
        ({"type": "relay"}, True),
        ({**ON, "state": False}, False),
        ({**ON, "relay": 4}, False),
        ({**ON, "device": "B"}, False),
    ],
)
def test_only_what_a_trigger_names_runs_it(trigger: object, *, runs: bool) -> None:
    driver = switched(rule(trigger))
    assert bool(driver.until(1)) is runs


def test_what_is_retained_late_or_waited_runs_nothing() -> None:
    driver = RuleDriver(rule({"type": "relay"}), rule({"type": "status"}, name="s"))
    fleet = driver.fleet
    fleet.publish(0.1, "autocore/A/relay/3/status", {"state": True}, retain=True)
    fleet.publish(0.2, "autocore/A/relay/3/status", {"state": False, **WEB}, backlog=True)
    fleet.publish(0.3, "autocore/A/status", {"status": "offline"}, backlog=True)
    assert driver.until(5) == []


def test_a_device_that_goes_and_comes_again() -> None:
    driver = RuleDriver(rule({"type": "status", "device": "A"}))
    driver.fleet.online(0.1)
    driver.fleet.online(0.1, "B")
    assert driver.until(1) == []  # its first sign of life
    driver.fleet.publish(1.1, "autocore/A/status", {"status": "offline"})
    driver.fleet.publish(1.1, "autocore/B/status", {"status": "offline"})
    assert driver.until(2) == [("r", "log", "A/$relay $sensor $value offline")]
    driver.fleet.online(2.1)
    assert driver.until(3) == [("r", "log", "A/$relay $sensor $value online")]
    assert [cause for _, cause, _, _ in driver.ended_runs] == ["A is offline", "A is online"]


def test_who_was_gone_before_a_restart_comes_again() -> None:
    before = RuleDriver()
    before.fleet.publish(0.1, "autocore/A/status", {"status": "offline"})
    before.fleet.online(0.1, "B")
    driver = RuleDriver(rule({"type": "status"}))
    driver.fleet.fleet.recall(before.fleet.fleet.remembered())
    driver.fleet.fleet.begin(10**9)
    assert driver.until(2) == []
    driver.fleet.online(2.1, "B")
    driver.fleet.online(2.1)
    assert driver.until(3) == [("r", "log", "A/$relay $sensor $value online")]


def test_of_comings_and_goings_one_may_be_meant() -> None:
    driver = RuleDriver(rule({"type": "status", "status": "online"}))
    driver.fleet.online(0.1)
    driver.fleet.publish(0.2, "autocore/A/status", {"status": "offline"})
    assert driver.until(1) == []
    driver.fleet.online(1.1)
    assert len(driver.until(2)) == 1


def test_readings_beyond_a_bound_for_a_time_run_a_rule_once() -> None:
    driver = RuleDriver(rule({"type": "reading", "sensor": "voltage", "below": 11.5, "for": 10}))
    done = []
    for at, voltage in ((1, 11.4), (6, 11.0), (8, 12.0), (9, 11.0), (18, 11.1), (19, 10.9), (30, 10.0)):
        driver.fleet.telemetry(at, voltage=voltage)
        done.append(len(driver.until(at + 0.5)))
    assert done == [0, 0, 0, 0, 0, 1, 0]
    assert driver.ended_runs[0][1] == "A: voltage is 10.9"
    driver.fleet.telemetry(31, voltage=12)
    driver.fleet.telemetry(32, voltage=11)
    driver.fleet.telemetry(42, voltage=11)
    assert driver.until(43) == [("r", "log", "A/$relay voltage 11 $state")]


def test_readings_of_others_are_not_meant() -> None:
    trigger = {"type": "reading", "device": "B", "sensor": "voltage", "above": 14}
    driver = RuleDriver(rule(trigger))
    driver.fleet.telemetry(1, voltage=15)
    driver.fleet.telemetry(1, temperature=15)
    driver.fleet.publish(1, "autocore/B/telemetry", {"voltage": 15}, backlog=True)
    assert driver.until(2) == []
    driver.fleet.telemetry(2.1, "B", voltage=14)
    assert driver.until(3) == []
    driver.fleet.telemetry(3.1, "B", voltage=14.1)
    assert len(driver.until(4)) == 1


def test_a_rule_that_could_not_run_when_it_was_time_runs_when_it_can() -> None:
    conditions = [{"type": "relay", "relay": 1, "state": True}]
    driver = RuleDriver(rule({"type": "reading", "sensor": "voltage", "above": 1}, conditions=conditions))
    driver.fleet.telemetry(1, voltage=2)
    assert driver.until(2) == []
    driver.fleet.relay(2.5, 1, state=True)
    driver.fleet.telemetry(3, voltage=2)
    assert len(driver.until(4)) == 1


def test_what_is_forgotten_of_a_device() -> None:
    driver = RuleDriver(rule({"type": "reading", "sensor": "voltage", "above": 1, "for": 5000}))
    driver.fleet.telemetry(1, voltage=2)
    driver.fleet.telemetry(1, "B", voltage=2)
    driver.fleet.quiet(4000)  # both are forgotten
    driver.fleet.telemetry(5002, voltage=2)
    driver.at = 5002
    assert driver.until(5003) == []


def time_rule(at: str, *days: str) -> Rule:
    return rule({"type": "time", "at": at, **({"days": [*days]} if days else {})})


def test_a_time_of_the_day() -> None:
    # Second 0 is 10:30:00 on a Tuesday.
    driver = RuleDriver(time_rule("10:30:05"))
    assert driver.until(4.9) == []
    assert driver.until(6) == [("r", "log", "$device/$relay $sensor $value $state")]
    assert driver.until(20) == []
    assert driver.ended_runs[0][1] == "the time of the day"


@pytest.mark.parametrize(("day", "runs"), [("mon", False), ("tue", True), ("wed", False)])
def test_days_of_the_week(day: str, *, runs: bool) -> None:
    assert bool(RuleDriver(time_rule("10:30:05", day)).until(6)) is runs


def test_a_time_that_was_slept_through_has_passed() -> None:
    driver = RuleDriver(time_rule("10:30:30"))
    for at, due in ((100, 0), (86_400 + 25, 0), (86_400 + 60, 1), (2 * 86_400 - 60, 0)):
        driver.fleet.quiet(at)
        driver.at = at
        assert len(driver.until(at + 1)) == due


def test_a_clock_that_is_set_back_brings_nothing_about() -> None:
    driver = RuleDriver(time_rule("10:30:05"))
    for at, clock in ((1, 4), (2, 3), (3, 4)):
        driver.automation.passed(at * 10**9, (UNIX + clock) * 10**9)
    assert driver.hands.done == []


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"type": "relay", "relay": 1, "state": True}, True),
        ({"type": "relay", "relay": 1, "state": False}, False),
        ({"type": "relay", "relay": 7, "state": False}, False),
        ({"type": "relay", "device": "B", "relay": 1, "state": True}, False),
        ({"type": "relay", "device": "nobody", "relay": 1, "state": True}, False),
        ({"type": "reading", "sensor": "voltage", "above": 11}, True),
        ({"type": "reading", "sensor": "voltage", "above": 13}, False),
        ({"type": "reading", "sensor": "humidity", "above": 0}, False),
        ({"type": "status", "device": "B", "status": "online"}, True),
        ({"type": "status", "device": "B", "status": "offline"}, False),
        ({"type": "time", "after": "10:30", "before": "10:31"}, True),
        ({"type": "time", "after": "10:31", "before": "12:00"}, False),
        ({"type": "time", "after": "22:00", "before": "11:00"}, True),
        ({"type": "time", "after": "10:00", "before": "03:00"}, True),
        ({"type": "time", "after": "22:00", "before": "06:00"}, False),
    ],
)
def test_conditions(condition: object, *, holds: bool) -> None:
    driver = RuleDriver(rule(ON, conditions=[{"type": "status", "status": "online"}, condition]))
    driver.fleet.online(0.1)
    driver.fleet.online(0.1, "B")
    driver.fleet.relay(0.1, 1, state=True)
    driver.fleet.telemetry(0.1, voltage=12)
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    driver.fleet.relay(0.2, 3, state=True, **WEB)
    assert bool(driver.until(1)) is holds


def flip(driver: RuleDriver, at: float) -> int:
    """Let the relay be switched on again; returns how much was done because of it."""
    driver.until(at)
    driver.fleet.relay(at, 3, state=False, **WEB)
    driver.fleet.relay(at + 0.1, 3, state=True, **WEB)
    return len(driver.until(at + 3))


def test_a_cooldown() -> None:
    driver = RuleDriver(rule(ON, cooldown=30))
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    assert [flip(driver, at) for at in (1, 10, 30, 32, 40)] == [1, 0, 0, 1, 0]


def test_a_cooldown_outlives_a_restart() -> None:
    driver = RuleDriver()
    driver.automation.use([rule(ON, cooldown=30)], {"r": (UNIX - 10) * 10**9, "gone": 0})
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    assert [flip(driver, at) for at in (1, 10, 21)] == [0, 0, 1]


def test_one_run_at_a_time() -> None:
    driver = RuleDriver(rule(ON, actions=LOG * MAX_ACTIONS))
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    flip(driver, 0.2)
    flip(driver, 1)
    driver.until(10)
    assert driver.outcomes == [RunOutcome.DONE]


def test_what_is_published_is_waited_for() -> None:
    driver = switched(rule(ON, actions=[SWITCH, *LOG]))
    driver.hands.at_once = False
    assert driver.until(3) == [("publish", "autocore/A/relay/5/set", "on")]
    driver.hands.tickets[0].end()
    assert driver.until(4) == [("r", "log", "A/3 $sensor $value on")]
    assert driver.outcomes == [RunOutcome.DONE]


def test_what_the_broker_does_not_take_ends_the_run() -> None:
    driver = switched(rule(ON, actions=[SWITCH, *LOG]))
    driver.hands.at_once = False
    driver.until(1)
    driver.hands.tickets[0].end("not authorized")
    driver.hands.tickets[0].end()  # the first word counts
    assert driver.until(3) == []
    assert driver.ended_runs == [("r", "A/3 was switched on", RunOutcome.FAILED, "not authorized")]


def test_a_broker_that_never_answers_is_not_waited_for() -> None:
    driver = switched(rule(ON, actions=[SWITCH, *LOG]))
    driver.hands.at_once = False
    driver.until(60.1)
    assert driver.outcomes == []
    driver.until(60.3)
    assert driver.ended_runs[0][2:] == (RunOutcome.FAILED, "the broker has not answered")


def test_a_run_has_a_minute() -> None:
    driver = switched(rule(ON, actions=[*LOG, SWITCH, *LOG]))
    driver.until(0.3)
    driver.fleet.quiet(LONGEST_NS / 1e9 + 1)  # it was stopped meanwhile
    assert driver.ended_runs[0][2:] == (RunOutcome.TIMEOUT, "1 of 3 actions in 60 s")


def test_without_a_permission_it_is_a_dry_run_and_the_rest_is_done() -> None:
    driver = RuleDriver(rule(ON, actions=[SWITCH, *LOG, SWITCH]), publish=False)
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    driver.fleet.relay(0.2, 3, state=True, **WEB)
    off = "autocore.automation.publish is off"
    would = ("r", "log", f"would publish on autocore/A/relay/5/set: on ({off})")
    assert driver.until(1) == [would, ("r", "log", "A/3 $sensor $value on"), would]
    assert driver.ended_runs == [("r", "A/3 was switched on", RunOutcome.DRY_RUN, off)]


def test_what_a_rule_caused_triggers_no_rule() -> None:
    """One rule that a relay runs switches another, whose rule would switch the first again."""
    there = rule(ON, actions=[SWITCH], name="there")
    back = {"type": "publish", "topic": "autocore/A/relay/3/set", "payload": "on"}
    driver = RuleDriver(there, rule({**ON, "relay": 5}, actions=[back], name="back"))
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    driver.fleet.relay(0.1, 5, state=False, **WEB)
    driver.fleet.relay(0.2, 3, state=True, **WEB)
    assert driver.until(0.5) == [("publish", "autocore/A/relay/5/set", "on")]
    driver.fleet.relay(0.6, 5, state=True, triggered_by="mqtt")
    assert driver.until(2) == []
    # Another relay is another matter, and a minute later so is this one.
    driver.until(61)
    driver.fleet.relay(61, 5, state=False, **WEB)
    driver.fleet.relay(61.1, 5, state=True, **WEB)
    driver.until(62)
    assert [name for name, _, _, _ in driver.ended_runs] == ["there", "back"]


def test_a_reading_that_follows_a_command_triggers_no_other() -> None:
    """The voltage follows the relay: one rule would switch it on, the other off, without an end."""
    off = {"type": "publish", "topic": "autocore/A/relay/5/set", "payload": "off"}
    high = {"type": "reading", "sensor": "voltage", "above": 13}
    driver = RuleDriver(
        rule({"type": "reading", "sensor": "voltage", "below": 12}, actions=[SWITCH], name="low"),
        rule(high, actions=[off], name="high"),
        rule(high, name="told"),
    )
    driver.fleet.telemetry(0.1, voltage=11)
    assert driver.until(1) == [("publish", "autocore/A/relay/5/set", "on")]
    driver.fleet.telemetry(1.1, voltage=14)
    assert driver.until(100) == [("told", "log", "A/$relay voltage 14 $state")]
    # It has been beyond the bound since; another device is another matter, and so is the next time.
    driver.fleet.telemetry(100.1, voltage=14)
    assert driver.until(101) == []
    driver.fleet.telemetry(101.1, voltage=12.5)
    driver.fleet.telemetry(101.2, voltage=13.1)
    assert ("publish", "autocore/A/relay/5/set", "off") in driver.until(102)


def test_the_device_that_a_rule_restarts_may_go_and_come_without_a_rule() -> None:
    reboot = {"type": "publish", "topic": "autocore/A/command/reboot", "payload": ""}
    driver = RuleDriver(rule({"type": "status", "status": "offline"}, actions=[reboot]))
    driver.fleet.online(0.1)
    driver.fleet.online(0.1, "B")
    driver.fleet.publish(0.2, "autocore/B/status", {"status": "offline"})
    assert len(driver.until(1)) == 1
    driver.fleet.publish(1.1, "autocore/A/status", {"status": "offline"})
    assert driver.until(2) == []
    driver.fleet.online(2.1, "C")
    driver.fleet.publish(2.2, "autocore/C/status", {"status": "offline"})
    assert len(driver.until(3)) == 1


def test_what_is_published_elsewhere_causes_nothing_here() -> None:
    lamp = {"type": "publish", "topic": "home/lamp", "payload": "on"}
    driver = RuleDriver(rule({"type": "relay"}, actions=[lamp]), topics=["home/#"])
    driver.fleet.relay(0.1, 3, state=False, **WEB)
    assert [flip(driver, at) for at in (1, 5)] == [1, 1]


def test_an_emergency_stop_ends_all_runs_and_for_a_minute_none_begins() -> None:
    driver = switched(rule(ON, actions=LOG * 20), rule({"type": "relay"}, actions=LOG * 20, name="other"))
    driver.until(1)
    assert driver.fleet.publish(1.1, STOP, b"") == []
    driver.hands.done.clear()
    assert driver.until(2) == []
    assert [run[2:] for run in driver.ended_runs] == [(RunOutcome.STOPPED, "emergency stop")] * 2
    assert [flip(driver, at) for at in (10, 50, 62)] == [0, 0, 40]


def test_an_emergency_stop_that_was_kept_is_of_long_ago() -> None:
    driver = switched(rule(ON, actions=LOG * 5))
    driver.fleet.publish(0.3, STOP, b"", retain=True)
    driver.until(2)
    assert driver.outcomes == [RunOutcome.DONE]


def test_a_rule_that_is_changed_is_stopped_and_others_go_on() -> None:
    slow, other = rule(ON, actions=LOG * 9), rule(ON, actions=LOG * 9, name="other")
    driver = switched(slow, other)
    driver.until(0.5)
    driver.automation.use([rule({**ON, "state": False}, actions=LOG), other], {})
    assert driver.ended_runs[0][2:] == (RunOutcome.STOPPED, "the rule was changed, or taken away")
    driver.until(3)
    assert driver.ended_runs[1][0::2] == ("other", RunOutcome.DONE)
    driver.fleet.relay(4, 3, state=False, **WEB)
    assert driver.until(5) == [("r", "log", "A/3 $sensor $value off")]


def test_the_same_rules_again_change_nothing() -> None:
    driver = switched(rule(ON, actions=LOG * 3))
    driver.until(0.4)
    driver.automation.use([rule(ON, actions=LOG * 3)], {"r": 0})
    driver.until(2)
    assert driver.outcomes == [RunOutcome.DONE]


def test_what_a_rule_waited_for_is_forgotten_when_it_is_changed() -> None:
    trigger = {"type": "reading", "sensor": "voltage", "above": 1, "for": 10}
    driver = RuleDriver(rule(trigger))
    driver.fleet.telemetry(1, voltage=2)
    driver.automation.use([rule({**trigger, "for": 8})], {})
    driver.fleet.telemetry(10, voltage=2)
    assert driver.until(11) == []
    driver.fleet.telemetry(18, voltage=2)
    assert len(driver.until(19)) == 1
