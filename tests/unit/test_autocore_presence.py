"""Rules 2, 3, 4, 7, 8 and 10 of docs/autocore.md: who is there, who is known, and what of it."""

import pytest

from otel_tickrmeter.fleets.autocore.reason import Registration, Word
from otel_tickrmeter.stream.message import (
    Connected,
    Doubted,
    Dropped,
    Heard,
    Lost,
    Refused,
    Settled,
    Stalled,
    Subscribed,
)
from otel_tickrmeter.stream.reason import LinkReason
from tests.support.autocore import NS, UNIX, Driver, Entry, named, ns, stamp

WILL = {"status": "offline", "reason": "unexpected_disconnect"}
STATUS = "autocore/A/status"


def turns(entries: list[Entry]) -> list[Entry]:
    return [entry for entry in entries if entry[0] in ("online", "offline")]


class TestRetained:
    def test_rule_2_a_retained_online_makes_nobody_online(self) -> None:
        driver = Driver()
        driver.online(1)
        driver.publish(2, STATUS, WILL)
        told = driver.publish(3, STATUS, {"status": "online"}, retain=True)
        assert told == [("set_aside", "status", "retained")]
        assert driver.device().word is Word.OFFLINE
        assert driver.device().last_seen_ns == (UNIX + 2) * NS

    def test_rule_2_it_fills_in_what_is_unknown_and_overwrites_nothing(self) -> None:
        driver = Driver()
        driver.online(1, ip_address="10.0.0.1", memory_free=5)
        kept = {
            "status": "online",
            "ip_address": "10.0.0.2",
            "firmware_version": "1.2",
            "memory_free": 9,
            "uptime": 7,
            "wifi_signal": -60,
        }
        assert driver.publish(2, STATUS, kept, retain=True) == [
            ("set_aside", "status", "retained"),
            ("filled", "A", None),
        ]
        device = driver.device()
        assert (device.ip_address, device.firmware_version) == ("10.0.0.1", "1.2")
        assert (device.memory_free, device.uptime, device.wifi_signal) == (5, 7, -60)
        again = driver.publish(2, STATUS, {**kept, "uptime": 1, "wifi_signal": -70}, retain=True)
        assert again == [("set_aside", "status", "retained")]
        assert (device.uptime, device.wifi_signal) == (7, -60)

    def test_rule_2_a_retained_relay_state_is_no_switching(self) -> None:
        driver = Driver()
        driver.online(1)
        topic = "autocore/A/relay/3/status"
        assert driver.publish(2, topic, {"state": True, "triggered_by": "web"}, retain=True) == [
            ("set_aside", "relay_status", "retained"),
            ("filled", "A", 3),
        ]
        relay = driver.device().relays[3]
        assert (relay.state, relay.retained, relay.since_ns) == (True, True, None)
        assert driver.publish(3, topic, {"state": False}, retain=True) == [
            ("set_aside", "relay_status", "retained")
        ]
        assert relay.state is True

    def test_rule_2_what_is_known_live_replaces_it(self) -> None:
        driver = Driver()
        driver.online(1)
        driver.publish(2, "autocore/A/relay/3/status", {"state": True}, retain=True)
        assert named(driver.relay(3, 3, state=True), "repeated") == [("A", 3)]
        assert driver.device().relays[3].retained is False
        told = driver.relay(4, 3, state=False, triggered_by="web")
        assert named(told, "changed") == [("A", 3, False, "web")]

    def test_rule_2_it_waits_for_its_device(self) -> None:
        # A board says who it is once for each of its connections, and the broker keeps that for us.
        driver = Driver()
        kept = {"status": "online", "firmware_version": "2.2"}
        assert driver.publish(1, STATUS, kept, retain=True) == [("set_aside", "status", "retained")]
        driver.publish(1, "autocore/A/relay/0/status", {"state": True}, retain=True)
        assert not driver.fleet.devices
        assert named(driver.telemetry(2, temperature=1), "filled") == [("A", None), ("A", 0)]
        assert driver.device().firmware_version == "2.2"

    def test_rule_2_what_waits_is_bounded_and_comes_again(self) -> None:
        driver = Driver(max_devices=1)
        for number in range(9):
            driver.publish(1, f"autocore/A/relay/{number}/status", {"state": True}, retain=True)
            driver.publish(1, f"autocore/A/relay/{number}/status", {"state": True}, retain=True)
        driver.publish(1, "autocore/A/system/ota", {}, retain=True)
        driver.publish(1, "autocore/devices/A/announce", {"firmware": "1"}, retain=True)
        driver.notice(Lost(ns(2), LinkReason.OTHER, ""))
        driver.publish(3, "autocore/devices/A/announce", {"firmware": "1"}, retain=True)
        for number in range(9):
            driver.publish(3, f"autocore/A/relay/{number}/status", {"state": True}, retain=True)
        assert named(driver.online(4), "filled") == [("A", None), ("A", 0), ("A", 1), ("A", 2)]

    def test_rule_2_it_may_come_before_the_subscription_is_confirmed(self) -> None:
        driver = Driver()
        driver.notice(Connected(ns(1), session_present=False, protocol="5"))
        driver.publish(1, STATUS, {"status": "online", "firmware_version": "2.2"}, retain=True)
        driver.notice(Subscribed(ns(2)))
        assert named(driver.telemetry(3, temperature=1), "filled") == [("A", None)]

    def test_rule_2_what_waited_makes_room(self) -> None:
        driver = Driver(max_devices=1)
        for at, device in ((1, "A"), (5, "B")):
            for number in range(4):
                driver.publish(at, f"autocore/{device}/relay/{number}/status", {"state": True}, retain=True)
            assert len(named(driver.online(at + 1, device), "filled")) == 4
            driver.publish(at + 2, f"autocore/{device}/status", WILL)

    def test_rule_2_retained_readings_and_events_are_nothing(self) -> None:
        driver = Driver()
        driver.online(1)
        for topic in ("autocore/A/telemetry", "autocore/A/system/boot", "autocore/modes/night"):
            told = driver.publish(2, topic, {"temperature": 1}, retain=True)
            assert [entry[0] for entry in told] == ["set_aside"]
        assert not driver.device().sensors


class TestPresence:
    def test_rule_3_the_will_counts_by_arrival_whatever_its_timestamp(self) -> None:
        driver = Driver()
        driver.online(100, timestamp=stamp(100))
        driver.telemetry(200, temperature=1, timestamp=stamp(200))
        # It was written when the device connected, or before its clock was set.
        for at, told in ((210, stamp(100)), (230, "1970-01-01T00:00:00Z")):
            assert driver.publish(at, STATUS, {**WILL, "timestamp": told}) == [
                ("described", "A", "offline"),
                ("offline", "A", "will"),
            ]
            assert driver.ledger.whens[-1].at_ns == (UNIX + at) * NS
            driver.telemetry(at + 1, temperature=1, timestamp=stamp(at + 1))

    def test_rule_3_a_device_may_say_that_it_goes(self) -> None:
        driver = Driver()
        driver.online(1)
        told = driver.publish(2, STATUS, {"status": "offline", "reason": "sleep"})
        assert turns(told) == [("offline", "A", "reported")]
        assert driver.device().reason == "sleep"
        assert turns(driver.publish(3, STATUS, {"status": "offline"})) == []

    @pytest.mark.parametrize(
        ("topic", "payload"),
        [
            ("autocore/A/telemetry", {"temperature": 1}),
            ("autocore/A/relay/0/status", {"state": True}),
            ("autocore/A/display/interaction", {"action": "touch"}),
            ("autocore/A/system/ping", {}),
            ("autocore/devices/A/relays/state", {"channels": {"1": True}}),
            ("autocore/devices/A/response", {"success": True}),
            ("autocore/devices/A/status", {"cpu_temperature": 50}),
        ],
    )
    def test_rule_4_every_live_message_of_its_own_proves_presence(self, topic: str, payload: object) -> None:
        driver = Driver()
        driver.online(1)
        driver.publish(2, STATUS, WILL)
        assert turns(driver.publish(3, topic, payload)) == [("online", "A", "activity")]
        assert driver.device().last_seen_ns == (UNIX + 3) * NS

    def test_rule_4_what_is_addressed_to_a_device_proves_nothing(self) -> None:
        driver = Driver()
        driver.online(1)
        driver.publish(2, STATUS, WILL)
        for topic in ("relays/set", "relays/heartbeat", "command", "commands/reboot"):
            assert driver.publish(3, f"autocore/devices/A/{topic}", {"channel": 1}) == []
        assert driver.types[-4:] == ["command"] * 4
        assert not driver.device().online

    def test_rule_4_silence_for_the_timeout_is_offline(self) -> None:
        driver = Driver()
        driver.online(1)
        assert turns(driver.quiet(301)) == []
        assert turns(driver.quiet(302.1)) == [("offline", "A", "silence")]
        assert turns(driver.quiet(400)) == []
        assert turns(driver.telemetry(401, temperature=1)) == [("online", "A", "activity")]

    def test_rule_4_an_error_is_no_absence_and_stays_until_it_is_over(self) -> None:
        driver = Driver()
        driver.online(1)
        assert turns(driver.publish(2, STATUS, {"status": "error"})) == []
        driver.telemetry(3, temperature=1)
        assert driver.device().word is Word.ERROR
        assert turns(driver.publish(4, STATUS, {"status": "offline"})) == [("offline", "A", "reported")]
        assert turns(driver.publish(5, STATUS, {"status": "maintenance"})) == [("online", "A", "reported")]

    def test_rule_4_a_broker_gone_makes_nobody_offline_and_gives_everybody_the_whole_time(self) -> None:
        driver = Driver()
        driver.online(1)
        driver.quiet(290)
        driver.notice(Lost(ns(291), LinkReason.OTHER, ""))
        driver.notice(Refused(ns(2000), LinkReason.OTHER, ""))
        driver.notice(Connected(ns(3000), session_present=False, protocol="5"))
        driver.notice(Subscribed(ns(3001)))
        driver.notice(Settled(ns(3002)))
        assert turns(driver.quiet(3301)) == []
        assert turns(driver.quiet(3302.5)) == [("offline", "A", "silence")]

    @pytest.mark.parametrize(
        "event",
        [Stalled(ns(250), 100.0), Doubted(ns(250), 2.0), Heard(ns(250), 2.0), Dropped(ns(250), 9)],
    )
    def test_rule_4_while_we_cannot_hear_no_silence_counts(
        self, event: Stalled | Doubted | Heard | Dropped
    ) -> None:
        driver = Driver()
        driver.online(1)
        driver.quiet(150)
        driver.notice(event)
        assert turns(driver.quiet(401)) == []
        assert turns(driver.quiet(402.5)) == [("offline", "A", "silence")]

    def test_rule_4_what_we_missed_and_have_heard_since_is_no_deafness(self) -> None:
        driver = Driver()
        driver.online(1)
        driver.quiet(200)
        driver.notice(Dropped(ns(150), 1))
        assert turns(driver.quiet(302.5)) == [("offline", "A", "silence")]

    def test_rule_4_a_word_that_is_none_proves_presence_all_the_same(self) -> None:
        driver = Driver()
        told = driver.publish(1, STATUS, {"status": "busy"})
        assert ("set_aside", "status", "wrong_type") in told
        assert turns(told) == [("online", "A", "activity")]

    def test_rule_10_a_backlog_proves_presence_for_its_own_time_only(self) -> None:
        driver = Driver()
        topic = "autocore/A/telemetry"
        old = driver.publish(1000, topic, {"temperature": 1, "timestamp": stamp(100)}, backlog=True)
        assert turns(old) == []
        assert driver.device().last_seen_ns == (UNIX + 1000) * NS  # when it was admitted
        newer = driver.publish(1000, topic, {"temperature": 2, "timestamp": stamp(900)}, backlog=True)
        assert turns(newer) == [("online", "A", "activity")]
        driver.publish(1001, STATUS, WILL)
        without = driver.publish(1002, topic, {"temperature": 3}, backlog=True)
        assert turns(without) == [("online", "A", "activity")]
        assert all(when.backlog for when in driver.ledger.whens[-1:])


class TestPlaceholders:
    def test_rule_7_placeholders_overwrite_nothing(self) -> None:
        driver = Driver()
        driver.online(1, ip_address="10.0.0.7", firmware_version="1.0", wifi_signal=-71)
        told = driver.online(2, ip_address="0.0.0.0", firmware_version=" ", wifi_signal=-50)  # noqa: S104
        assert told == []
        device = driver.device()
        assert (device.ip_address, device.firmware_version, device.wifi_signal) == ("10.0.0.7", "1.0", -71)

    def test_rule_7_a_signal_of_minus_50_beside_an_address_is_one(self) -> None:
        driver = Driver()
        driver.online(2, ip_address="10.0.0.7", wifi_signal=-50)
        assert driver.device().wifi_signal == -50

    def test_rule_7_an_uptime_that_goes_down_is_a_restart(self) -> None:
        driver = Driver()
        driver.online(1, uptime=3600)
        assert named(driver.online(2, uptime=3599), "restarted") == []
        assert named(driver.online(3, uptime=5), "restarted") == [("A",)]
        assert named(driver.telemetry(4, uptime_seconds=1), "restarted") == [("A",)]

    def test_rule_7_a_boot_message_is_a_restart_and_the_uptime_after_it_no_second(self) -> None:
        driver = Driver()
        driver.online(1, uptime=3600)
        assert named(driver.publish(2, "autocore/A/system/boot", {}), "restarted") == [("A",)]
        assert named(driver.online(3, uptime=5), "restarted") == []


class TestRegistration:
    OWN: tuple[tuple[str, dict[str, object]], ...] = (
        ("autocore/A/telemetry", {"temperature": 1}),
        ("autocore/A/relay/0/status", {"state": True}),
        ("autocore/A/system/ping", {}),
    )

    @pytest.mark.parametrize(("topic", "payload"), OWN)
    def test_rule_8_any_live_message_of_its_own_registers(self, topic: str, payload: object) -> None:
        driver = Driver()
        assert named(driver.publish(1, topic, payload), "registered") == [("A",)]

    @pytest.mark.parametrize(("topic", "payload"), OWN)
    def test_rule_8_announced_ones_only(self, topic: str, payload: object) -> None:
        driver = Driver(registration=Registration.ANNOUNCE)
        told = driver.publish(1, topic, payload)
        assert [entry[::2] for entry in told] == [("set_aside", "unknown_device")]
        assert named(driver.online(2), "registered") == [("A",)]
        announced = driver.publish(3, "autocore/discovery/announce", {"uuid": "B", "type": "relay"})
        assert named(announced, "registered") == [("B",)]
        assert driver.device("B").device_type == "relay"

    def test_rule_8_closed_admits_whom_operators_know(self) -> None:
        driver = Driver(registration=Registration.CLOSED)
        driver.fleet.welcome(frozenset({"A"}))
        driver.publish(1, "autocore/A/status", {"status": "online"}, retain=True)
        assert not driver.fleet.devices
        driver.telemetry(2, "A", voltage=12)
        driver.online(2, "B")
        assert {*driver.fleet.devices} == {"A"}
        driver.fleet.welcome(frozenset())
        driver.online(3, "A")
        assert driver.device("A").online

    def test_rule_8_closed_admits_nobody(self) -> None:
        driver = Driver(registration=Registration.CLOSED)
        assert driver.online(1) == [("set_aside", "status", "unknown_device")]

    def test_rule_8_what_is_no_valid_message_registers_nobody(self) -> None:
        driver = Driver()
        for payload in (b"{", {"device_id": "B", "status": "online"}, {}):
            driver.publish(1, STATUS, payload)
        assert not driver.fleet.devices

    def test_rule_8_max_devices_holds_and_who_is_gone_gives_way(self) -> None:
        driver = Driver(max_devices=2)
        driver.online(1, "A")
        driver.online(2, "B")
        assert driver.online(3, "C") == [("set_aside", "status", "max_devices")]
        driver.publish(4, "autocore/B/status", WILL)
        driver.publish(5, "autocore/A/status", WILL)
        assert named(driver.online(6, "C"), "forgotten") == [("B",)]
        # Room is looked for once a second at most.
        assert driver.online(6.5, "D") == [("set_aside", "status", "max_devices")]
        assert named(driver.online(7, "D"), "forgotten") == [("A",)]
        assert {*driver.fleet.devices} == {"C", "D"}

    def test_rule_8_who_was_silent_for_the_retention_is_forgotten(self) -> None:
        driver = Driver()
        driver.relay(1, 0, state=True)
        driver.quiet(400)
        assert named(driver.quiet(3601), "forgotten") == []
        assert driver.quiet(3602.5) == [("forgotten", "A")]
        assert not driver.fleet.devices

    def test_a_switching_that_waits_for_its_cause_is_told_before_its_board_is_forgotten(self) -> None:
        driver = Driver(max_devices=1)
        driver.relay(1, 0, state=True)
        driver.publish(1, STATUS, WILL)
        told = driver.online(2, "B")
        assert [entry[0] for entry in told[:2]] == ["changed", "forgotten"]
        assert named(driver.quiet(10), "changed") == []

    def test_boards_that_others_keep_are_forgotten(self) -> None:
        driver = Driver()
        driver.online(1, "A")
        driver.online(2, "B")
        driver.intake.release(lambda device_id: device_id == "A")
        assert driver.ledger.take() == [("forgotten", "A")]
        assert driver.fleet.devices.keys() == {"B"}
