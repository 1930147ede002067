"""Which pictures are copies of each other: a picture and all its copies form a group.

Splits, folds and intervals keep a group together. How copies are found stays behind ``groups``.
"""

import re
from collections.abc import Hashable, Iterator, Sequence
from hashlib import sha256
from pathlib import PurePosixPath

import numpy as np
from numpy.typing import NDArray

from pawtrait.dataset.manifest import Record

COPY = re.compile(r"aug-\d+-(?=.)")  # the pets' copies of 034.jpg are called aug-12-034.jpg
ROWS = 256  # compared with all others at once; bounds the memory


def groups(records: Sequence[Record], *, dhash_distance: int, phash_distance: int) -> dict[str, str]:
    """Map every path to its group's name, 16 hex digits: the beginning of the smallest id in it.

    Copies are: the same bytes; both perceptual hashes within their distances (bits of 64); names like
    ``aug-12-034.jpg`` beside ``034.jpg`` (of one label and one source split: the numbers start anew in each).
    A copy of a copy is a copy. A file that cannot be decoded is a copy by its name alone: all empty files
    have the same bytes, and would join what has nothing in common. The order does not matter.
    """
    parents = list(range(len(records)))
    for first, second in _links(records, dhash_distance, phash_distance):
        parents[_root(parents, first)] = _root(parents, second)
    roots = [_root(parents, place) for place in range(len(records))]
    smallest: dict[int, tuple[bool, str]] = {}
    for root, record in zip(roots, records, strict=True):
        smallest[root] = min(_name(record), smallest.get(root, _name(record)))
    return {record.path: smallest[root][1][:16] for root, record in zip(roots, records, strict=True)}


def _name(record: Record) -> tuple[bool, str]:
    """What a picture lends its group as a name; one that cannot be decoded only where there is no other."""
    return bool(record.problem), sha256(record.path.encode()).hexdigest() if record.problem else record.id


def _links(records: Sequence[Record], dhash_distance: int, phash_distance: int) -> Iterator[tuple[int, int]]:
    yield from _equal([record.path if record.problem else record.id for record in records])
    yield from _equal([_family(record) for record in records])
    hashed = [place for place, record in enumerate(records) if record.dhash and record.phash]
    difference = _bits([records[place].dhash for place in hashed])
    cosine = _bits([records[place].phash for place in hashed])
    for first, second in _close(difference, cosine, dhash_distance, phash_distance):
        yield hashed[first], hashed[second]


def _equal(keys: Sequence[Hashable]) -> Iterator[tuple[int, int]]:
    """Link each key's places to the first of them."""
    first: dict[Hashable, int] = {}
    for place, key in enumerate(keys):
        yield first.setdefault(key, place), place


def _family(record: Record) -> tuple[str, str, str]:
    """The name of the original that a copy's name points to, where such names are unique."""
    name = PurePosixPath(record.path).name
    while copy := COPY.match(name):
        name = name[copy.end() :]
    return record.published, record.label, name


def _close(
    difference: NDArray[np.uint64], cosine: NDArray[np.uint64], dhash_distance: int, phash_distance: int
) -> Iterator[tuple[int, int]]:
    """All pairs within both distances, ``ROWS`` rows of the table of pairs at a time."""
    for start in range(0, len(difference), ROWS):
        rows = slice(start, start + ROWS)
        near = np.bitwise_count(difference[rows, None] ^ difference[None, start:]) <= dhash_distance
        near &= np.bitwise_count(cosine[rows, None] ^ cosine[None, start:]) <= phash_distance
        for first, second in np.argwhere(near):
            yield start + int(first), start + int(second)


def _bits(hashes: Sequence[str]) -> NDArray[np.uint64]:
    return np.array([int(text, 16) for text in hashes], np.uint64)


def _root(parents: list[int], place: int) -> int:
    while parents[place] != place:
        parents[place] = parents[parents[place]]  # halve the way for the next one
        place = parents[place]
    return place
