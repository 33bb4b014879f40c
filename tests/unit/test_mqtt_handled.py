from otel_tickrmeter.mqtt.handled import Handled


def test_what_is_marked_and_was_never_here_is_the_first() -> None:
    assert not Handled().repeats(1, b"t", b"a", dup=True)


def test_the_same_again_under_its_packet_id_was_here_before() -> None:
    handled = Handled()
    assert not handled.repeats(1, b"t", b"a", dup=False)
    assert handled.repeats(1, b"t", b"a", dup=True)
    assert handled.repeats(1, b"t", b"a", dup=True)


def test_another_packet_id_topic_or_payload_is_another_message() -> None:
    handled = Handled()
    handled.repeats(1, b"t", b"a", dup=False)
    assert not handled.repeats(2, b"t", b"a", dup=True)
    assert not handled.repeats(1, b"t", b"b", dup=True)
    assert not handled.repeats(1, b"tb", b"", dup=True)


def test_a_packet_id_that_is_used_again_stands_for_its_last_message() -> None:
    handled = Handled()
    handled.repeats(1, b"t", b"a", dup=False)
    handled.repeats(1, b"t", b"b", dup=False)
    assert not handled.repeats(1, b"t", b"a", dup=True)


def test_without_the_mark_it_is_a_new_message() -> None:
    """Its packet id was free again, so the broker has our acknowledgement."""
    handled = Handled()
    handled.repeats(1, b"t", b"a", dup=False)
    assert not handled.repeats(1, b"t", b"a", dup=False)


def test_a_new_session_remembers_nothing() -> None:
    handled = Handled()
    handled.repeats(1, b"t", b"a", dup=False)
    handled.forget()
    assert not handled.repeats(1, b"t", b"a", dup=True)
