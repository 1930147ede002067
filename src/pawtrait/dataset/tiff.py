"""A TIFF's first directory, read by hand: its size says nothing of what a decoder takes for one of its tiles.

A tile is unpacked as a whole, however little of it the picture shows: two megabytes hold one of gigabytes
around a single pixel. A strip is no higher than the picture.
"""

from collections.abc import Iterator
from typing import Literal, NamedTuple

MOST_TILE = 1 << 24  # pixels of a tile; editors write 256 px a side, some 1,024
ENDLESS = 1 << 64  # what nobody can tell
_SHORT, _LONG = 3, 4
_WIDTH, _LENGTH = 322, 323


class Entry(NamedTuple):
    """A tag, how many values of which kind it has, and the value where there is one."""

    tag: int
    kind: int
    values: int
    value: int


def entries(data: bytes) -> Iterator[Entry]:
    """Those of the first directory, as far as the bytes go."""
    order: Literal["little", "big"] = "little" if data.startswith(b"II") else "big"

    def number(at: int, length: int) -> int:
        return int.from_bytes(data[at : at + length], order)

    first = number(4, 4)
    for at in range(first + 2, first + 2 + 12 * number(first, 2), 12):
        kind = number(at + 2, 2)
        yield Entry(number(at, 2), kind, number(at + 4, 4), number(at + 8, 2 if kind == _SHORT else 4))


def tile(data: bytes) -> int:
    """Pixels of a tile, 0 where there are strips; of tags that are there twice the larger counts.

    Pillow takes the last of these and libtiff the first. What is said in another way than by one short or
    long is ``ENDLESS``, and so are 64-bit directories.
    """
    if 43 in data[2:4]:
        return ENDLESS
    sides = {_WIDTH: 0, _LENGTH: 0}
    for one in entries(data):
        if one.tag in sides:
            plain = one.kind in (_SHORT, _LONG) and one.values == 1
            sides[one.tag] = max(sides[one.tag], one.value if plain else ENDLESS)
    return sides[_WIDTH] * sides[_LENGTH]
