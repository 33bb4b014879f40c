"""A finished exposition, compressed once, to which every scrape adds a last few fresh lines.

Deflate blocks that end on a byte and refer to nothing before them may be strung together. So the samples of
a family are compressed once and stand in both formats' bodies, and a scrape appends the lines that only
it can know (how old this is) without touching the rest. RFC 1951 (deflate), RFC 1952 (gzip).
"""

import struct
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_GZIP_HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_RAW_DEFLATE = -15
# Level 1: three times as fast as 6 on such text for a quarter to a third more bytes (measured).
_LEVEL = 1
# What is inflated at a time: little, because each reader of plain text holds it. As a rule it gives 50 kB of
# text, and never more than the second.
_SOURCE_BYTES = 3072
_CHUNK_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Body:
    """Compressed text without its end. `crc` and `size` are those of the plain text."""

    deflated: bytes
    crc: int
    size: int

    def gzip(self, tail: str) -> list[bytes]:
        """The parts of a gzip stream of the text and the tail."""
        plain = tail.encode()
        compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
        end = compressor.compress(plain) + compressor.flush()
        crc = zlib.crc32(plain, self.crc)
        size = (self.size + len(plain)) & 0xFFFFFFFF
        return [_GZIP_HEADER, self.deflated, end + struct.pack("<II", crc, size)]

    def plain(self, tail: str) -> Iterator[bytes]:
        """Yield the text and the tail in pieces of bounded size: the whole is never held."""
        decompressor = zlib.decompressobj(_RAW_DEFLATE)
        deflated = memoryview(self.deflated)
        for start in range(0, len(deflated), _SOURCE_BYTES):
            # In slices, because zlib copies what it leaves: for 200 readers at once that was a gigabyte.
            source: bytes | memoryview = deflated[start : start + _SOURCE_BYTES]
            while source:
                yield decompressor.decompress(source, _CHUNK_BYTES)
                source = decompressor.unconsumed_tail
        yield tail.encode()


class BodyWriter:
    """Builds several bodies that share most of their text.

    Args:
        forms: A name for each body.
    """

    def __init__(self, forms: Iterable[str]) -> None:
        self._compressor = zlib.compressobj(_LEVEL, zlib.DEFLATED, _RAW_DEFLATE)
        self._parts: dict[str, list[bytes]] = {form: [] for form in forms}
        self._crc = dict.fromkeys(self._parts, 0)
        self._size = dict.fromkeys(self._parts, 0)

    def write(self, form: str, text: str) -> None:
        """Append text to one body."""
        self._append(text.encode(), (form,))

    def write_shared(self, chunks: Iterable[str]) -> None:
        """Append text to all bodies."""
        for chunk in chunks:
            self._append(chunk.encode(), self._parts)

    def finish(self) -> dict[str, Body]:
        """The bodies."""
        return {
            form: Body(b"".join(parts), self._crc[form], self._size[form])
            for form, parts in self._parts.items()
        }

    def _append(self, plain: bytes, forms: Iterable[str]) -> None:
        # A full flush ends on a byte and forgets what came before.
        deflated = self._compressor.compress(plain) + self._compressor.flush(zlib.Z_FULL_FLUSH)
        for form in forms:
            self._parts[form].append(deflated)
            self._crc[form] = zlib.crc32(plain, self._crc[form])
            self._size[form] += len(plain)
