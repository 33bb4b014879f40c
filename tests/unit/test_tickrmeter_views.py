"""What the TickrMeter fleet shows of itself."""

from typing import Any

from otel_tickrmeter.fleets.tickrmeter.habit import MINUTE_NS
from otel_tickrmeter.fleets.tickrmeter.state import MIN_TIMEOUTS_IN_A_ROW
from otel_tickrmeter.fleets.tickrmeter.views import FleetViews
from otel_tickrmeter.stream.second import SECOND_NS
from otel_tickrmeter.views.glance import Glance
from otel_tickrmeter.web.lists import page_of, thing_of
from otel_tickrmeter.web.query import read_query
from tests.support.driver import Driver

TIMES = {
    "request_timeout_ns": 30 * SECOND_NS,
    "device_timeout_ns": 86_400 * SECOND_NS,
    "latency_window_ns": 900 * SECOND_NS,
    "cleanup_interval_ns": 3_600 * SECOND_NS,
    "symbol_retention_ns": 86_400 * SECOND_NS,
}
UNIX = 1_700_000_000


def views_of(driver: Driver, min_ranked: int = 1) -> FleetViews:
    return FleetViews(driver.fleet, min_ranked, lambda: UNIX * SECOND_NS)


def page(driver: Driver, path: str, query: str = "") -> dict[str, Any]:
    (view,) = (view for view in views_of(driver).views() if view.path == path)
    return page_of(view, read_query(query, view))


def answered(driver: Driver, at: int, latency: int, symbol: str, device: str = "A") -> None:
    driver.request(at * SECOND_NS, device, symbol)
    driver.answer((at + latency) * SECOND_NS, device, symbol)


def test_a_symbol_has_the_figures_of_its_window() -> None:
    driver = Driver(**TIMES)
    for at, latency in ((0, 1), (10, 2), (20, 6)):
        answered(driver, at, latency, "X")
    driver.request(40 * SECOND_NS, "A", "X")
    driver.advance(71 * SECOND_NS)
    driver.request(72 * SECOND_NS, "B", "X")
    (item,) = page(driver, "symbols")["items"]
    assert item == {
        "symbol": "X",
        "rank": 1,
        "p50_seconds": 2.0,
        "p95_seconds": 6.0,
        "mean_seconds": 3.0,
        "timeout_rate": 0.25,
        "score": 5.5,
        "answered": 3,
        "timed_out": 1,
        "requests": 5,
        "pending": 1,
        "devices": 2,
        "anomaly_score": None,
        "unusual": False,
    }


def test_symbols_come_by_rank_and_those_without_one_last() -> None:
    driver = Driver(**TIMES)
    driver.request(0, "A", "OPEN")
    answered(driver, 1, 1, "FAST")
    answered(driver, 3, 4, "SLOW")
    items = page(driver, "symbols")["items"]
    assert [(item["symbol"], item["rank"]) for item in items] == [("SLOW", 1), ("FAST", 2), ("OPEN", None)]
    assert [item["timeout_rate"] for item in items] == [0.0, 0.0, None]
    assert items[2]["p50_seconds"] is items[2]["score"] is None


def test_how_many_outcomes_a_ranked_symbol_has_may_change() -> None:
    driver = Driver(**TIMES)
    views = views_of(driver, 2)
    answered(driver, 1, 1, "X")
    assert [each.rank for each in views.symbols()] == [None]
    views.rank(1)
    assert [each.rank for each in views.symbols()] == [1]


def test_symbols_are_those_of_this_second() -> None:
    driver = Driver(**TIMES)
    views = views_of(driver)
    driver.request(0, "A", "X")
    assert len(views.symbols()) == 1
    driver.request(SECOND_NS - 1, "A", "Y")
    assert len(views.symbols()) == 1
    driver.advance(SECOND_NS)
    assert len(views.symbols()) == 2


def test_a_symbol_has_its_last_hour() -> None:
    driver = Driver(**TIMES)
    answered(driver, 30, 2, "X")
    driver.request(60 * SECOND_NS, "A", "X")
    driver.advance(126 * SECOND_NS)
    (view,) = (view for view in views_of(driver).views() if view.path == "symbols")
    single = thing_of(view, "X")
    assert single is not None
    assert single["last_hour"] == [
        {
            "at": "2023-11-14T22:13:20.000Z",
            "mean_seconds": 2.0,
            "timeout_rate": 0.0,
            "answered": 1,
            "timed_out": 0,
        },
        {
            "at": "2023-11-14T22:14:20.000Z",
            "mean_seconds": None,
            "timeout_rate": 1.0,
            "answered": 0,
            "timed_out": 1,
        },
    ]
    assert (single["symbol"], single["answered"]) == ("X", 1)
    assert thing_of(view, "Y") is None


def test_what_is_drawn_of_a_symbol_is_in_its_list() -> None:
    driver = Driver(**TIMES)
    views = views_of(driver)
    (slowest,) = views.glance().excerpts
    course = slowest.course
    assert course is not None
    (view,) = (view for view in views.views() if view.path == course.path)
    (part,) = (part for part in view.parts if part.name == course.part)
    assert part.fields == course.fields
    assert slowest.fields[0] is view.fields[0]
    assert course.fields[0].kind == "moment"
    assert {course.line, course.share} <= {field.name for field in course.fields}
    assert (course.span_seconds, course.step_seconds) == (3600, 60)


def test_a_device_is_as_it_reported_itself_and_has_its_symbols() -> None:
    driver = Driver(**TIMES)
    driver.heartbeat(0, "A", battery=55.0, charging=True, uptime=60.0, firmware_version="2.4", flash_id="f")
    driver.heartbeat(0, "B", online=False)
    answered(driver, 1, 1, "X")
    driver.request(3 * SECOND_NS, "A", "Y")
    first, second = page(driver, "devices")["items"]
    assert first == {
        "device_id": "A",
        "online": True,
        "firmware_version": "2.4",
        "inner_version": None,
        "flash_id": "f",
        "charging": True,
        "battery_percent": 55.0,
        "vin_level": None,
        "uptime_seconds": 60.0,
        "wifi_lost": None,
        "boots": None,
        "symbols_count": 2,
        "last_seen": "2023-11-14T22:13:23.000Z",
    }
    assert (second["online"], second["battery_percent"]) == (False, None)
    (view,) = (view for view in views_of(driver).views() if view.path == "devices")
    single = thing_of(view, "A")
    assert single is not None
    assert single["symbols"] == [
        {"symbol": "X", "pending": False, "ended": "answered"},
        {"symbol": "Y", "pending": True, "ended": None},
    ]
    assert {name: single[name] for name in first} == first
    assert thing_of(view, "C") is None


def test_devices_are_chosen_by_state_and_firmware() -> None:
    driver = Driver(**TIMES)
    driver.heartbeat(0, "A", charging=True, firmware_version="1")
    driver.heartbeat(0, "B", charging=False, firmware_version="2")
    driver.heartbeat(0, "C", online=False, charging=True, firmware_version="2")

    def chosen(query: str) -> str:
        return "".join(item["device_id"] for item in page(driver, "devices", query)["items"])

    assert [chosen(query) for query in ("charging=true", "online=false", "firmware_version=2")] == [
        "AC",
        "C",
        "BC",
    ]
    assert chosen("firmware_version=2&charging=true&online=false") == "C"
    assert chosen("sort=-device_id") == "CBA"


def counts(glance: Glance, title: str) -> dict[str, int]:
    (found,) = (each for each in glance.breakdowns if each.title == title)
    return dict(found.counts)


def test_the_fleet_at_a_glance() -> None:
    driver = Driver(**TIMES)
    driver.heartbeat(0, "A", battery=20.0, charging=True, uptime=3599.0, firmware_version="1")
    driver.heartbeat(0, "B", battery=100.0, charging=False, uptime=86_400.0, firmware_version="2")
    driver.heartbeat(0, "C", online=False, firmware_version="2")
    answered(driver, 1, 2, "X")
    driver.request(4 * SECOND_NS, "A", "Y")
    glance = views_of(driver).glance()
    assert dict(glance.figures) == {"devices": 3, "devices online": 2, "symbols": 2, "requests open": 1}
    assert counts(glance, "Firmware") == {"2": 2, "1": 1}
    assert counts(glance, "Charging") == {"charging": 1, "discharging": 1, "unknown": 1}
    assert list(counts(glance, "Battery").values()) == [0, 1, 0, 0, 1]
    assert list(counts(glance, "Uptime").values()) == [1, 0, 1, 0]
    (slowest,) = glance.excerpts
    assert [row[:3] for row in slowest.rows] == [("X", 2.0, 2.0)]
    assert slowest.bar in {field.name for field in slowest.fields}
    assert glance.troubles == ()


def test_ten_symbols_are_at_a_glance_and_the_worst_of_all() -> None:
    driver = Driver(**TIMES)
    for number in range(12):
        answered(driver, number * 20, number + 1, f"S{number}")
    (slowest,) = views_of(driver).glance().excerpts
    assert [row[0] for row in slowest.rows] == [f"S{number}" for number in range(11, 1, -1)]


def test_answers_that_are_missing_are_a_trouble() -> None:
    driver = Driver(**TIMES)
    for number in range(MIN_TIMEOUTS_IN_A_ROW):
        driver.request(number, "A", f"S{number}")
    assert views_of(driver).glance().troubles == ()
    driver.advance(31 * SECOND_NS)
    (trouble,) = views_of(driver).glance().troubles
    assert trouble.runbook == "exporter.md#tickrmeteranswersmissing"


def test_a_symbol_that_is_slower_than_usual_is_a_trouble() -> None:
    driver = Driver(**TIMES)
    views = views_of(driver)
    minutes = 40
    for minute in range(minutes + 3):
        latency_ns = 100_000_000 if minute < minutes else 9 * SECOND_NS
        for second in (5, 20, 35):
            at_ns = minute * MINUTE_NS + second * SECOND_NS
            driver.request(at_ns, "A", "X")
            driver.answer(at_ns + latency_ns, "A", "X")
        views.symbols()
        if minute == minutes - 1:
            assert views.glance().troubles == ()
    (trouble,) = views.glance().troubles
    assert trouble.runbook == "backend.md#tickrmetersymbolunusual"
    assert "(X)" in trouble.text
