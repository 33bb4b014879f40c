"""Rules never feed one another, whatever they are and however quickly the boards obey."""

import json

from hypothesis import given
from hypothesis import strategies as st

from otel_tickrmeter.fleets.autocore.automation.rule import Rule
from tests.support.rules import RuleDriver, rule

RELAYS = st.integers(0, 3)
WEB = {"triggered_by": "web"}


@st.composite
def rules(draw: st.DrawFn) -> list[Rule]:
    """Rules each of which switches relays when one is switched, or for the voltage, which follows them."""
    made = []
    for number in range(draw(st.integers(1, 4))):
        trigger: dict[str, object] = {"type": "relay"}
        if draw(st.booleans()):
            bound = draw(st.sampled_from(["above", "below"]))
            trigger = {"type": "reading", "sensor": "voltage", bound: draw(RELAYS) + 0.5}
        else:
            if draw(st.booleans()):
                trigger["relay"] = draw(RELAYS)
            if draw(st.booleans()):
                trigger["state"] = draw(st.booleans())
        payload = st.fixed_dictionaries({"channel": RELAYS, "state": st.booleans()})
        topic = st.sampled_from(["autocore/devices/A/relays/set", "autocore/devices/A/command/all"])
        actions = [
            {"type": "publish", "topic": draw(topic), "payload": draw(payload)}
            for _ in range(draw(st.integers(1, 3)))
        ]
        made.append(rule(trigger, name=str(number), actions=actions))
    return made


@given(rules(), st.lists(st.tuples(RELAYS, st.floats(0, 30)), min_size=1, max_size=4), st.floats(0, 20))
def test_by_hand_once_is_no_more_than_once_for_each_rule(
    made: list[Rule], by_hand: list[tuple[int, float]], delay: float
) -> None:
    driver = RuleDriver(*made)
    state = dict.fromkeys(range(4), False)
    for number in state:
        driver.fleet.relay(0.1, number, state=False, **WEB)
    driver.fleet.telemetry(0.1, voltage=0)
    due: list[tuple[float, int, bool]] = []
    moments = sorted((round(1 + at, 1), number) for number, at in by_hand)
    for step in range(1, 1_000):
        at = step / 10
        while moments and moments[0][0] <= at:
            _, number = moments.pop(0)
            state[number] = not state[number]
            driver.fleet.relay(at, number, state=state[number], **WEB)
        for told in [each for each in due if each[0] <= at]:
            due.remove(told)
            _, number, wanted = told
            state[number] = wanted
            driver.fleet.relay(at, number, state=wanted, triggered_by="mqtt")
        driver.fleet.telemetry(at, voltage=sum(state.values()))
        for kind, _, payload in driver.until(at):
            assert kind == "publish"
            wanted = json.loads(payload)
            due.append((at + delay, wanted["channel"], wanted["state"]))
    assert not moments
    assert not due
    # The first voltage, too, may be beyond a bound.
    assert len(driver.ended_runs) <= (1 + len(by_hand)) * len(made)
