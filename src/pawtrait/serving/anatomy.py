"""How many parts a file is made of, and how large one is, before a decoder finds out.

Ten million bytes hold millions of empty comments, and Pillow goes through them one by one in Python, for
seconds, while no other thread gets anything done. No camera and no editor makes so many. A tile larger than
the picture would fill the memory.
"""

from collections.abc import Callable, Iterator

from pawtrait.dataset import images, tiff
from pawtrait.serving.problems import Problem

_BARE = (0x00, 0x01, *range(0xD0, 0xDA))  # JPEG's markers that no length follows
_SCAN, SCANS = b"\xff\xda", 100  # a decoder goes over all pixels once a scan; ten are usual
_PIECES = (273, 324)  # TIFF's tags: where the strips are, or the tiles


def check(data: bytes, name: str) -> None:
    """Refuse a file of too many parts or too large ones; what else is wrong with it is its decoder's to say.

    Raises:
        Problem: 413 a tile of too many pixels, 422.
    """
    kind = images.sniff(data)
    if kind == "tiff" and tiff.tile(data) > tiff.MOST_TILE:
        said = f"{name}: a tile of more than {tiff.MOST_TILE} pixels; save it anew"
        raise Problem(413, "too-many-pixels", said)
    if kind in _WALKS:
        walk, most = _WALKS[kind]
        for number, _ in enumerate(walk(data)):
            if number >= most:
                said = f"{name}: more than {most} parts, which no picture needs; save it anew"
                raise Problem(422, "unreadable-picture", said)
    if kind == "jpeg" and data.count(_SCAN) > SCANS:
        raise Problem(422, "unreadable-picture", f"{name}: more than {SCANS} scans; save it anew")


def _jpeg(data: bytes) -> Iterator[int]:
    """Segments and fill bytes before the first scan, and what lies between them, which decoders skip too."""
    at = 2
    while at + 4 <= len(data) and data[at : at + 2] != _SCAN:
        yield at
        if data[at] != 0xFF:
            at = data.find(b"\xff", at)
            if at < 0:
                return
            continue
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
        elif marker in _BARE:
            at += 2
        else:
            at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")


def _png(data: bytes) -> Iterator[int]:
    at = 8
    while at + 12 <= len(data):
        yield at
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _gif(data: bytes) -> Iterator[int]:
    """Blocks and the sub-blocks in them."""
    at = 13 + _table(data[10]) if len(data) > 13 else len(data)
    while at + 2 <= len(data):
        yield at
        if data[at] == 0x21:  # an extension
            at += 2
        elif data[at] == 0x2C and at + 11 <= len(data):  # a picture, behind it the width of its codes
            at += 11 + _table(data[at + 9])
        else:
            return
        while at < len(data) and data[at]:
            yield at
            at += 1 + data[at]
        at += 1


def _table(flags: int) -> int:
    """Bytes of a table of colours."""
    return 3 * (2 << (flags & 7)) if flags & 0x80 else 0


def _webp(data: bytes) -> Iterator[int]:
    at = 12
    while at + 8 <= len(data):
        yield at
        length = int.from_bytes(data[at + 4 : at + 8], "little")
        at += 8 + length + length % 2


def _tiff(data: bytes) -> Iterator[int]:
    """As many as the first directory says that there are strips or tiles."""
    said = [one.values for one in tiff.entries(data) if one.tag in _PIECES]
    return iter(range(sum(said)))


_WALKS: dict[str, tuple[Callable[[bytes], Iterator[int]], int]] = {
    "jpeg": (_jpeg, 4_096),
    "png": (_png, 16_384),  # an encoder may write a kilobyte at a time
    "gif": (_gif, 65_536),  # 255 bytes at a time
    "webp": (_webp, 4_096),
    "tiff": (_tiff, 16_384),  # a strip a row
}
