"""Bodies strung together from compressed parts, against gzip's own reading of them."""

import gzip
import random
import struct
import subprocess
import tracemalloc
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from otel_tickrmeter.telemetry.body import Body, BodyWriter

FORMS = ("one", "two")
_text = st.text(st.characters(codec="utf-8"), max_size=40)
# Runs that compress to next to nothing, about the size of the pieces that plain text is served in.
_long = st.builds(lambda text, size: (text * size)[:size], _text.filter(bool), st.integers(131_000, 270_000))
_part = st.tuples(st.sampled_from([*FORMS, "both"]), st.lists(_text | _long, max_size=3))


@settings(max_examples=60)
@given(st.lists(_part, max_size=6), _text)
def test_every_reading_gives_the_text(parts: list[tuple[str, list[str]]], tail: str) -> None:
    writer = BodyWriter(FORMS)
    written = dict.fromkeys(FORMS, "")
    for form, chunks in parts:
        if form == "both":
            writer.write_shared(chunks)
        else:
            writer.write(form, "".join(chunks))
        for each in FORMS if form == "both" else (form,):
            written[each] += "".join(chunks)
    for form, body in writer.finish().items():
        plain = (written[form] + tail).encode()
        assert b"".join(body.plain(tail)) == plain
        _check_gzip(b"".join(body.gzip(tail)), plain)
        # A body is read again and again, with another tail each time.
        assert gzip.decompress(b"".join(body.gzip("other"))) == written[form].encode() + b"other"


def _check_gzip(stream: bytes, plain: bytes) -> None:
    assert gzip.decompress(stream) == plain
    crc, size = struct.unpack("<II", stream[-8:])
    assert (crc, size) == (zlib.crc32(plain), len(plain))
    # One member: strict readers, and Go's by default, take what follows the first for rubbish.
    decompressor = zlib.decompressobj(wbits=31)
    assert decompressor.decompress(stream) == plain
    assert decompressor.eof
    assert decompressor.unused_data == b""


def test_zcat_reads_it_too() -> None:
    writer = BodyWriter(FORMS)
    writer.write("one", "# HELP é\n")
    writer.write_shared(f"x {number}\n" for number in range(5000))
    body = writer.finish()["one"]
    read = subprocess.run(["zcat"], input=b"".join(body.gzip("# EOF\n")), capture_output=True, check=True)
    assert read.stdout == b"".join(body.plain("# EOF\n"))
    assert read.stderr == b""


def test_pieces_of_plain_text_are_bounded() -> None:
    writer = BodyWriter(FORMS)
    writer.write("one", "x" * 1_000_000)
    pieces = list(writer.finish()["one"].plain("end"))
    assert sum(map(len, pieces)) == 1_000_003
    assert max(map(len, pieces)) <= 1 << 16


def test_a_reader_of_plain_text_holds_a_piece_and_no_copy_of_the_rest() -> None:
    writer = BodyWriter(FORMS)
    writer.write("one", random.Random(1).randbytes(1_000_000).hex())  # noqa: S311  no secret
    body = writer.finish()["one"]
    assert len(body.deflated) > 1_000_000
    tracemalloc.start()
    try:
        readers = [body.plain("end") for _ in range(50)]
        for reader in readers:
            next(reader)
        held_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held_bytes < len(readers) * 100_000


def test_nothing_but_a_tail() -> None:
    body = BodyWriter(FORMS).finish()["one"]
    assert body == Body(b"", 0, 0)
    assert list(body.plain("x\n")) == [b"x\n"]
    assert gzip.decompress(b"".join(body.gzip("x\n"))) == b"x\n"
