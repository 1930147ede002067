"""Files of very many parts, and files in which two readers see different things."""

import struct
from collections.abc import Iterator

import numpy as np

from tests.serving import hostile

FULL = 9_900_000  # bytes; just below what the service takes


def corpus(size: int = FULL) -> Iterator[tuple[str, bytes]]:
    """Each fills ``size`` bytes with as many parts as there can be; each with what it is."""
    jpeg, png, gif, webp = (hostile.encoded(kind) for kind in ("JPEG", "PNG", "GIF", "WEBP"))
    yield "JPEG of segments", jpeg[:2] + _fill(b"\xff\xfe\0\x02", size) + jpeg[2:]
    yield (
        "JPEG of EXIF blocks",
        jpeg[:2] + _fill(hostile.segment(b"Exif\0\0MM\0*" + b"\0" * 40), size) + jpeg[2:],
    )
    yield "JPEG of fill bytes", jpeg[:2] + _fill(b"\xff", size) + jpeg[2:]
    yield "JPEG of segments with bytes between them", jpeg[:20] + _fill(b"\0\xff\xfe\0\x02", size) + jpeg[20:]
    yield "JPEG of scans", scans(2_000, size)
    yield "JPEG of markers behind its pixels", jpeg[:-2] + _fill(b"\xff\xfe\0\x02", size) + jpeg[-2:]
    yield "PNG of chunks", png[:33] + _fill(hostile.chunk(b"teSt", b""), size) + png[33:]
    yield "PNG of texts", png[:33] + _fill(hostile.chunk(b"tEXt", b"a\0b"), size) + png[33:]
    yield "PNG of pixels in pieces", png[:33] + _fill(hostile.chunk(b"IDAT", b""), size) + png[33:]
    head = 13 + 3 * (2 << (gif[10] & 7))
    yield "GIF of comments", gif[:head] + _fill(b"!\xfe\x01c\0", size) + gif[head:]
    yield "GIF of extensions", gif[:head] + _fill(b"!\x01\x01c\0", size) + gif[head:]
    yield "GIF of one long comment", gif[:head] + b"!\xfe" + _fill(b"\x01c", size) + b"\0" + gif[head:]
    inside = webp[8:] + _fill(b"abcd\0\0\0\0", size)
    yield "WebP of chunks", webp[:4] + struct.pack("<I", len(inside)) + inside
    yield "TIFF of strips", strips(size // 8 - 100)
    yield "TIFF of directories", _directories(size // 6 - 10)


def scans(side: int, size: int) -> bytes:
    """A progressive JPEG of ``side`` px whose pixels are gone over once more for every ten bytes."""
    whole = hostile.large(side, progressive=True)
    return whole[:-2] + _fill(b"\xff\xda\0\x08\x01\x01\0\x01\x3f\x02", size - len(whole)) + b"\xff\xd9"


def strips(count: int) -> bytes:
    """A TIFF 33 px wide and ``count`` px high, all rows of it the same 33 bytes."""
    table = 200 + 4 * count
    tags = [(256, 4, 1, 33), (257, 4, 1, count), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1)]
    tags += [(273, 4, count, 200), (277, 3, 1, 1), (278, 4, 1, 1), (279, 4, count, table)]
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(tags)) + entries
    return head.ljust(200, b"\0") + struct.pack("<I", 200) * count + struct.pack("<I", 33) * count + b"z" * 33


def two_frames(side: int) -> bytes:
    """A JPEG of ``side`` px in which who overlooks a fill byte finds a frame of 40 px first."""
    jpeg = hostile.of_side(hostile.large(64), side)
    at, scan = jpeg.index(b"\xff\xc0"), jpeg.index(b"\xff\xda") + 1
    filled = jpeg[:at] + b"\xff" + jpeg[at:]
    meant = at + 2 + int.from_bytes(filled[at + 2 : at + 4], "big")  # where "marker 0xFF" would end
    frame = b"\xff\xc0\0\x11\x08" + struct.pack(">HH", 40, 40) + b"\x03" + b"\0" * 9
    comment = b"x" * (meant - scan - 4) + frame
    return filled[:scan] + hostile.segment(comment, 0xFE) + filled[scan:]


def two_headers(side: int) -> bytes:
    """A PNG of ``side`` px behind a chunk that looks like a small picture's header to who counts bytes."""
    png = hostile.png(side, side, b"")
    small = struct.pack(">IIBBBBB", 40, 40, 8, 2, 0, 0, 0)
    return png[:8] + hostile.chunk(b"teSt", small) + png[8:]


def _fill(part: bytes, size: int) -> bytes:
    return part * (size // len(part))


def _directories(count: int) -> bytes:
    table = np.zeros(count, [("entries", "<u2"), ("next", "<u4")])
    table["next"] = 14 + 6 * np.arange(count)
    return b"II*\0\x08\0\0\0" + table.tobytes()
