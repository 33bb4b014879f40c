"""Bounds and permissions of an AutoCore fleet that change while it is watched."""

from dataclasses import replace

from otel_tickrmeter.fleets.autocore.automation.permission import Permission
from otel_tickrmeter.fleets.autocore.notices import Announcer
from otel_tickrmeter.fleets.autocore.reason import Registration
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from tests.support.autocore import NS, Driver, named
from tests.support.rules import rule

WILL = {"status": "offline", "reason": "unexpected_disconnect"}


def use(driver: Driver, **changes: object) -> None:
    driver.fleet.use(replace(driver.limits, **changes))  # type: ignore[arg-type]


def test_who_is_known_stays_in_a_mode_that_would_not_admit_them() -> None:
    driver = Driver()
    driver.online(1, "A")
    use(driver, registration=Registration.CLOSED)
    assert driver.online(2, "B") == [("set_aside", "status", "unknown_device")]
    driver.telemetry(3, "A", voltage=12)
    assert {*driver.fleet.devices} == {"A"}


def test_at_a_bound_that_was_wider_nobody_new_comes_in_for_one_that_leaves() -> None:
    driver = Driver()
    for device in "ABC":
        driver.online(1, device)
    use(driver, max_devices=2)
    assert {*driver.fleet.devices} == {*"ABC"}
    driver.publish(2, "autocore/A/status", WILL)
    told = driver.online(3, "D")
    assert named(told, "forgotten") == [("A",)]
    assert ("set_aside", "status", "max_devices") in told
    driver.publish(4, "autocore/B/status", WILL)
    assert named(driver.online(5, "D"), "forgotten") == [("B",)]
    assert {*driver.fleet.devices} == {"C", "D"}


def test_silence_is_judged_by_the_new_timeout() -> None:
    driver = Driver()
    driver.online(1)
    use(driver, device_timeout_ns=20 * NS)
    driver.quiet(21)
    assert driver.device().online
    driver.quiet(22.5)
    assert not driver.device().online


def test_sensors_that_are_known_stay_and_room_is_counted_anew() -> None:
    driver = Driver(max_sensors=3)
    driver.telemetry(1, "A", a=1, b=1, c=1)
    use(driver, max_sensors=2)
    driver.telemetry(2, "A", a=2, b=2, c=2)
    driver.telemetry(2, "B", d=1)
    assert {*driver.device("A").sensors} == {*"abc"}
    assert not driver.device("B").sensors
    use(driver, max_sensors=4)
    driver.telemetry(3, "B", d=1, e=1)
    assert {*driver.device("B").sensors} == {"d"}


def test_what_the_broker_keeps_of_unknown_devices_waits_within_the_new_bound() -> None:
    driver = Driver(max_devices=2)
    for number in range(6):
        driver.publish(1, f"autocore/A/relay/{number}/status", {"state": True}, retain=True)
    use(driver, max_devices=1)
    driver.publish(2, "autocore/A/relay/6/status", {"state": True}, retain=True)
    assert len(named(driver.online(3, "A"), "filled")) == 6


def test_critical_relays_of_the_settings_change_and_those_of_the_tables_stay() -> None:
    driver = Driver()
    told: set[int | None] = set()
    announcer = Announcer(lambda notice: told.add(notice.relay), [("A", 1)])
    announcer.critical_besides(frozenset({("A", 2)}))
    driver.fleet = Fleet(driver.limits, Together(driver.ledger, announcer))
    driver.intake._fleet = driver.fleet  # noqa: SLF001  the test puts another listener in
    announcer.use([("A", 3)])
    for number in (1, 2, 3):
        for at, state in ((1, False), (2, True)):
            driver.relay(at, number, state=state, triggered_by="web")
    assert told == {2, 3}


def test_permissions_are_those_of_now() -> None:
    permission = Permission(["a/b"], "autocore/", (0, 0), lambda _: None, publish=False)
    asking = rule({"type": "relay"})
    assert permission.refusal(asking, "a/b", "x") == "autocore.automation.publish is off"
    permission.use(["a/c"], publish=True)
    assert permission.refusal(asking, "a/b", "x") == "a/b is not in autocore.automation.topics"
    assert permission.refusal(asking, "a/c", "x") is None
