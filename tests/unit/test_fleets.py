"""Several fleets at once: each gets what is its own, and only that."""

from collections.abc import Callable, Mapping
from enum import StrEnum

import pytest

from otel_tickrmeter.catalogue.observe import Observe
from otel_tickrmeter.exporter.catalogue.receiving import messages
from otel_tickrmeter.exporter.messages import MessageRecorder
from otel_tickrmeter.exporter.recorder import ProgramRecorder
from otel_tickrmeter.fleets.roster import FLEETS
from otel_tickrmeter.handler import Handler
from otel_tickrmeter.rows import all_rows
from otel_tickrmeter.set_aside import SetAside
from otel_tickrmeter.settings.model import Settings
from otel_tickrmeter.stream.link_state import LinkState
from otel_tickrmeter.stream.message import LinkEvent, Message, Watermark
from otel_tickrmeter.stream.reason import ErrorReason
from otel_tickrmeter.telemetry.compact import CompactMeter
from otel_tickrmeter.telemetry.registration import Recorded, make_recorded
from otel_tickrmeter.views.glance import Glance
from otel_tickrmeter.views.view import View
from tests.support.wire import message


class Kind(StrEnum):
    WORD = "word"
    BAD = "bad"
    STRAY = "stray"


class Listener:
    """A fleet whose topics begin with its name; implements `Intake`."""

    def __init__(self, name: str, recorded: Recorded) -> None:
        self._name = name
        self.figures = MessageRecorder(recorded, name, Kind)
        self.unclaimed = Kind.STRAY
        self.taken: list[tuple[Kind, bytes]] = []
        self.noted: list[LinkEvent] = []

    def classify(self, topic: bytes, /) -> Kind | None:
        if not topic.startswith(f"{self._name}/".encode()):
            return None
        return Kind.BAD if topic.endswith(b"/bad") else Kind.WORD

    def take(self, message_type: Kind, message: Message) -> Kind:
        self.taken.append((message_type, message.topic))
        if message_type is Kind.BAD:
            self.figures.message_error(message_type, ErrorReason.BAD_JSON)
        return message_type

    def noticed(self, event: LinkEvent) -> None:
        self.noted.append(event)

    def use(self, settings: Settings) -> None:
        del settings

    def memory(self) -> None:
        pass

    def recovery(self) -> None:
        pass

    def release(self, leaves: Callable[[str], bool]) -> None:
        del leaves

    def sender(self, message_type: Kind, message: Message) -> bytes | None:
        del message_type
        return message.topic

    def callbacks(self) -> Mapping[str, Observe]:
        return {}

    def not_ready_reason(self) -> str | None:
        return None

    def views(self) -> tuple[View, ...]:
        return ()

    def glance(self) -> Glance:
        return Glance(self._name, (), (), ())


@pytest.fixture
def meter() -> CompactMeter:
    kinds = tuple(Kind)
    return CompactMeter((*all_rows(), *messages("first", kinds), *messages("second", kinds)))


@pytest.fixture
def fleets(meter: CompactMeter) -> tuple[Listener, Listener]:
    kinds = tuple(Kind)
    recorded = make_recorded(meter, (*messages("first", kinds), *messages("second", kinds)))
    return Listener("first", recorded), Listener("second", recorded)


@pytest.fixture
def handler(meter: CompactMeter, fleets: tuple[Listener, Listener]) -> Handler:
    program = ProgramRecorder(make_recorded(meter, all_rows()))
    return Handler(fleets, program, lambda: 0, LinkState(0), set_aside=SetAside(None, lambda: 0))


def figures(meter: CompactMeter, name: str) -> dict[str, float]:
    for family in meter.collect():
        if family.instrument.exposed == name:
            return {str(labels): value for labels, value in family.rows() if value}  # type: ignore[union-attr]
    raise LookupError(name)


def test_a_message_goes_to_the_fleet_whose_topic_it_is(
    handler: Handler, fleets: tuple[Listener, Listener]
) -> None:
    handler.deliver([message("second/x", b""), message("first/x", b""), message("second/y", b"")])
    assert fleets[0].taken == [(Kind.WORD, b"first/x")]
    assert fleets[1].taken == [(Kind.WORD, b"second/x"), (Kind.WORD, b"second/y")]


def test_each_fleet_counts_its_own_messages_and_errors(
    handler: Handler, fleets: tuple[Listener, Listener], meter: CompactMeter
) -> None:
    handler.deliver([message("first/x", b""), message("second/bad", b""), message("second/x", b"")])
    assert figures(meter, "first_messages_total") == {'message_type="word"': 1}
    assert figures(meter, "first_message_errors_total") == {}
    assert figures(meter, "second_messages_total") == {'message_type="bad"': 1, 'message_type="word"': 1}
    assert figures(meter, "second_message_errors_total") == {'message_type="bad",reason="bad_json"': 1}
    assert [(fleet.figures.processed, fleet.figures.errors) for fleet in fleets] == [(1, 0), (2, 1)]
    assert fleets[1].figures.set_aside == []


def test_what_is_nobodys_is_counted_by_the_first(
    handler: Handler, fleets: tuple[Listener, Listener], meter: CompactMeter
) -> None:
    handler.deliver([message("elsewhere", b"")])
    assert fleets[0].taken == [(Kind.STRAY, b"elsewhere")]
    assert fleets[1].taken == []
    assert figures(meter, "first_messages_total") == {'message_type="stray"': 1}


def test_every_fleet_is_told_of_the_link(handler: Handler, fleets: tuple[Listener, Listener]) -> None:
    event = Watermark(5, 0, 5)
    handler.report(event)
    assert [fleet.noted for fleet in fleets] == [[event], [event]]


def test_names_of_fleets_are_those_of_their_tables_and_instruments() -> None:
    assert len({fleet.name for fleet in FLEETS}) == len(FLEETS)
    for fleet in FLEETS:
        assert f"{fleet.name}.enabled" in {key.name for key in fleet.keys}
        assert any(row.exposed == f"{fleet.name}_messages_total" for row in all_rows())
