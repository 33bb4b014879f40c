"""What the AutoCore fleet shows of itself."""

from typing import Any

from otel_tickrmeter.fleets.autocore.views import FleetViews
from otel_tickrmeter.insight.anomaly import Expectation
from otel_tickrmeter.views.glance import Excerpt, Glance
from otel_tickrmeter.web.lists import page_of, thing_of
from otel_tickrmeter.web.query import read_query
from tests.support.autocore import Driver


def driver_of(**expected: Expectation) -> Driver:
    return Driver(expected=expected)


def views_of(driver: Driver) -> FleetViews:
    return FleetViews(driver.fleet)


def one(driver: Driver, device: str) -> dict[str, Any]:
    (view,) = views_of(driver).views()
    found = thing_of(view, device)
    assert found is not None
    return found


def excerpt(glance: Glance, title: str) -> Excerpt:
    (found,) = (each for each in glance.excerpts if each.title == title)
    return found


def test_a_device_has_its_relays_and_sensors() -> None:
    driver = driver_of()
    driver.online(0, "A", firmware_version="1.2")
    driver.relay(1, 2, state=False)
    driver.relay(2, 2, state=True)
    driver.telemetry(3, "A", temperature=21.5)
    found = one(driver, "A")
    assert (found["online"], found["status"], found["firmware_version"]) == (True, "online", "1.2")
    (relay,) = found["relays"]
    assert (relay["relay"], relay["on"], relay["kept"]) == (2, True, False)
    assert relay["last_change"].startswith("2025-01-28T10:30:0")
    (sensor,) = found["sensors"]
    assert (sensor["sensor"], sensor["value"], sensor["unit"]) == ("temperature", 21.5, "°C")
    assert (sensor["average_5m"], sensor["unusual"], sensor["anomaly_score"]) == (21.5, False, None)


def test_a_device_is_found_or_not() -> None:
    (view,) = views_of(driver_of()).views()
    assert thing_of(view, "A") is None


def test_devices_are_chosen_by_their_state() -> None:
    driver = driver_of()
    driver.online(0, "A")
    driver.telemetry(1, "B", temperature=1.0)
    driver.online(2, "C", status="offline", reason="gone")
    (view,) = views_of(driver).views()
    page = page_of(view, read_query("online=true", view))
    assert [item["device_id"] for item in page["items"]] == ["A", "B"]
    (item,) = page_of(view, read_query("status=offline", view))["items"]
    assert (item["device_id"], item["reason"], item["clock_offset_seconds"]) == ("C", "gone", None)


def test_a_relay_that_was_never_switched_has_no_change_and_no_cause() -> None:
    driver = driver_of()
    driver.online(0, "A")
    driver.publish(1, "autocore/A/relay/0/status", {"state": True}, retain=True)
    (relay,) = one(driver, "A")["relays"]
    assert (relay["on"], relay["kept"]) == (True, True)
    assert relay["last_change"] is relay["triggered_by"] is None


def test_what_switched_a_relay_is_told() -> None:
    driver = driver_of()
    driver.relay(1, 0, state=False)
    driver.relay(5, 0, state=True, triggered_by="manual")
    (relay,) = one(driver, "A")["relays"]
    assert relay["triggered_by"] == "manual"


def test_the_fleet_at_a_glance_has_the_worst_first() -> None:
    driver = driver_of(temperature=Expectation(-10.0, 60.0))
    driver.online(0, "A", firmware_version="1")
    driver.online(1, "B", status="offline")
    driver.relay(2, 1, state=True)
    driver.telemetry(3, "A", temperature=20.0)
    glance = views_of(driver).glance()
    assert dict(glance.figures) == {
        "devices": 2,
        "devices online": 1,
        "relays on": 1,
        "sensors": 1,
        "sensors unusual": 0,
    }
    assert [row[0] for row in excerpt(glance, "Devices").rows] == ["B", "A"]
    assert [row[:2] for row in excerpt(glance, "Relays that are on").rows] == [("A", 1)]
    assert excerpt(glance, "Unusual readings").rows == ()
    assert glance.troubles == ()


def test_an_unusual_reading_is_a_trouble() -> None:
    driver = driver_of(temperature=Expectation(-10.0, 60.0))
    for at in range(5):
        driver.telemetry(at, "A", temperature=99.0)
    glance = views_of(driver).glance()
    (row,) = excerpt(glance, "Unusual readings").rows
    assert row[:3] == ("A", "temperature", 99.0)
    (trouble,) = glance.troubles
    assert trouble.runbook == "autocore.md#autocoresensorunusual"
    assert "A/temperature" in trouble.text
