"""The painted domain: which files of a tree are paintings, a row each, and why the others are not."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import numpy as np

from pawtrait.dataset import images
from pawtrait.dataset.layout import is_junk, tame
from pawtrait.errors import BadData, BadImage

LEAST = 32  # px of the shorter side; less holds no manner


@dataclass(frozen=True, slots=True)
class Painting:
    """One file of the source, taken or not."""

    name: str  # how commands call it; unique
    path: str  # relative to the paintings' folder, "" where it is not taken
    origin: str  # relative to the source, with /
    title: str
    id: str  # sha256 of the file, hex
    width: int  # px, after turning by EXIF; 0 where not decodable
    height: int
    problem: str  # "" or why it is not taken


def look(tree: Path, names: Iterable[str], titles: Mapping[str, str], largest_pixels: int) -> list[Painting]:
    """A row for every file below ``tree`` but hidden ones, by path.

    ``titles`` knows some files' titles by their stem; others are called by their name.
    """
    wanted = sorted(name for name in names if not is_junk(name))
    called = dict(zip(wanted, _names(wanted), strict=True))
    rows: list[Painting] = []
    first: dict[str, str] = {}  # of several files with the same bytes, by their SHA-256: its name
    for name in wanted:
        row = _painting(tree, name, called[name], titles, largest_pixels)
        if not row.problem and first.setdefault(row.id, row.name) != row.name:
            row = _refused(row, f"the same file as {first[row.id]}")
        rows.append(row)
    return rows


def taken(rows: Iterable[Painting]) -> list[Painting]:
    """Those that can be painted like.

    Raises:
        BadData: there is none.
    """
    good = [row for row in rows if not row.problem]
    if not good:
        raise BadData("paintings.source has not one picture that can be used; name another")
    return good


def chosen(rows: Iterable[Painting], count: int | None) -> list[Painting]:
    """So many of those that can be painted like, evenly over the table: several manners are among them.

    None takes all. Raises as ``taken`` does.
    """
    good = taken(rows)
    return [good[place] for place in evenly(len(good), len(good) if count is None else count)]


def evenly(of: int, count: int) -> list[int]:
    """At most ``count`` places of a row of ``of``, as far apart as can be, with the first and the last."""
    return [int(place) for place in np.linspace(0, of - 1, min(count, of)).round()]


def find(rows: Iterable[Painting], name: str) -> Painting:
    """The painting of that name.

    Raises:
        BadData: there is none; the message names some that are.
    """
    good = taken(rows)
    known = {row.name: row for row in good}
    if name not in known:
        some = ", ".join([*known][:6])
        raise BadData(f"no painting is called {name}; `pawtrait styles` lists the {len(known)}: {some} …")
    return known[name]


def readable(row: Painting) -> Painting:
    """The row as a UTF-8 table holds it: bytes of a file's name that are no UTF-8 read as question marks."""
    origin, problem = (text.encode("utf-8", "replace").decode() for text in (row.origin, row.problem))
    return replace(row, origin=origin, problem=problem)


def _names(paths: list[str]) -> Iterator[str]:
    """Stems that any file system holds; where two share one, with what stands above them."""
    stems = Counter(tame(PurePosixPath(path).stem) for path in paths)
    used: set[str] = set()
    for path in paths:
        pure = PurePosixPath(path)
        name = tame(pure.stem)
        name = name if stems[name] == 1 else tame("-".join((*pure.parent.parts, pure.name)))
        while name in used:
            name += "'"
        used.add(name)
        yield name


def _painting(tree: Path, origin: str, name: str, titles: Mapping[str, str], largest: int) -> Painting:
    data = (tree / origin).read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    title = titles.get(PurePosixPath(origin).stem, name.replace("_", " "))
    blank = Painting(name, "", origin, title, digest, 0, 0, "")
    try:
        pixels = images.decode(data, largest_pixels=largest, name=origin)
    except BadImage as error:
        return _refused(blank, str(error).removeprefix(f"{origin}: "))
    height, width = pixels.shape[:2]
    row = Painting(name, f"{name}.{images.sniff(data)}", origin, title, digest, width, height, "")
    if min(width, height) < LEAST:
        return _refused(row, f"{width}x{height} px; the shorter side needs at least {LEAST}")
    return row


def _refused(row: Painting, why: str) -> Painting:
    return replace(row, path="", problem=why)
