"""What of an AutoCore fleet is told to people at once."""

from datetime import UTC, datetime

import pytest

from otel_tickrmeter.fleets.autocore import names
from otel_tickrmeter.fleets.autocore.catalogue.messages import CHANNELS, FATES, NOTICES, messages
from otel_tickrmeter.fleets.autocore.notices import Announcer, NoticeRecorder
from otel_tickrmeter.fleets.autocore.state import Fleet
from otel_tickrmeter.fleets.autocore.together import Together
from otel_tickrmeter.notify.notice import Delivery, Fate, Notice, NoticeKind, NoticeSeverity
from otel_tickrmeter.store.rows import Notification
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.family import HistogramFamily
from otel_tickrmeter.telemetry.registration import make_recorded
from tests.support.autocore import NS, Driver, stamp
from tests.support.kept_rows import RowList

AT = datetime(2026, 1, 28, tzinfo=UTC)
WILL = {"status": "offline", "reason": "unexpected_disconnect"}


class Told(Driver):
    """A driver whose fleet gives notices; relay 3 of A is a critical one."""

    def __init__(self, **changes: object) -> None:
        super().__init__(**changes)  # type: ignore[arg-type]
        self.notices: list[Notice] = []
        self.announcer = Announcer(self.notices.append, [("A", 3)])
        self.fleet = Fleet(self.limits, Together(self.ledger, self.announcer))
        self.intake._fleet = self.fleet  # noqa: SLF001  the test puts another listener in

    def texts(self) -> list[str]:
        found = [f"{notice.kind}: {notice.text}" for notice in self.notices]
        self.notices.clear()
        return found


def fleet(**changes: object) -> Told:
    made = Told(**changes)
    made.online(0)
    assert made.texts() == []  # that somebody new is there is no news
    return made


def test_the_labels_are_those_of_who_sends() -> None:
    assert {*NOTICES} == {*NoticeKind}
    assert {*FATES} == {*Fate}
    assert "none" in CHANNELS


def test_who_was_gone_before_a_restart_is_news_when_it_returns() -> None:
    before = fleet()
    before.online(1, "B")
    before.publish(2, "autocore/A/status", WILL)
    made = Told()
    made.fleet.recall(before.fleet.remembered())
    made.fleet.begin(3 * NS)
    assert made.texts() == []
    made.online(4, "B")
    made.online(4)
    assert made.texts() == ["online: A is online again."]


def test_a_device_that_goes_and_comes_again() -> None:
    made = fleet()
    made.publish(1, "autocore/A/status", WILL)
    assert made.texts() == ["offline: A is offline, its broker lost it."]
    made.online(2)
    assert made.texts() == ["online: A is online again."]
    made.publish(3, "autocore/A/status", {"status": "offline"})
    assert made.texts() == ["offline: A is offline."]


def test_a_device_that_falls_silent() -> None:
    made = fleet(device_timeout_ns=10 * NS)
    for second in range(1, 13):
        made.quiet(second)
    assert made.texts() == ["offline: A is offline, it is silent."]


def test_a_device_that_was_forgotten_is_new() -> None:
    made = fleet(device_timeout_ns=5 * NS, device_retention_ns=8 * NS)
    for second in range(1, 15):
        made.quiet(second)
    made.texts()
    made.online(20)
    assert made.texts() == []


def test_critical_relays_only() -> None:
    made = fleet()
    made.relay(1, 3, state=True, triggered_by="web")
    made.relay(1, 2, state=True, triggered_by="web")
    made.online(2, "B")
    made.publish(3, "autocore/B/relay/3/status", {"state": True, "triggered_by": "web"})
    assert made.texts() == ["relay: A: critical relay 3 was switched on by web."]


def test_relays_that_operators_call_critical() -> None:
    made = fleet()
    made.announcer.critical_besides(frozenset({("A", 2)}))
    for number in (1, 2, 3):
        made.relay(1, number, state=True, triggered_by="web")
    assert [text.split()[4] for text in made.texts()] == ["2", "3"]
    made.announcer.critical_besides(frozenset())
    for number in (2, 3):
        made.relay(2, number, state=False, triggered_by="web")
    assert [text.split()[4] for text in made.texts()] == ["3"]


def test_repeats_and_first_states_of_a_snapshot_are_no_news() -> None:
    made = fleet()
    made.relay(1, 3, state=True, triggered_by="web")
    made.relay(2, 3, state=True, triggered_by="web")
    made.snapshot(3, c4=True)
    assert len(made.texts()) == 1


def test_a_switching_without_a_cause_is_told_when_nobody_has_explained_it() -> None:
    made = fleet()
    made.snapshot(1, c4=False)
    made.snapshot(2, c4=True)
    assert made.texts() == []
    made.quiet(5)
    assert made.texts() == ["relay: A: critical relay 3 was switched on."]


def test_a_shutoff() -> None:
    made = fleet()
    made.publish(1, "autocore/devices/A/telemetry", {"event": "safety_shutoff", "channel": 1})
    assert made.texts() == ["safety_shutoff: A switched relay 0 off for safety."]


def test_an_anomaly() -> None:
    made = fleet()
    for second in range(1, 41):
        made.telemetry(second, temperature=20 + second % 3 / 10)
    made.telemetry(41, temperature=90)
    assert made.texts() == ["anomaly: A: sensor temperature is unusual (outlier): 90 °C."]


@pytest.mark.parametrize(
    ("topic", "payload"), [("A/system/error", {"code": 1}), ("errors/A/ERR_001", {"error_code": "ERR_001"})]
)
def test_errors_of_devices(topic: str, payload: dict[str, object]) -> None:
    made = fleet()
    made.publish(1, f"autocore/{topic}", payload)
    (text,) = made.texts()
    assert text.startswith("hardware_error: A reports an error: ")
    made.publish(2, "autocore/A/system/ota", {"progress": 1})
    made.publish(2, "autocore/devices/A/response", {"success": False})
    made.publish(2, "autocore/modes/night", {"active": True})
    assert made.texts() == []


def test_a_publisher_cannot_write_more_than_a_line() -> None:
    made = fleet()
    made.publish(1, b"autocore/errors/A/" + "x\x1b[2J\u2028".encode() + b"y" * 300, {"error_code": 1})
    (notice,) = made.notices
    assert notice.text.isprintable()
    assert len(notice.text) < 150


@pytest.mark.parametrize("flag", ["retain", "duplicate", "backlog"])
def test_what_is_no_news_is_not_told(flag: str) -> None:
    made = fleet()
    made.publish(1, "autocore/A/status", WILL, **{flag: True})
    made.publish(1, "autocore/A/relay/3/status", {"state": True, "triggered_by": "web"}, **{flag: True})
    made.publish(1, "autocore/devices/A/telemetry", {"event": "safety_shutoff", "channel": 1}, **{flag: True})
    made.publish(1, "autocore/A/system/error", {"code": 1}, **{flag: True})
    assert made.texts() == []


def test_what_comes_late_is_not_told() -> None:
    made = fleet()
    topic = "autocore/A/relay/3/status"
    made.publish(100, topic, {"state": True, "triggered_by": "web", "timestamp": stamp(100)})
    made.texts()
    made.publish(101, topic, {"state": False, "triggered_by": "web", "timestamp": stamp(50)})
    assert made.texts() == []


def test_what_became_of_a_notice_is_counted_and_kept() -> None:
    catalogue = messages()
    meter = CompactMeter(catalogue)
    rows = RowList()
    recorder = NoticeRecorder(make_recorded(meter, catalogue), rows)
    notice = Notice(NoticeKind.RELAY, NoticeSeverity.CRITICAL, "Relay 3 of A.", AT, "A", 3)
    recorder.waits(Delivery(1, notice, "webhook"), 1)
    recorder.ended(Delivery(1, notice, "webhook"), Fate.SENT, 2, AT)
    recorder.ended(Delivery(2, notice, ""), Fate.DIGESTED, 0, AT)
    recorder.ended(Delivery(3, notice, "log"), Fate.FAILED, 6, AT)
    (family,) = [each for each in meter.collect() if each.instrument.name == names.NOTIFICATIONS]
    assert not isinstance(family, HistogramFamily)
    counted = {
        tuple((labels or {}).values()): value
        for labels, value in zip(family.attributes, family.values, strict=False)
    }
    assert counted == {
        ("webhook", "relay", "sent"): 1,
        ("none", "relay", "digested"): 1,
        ("log", "relay", "failed"): 1,
    }
    kept = rows.take(Notification)
    assert [(row.message_key, row.state, row.attempts, row.sent_at) for row in kept] == [
        ("run-notice-1", "pending", 1, None),
        ("run-notice-1", "sent", 2, AT),
        ("run-notice-2", "suppressed", 0, None),
        ("run-notice-3", "failed", 6, None),
    ]
    assert {(row.device_id, row.relay_index, row.created_at) for row in kept} == {("A", 3, AT)}


def test_without_a_database_a_notice_is_counted_only() -> None:
    catalogue = messages()
    recorder = NoticeRecorder(make_recorded(CompactMeter(catalogue), catalogue), None)
    notice = Notice(NoticeKind.DIGEST, NoticeSeverity.INFO, "3 further notices.", AT)
    recorder.waits(Delivery(1, notice, "log"), 0)
    recorder.ended(Delivery(1, notice, "log"), Fate.SENT, 1, AT)
    assert notice.dedupe_key == "digest//"
