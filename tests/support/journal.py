"""A journal as a receiving process would have written it."""

from collections.abc import Iterable
from pathlib import Path

from otel_tickrmeter.journal.write import Journal, JournalRule
from otel_tickrmeter.stream.frames import encode_event
from otel_tickrmeter.stream.message import LinkEvent, Message
from tests.support.assembly import UNIX_OFFSET_NS


def write_down(directory: Path, run: str, steps: Iterable[Message | LinkEvent], segment_bytes: int) -> None:
    """Write down what came, one after the other, in files of that size."""
    rule = JournalRule(str(directory), run, ("autocore/",), 1 << 30, "boot", UNIX_OFFSET_NS)
    journal = Journal(rule, segment_bytes=segment_bytes, measure=lambda: UNIX_OFFSET_NS)
    for step in steps:
        if isinstance(step, Message):
            journal.record(step)
        else:
            journal.add_event(encode_event(step))
        journal.commit()
    journal.close()
    assert not journal.trouble
