"""Files of labels that people in the house made: a table, JSON lines, or a folder for each label."""

import csv
import io
import json
import os
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from pawtrait.dataset.labels import LABELS, normalise
from pawtrait.dataset.layout import SUFFIXES, is_junk
from pawtrait.errors import BadFeedback


@dataclass(frozen=True, slots=True)
class Labelled:
    """A picture with its label, or why this entry cannot be used."""

    path: Path
    label: str
    annotator: str
    problem: str = ""


def read(source: Path, annotator: str) -> list[Labelled]:
    """Read a CSV or JSON-lines file with picture, label and perhaps annotator, or a folder LABEL/NAME.

    Pictures are named relative to the file's folder. ``annotator`` is who labelled where an entry does not
    say so. An entry that cannot be used has a ``problem``; the others go on.

    Raises:
        BadFeedback: there is no such file or folder, or it is none of the three kinds.
    """
    if source.is_dir():
        return list(_folder(source, annotator))
    readers = {".csv": _csv, ".jsonl": _lines, ".ndjson": _lines}
    if source.suffix.lower() not in readers:
        raise BadFeedback(f"{source}: expected a folder LABEL/NAME, a .csv or a .jsonl with picture,label")
    try:
        text = source.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise BadFeedback(f"{source}: {getattr(error, 'strerror', None) or 'is not UTF-8'}") from error
    rows = readers[source.suffix.lower()](source, text)
    return [_entry(source, line, row, annotator) for line, row in rows]


def person(name: str) -> str:
    """A person's name as the store keeps it: one spelling each, so that nobody is two.

    Raises:
        BadFeedback: it is empty or too long.
    """
    spelt = " ".join(unicodedata.normalize("NFKC", name).casefold().split())
    if not 0 < len(spelt) <= 64:
        raise BadFeedback(f"{name[:80]!r} is no name of a person; expected 1 to 64 characters")
    return spelt


def _csv(source: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    table = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not {"picture", "label"} <= set(table.fieldnames or ()):
            raise BadFeedback(
                f"{source}: expected the columns picture,label[,annotator], got {table.fieldnames}"
            )
        for row in table:
            yield table.line_num, row
    except csv.Error as error:  # a quote that is never closed would swallow all rows after it
        raise BadFeedback(
            f"{source}, line {table.line_num}: {error}; is a quote left open above it?"
        ) from error


def _lines(source: Path, text: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):  # not what else Unicode ends lines with: it is text
        if line.strip():
            try:
                row = json.loads(line)
            except ValueError as error:
                raise BadFeedback(f"{source}, line {number}: no JSON ({error})") from error
            yield number, row if isinstance(row, dict) else {}


def _entry(source: Path, line: int, row: Mapping[str, Any], annotator: str) -> Labelled:
    name, label = str(row.get("picture") or ""), normalise(str(row.get("label") or ""))
    path = source.parent / name
    problem = ""
    if not name or PurePath(name).is_absolute() or ".." in PurePath(name).parts:
        problem = f"picture {name[:200]!r}; expected a name relative to the file's folder, within it"
    elif label not in LABELS:
        problem = f"label {label[:40]!r}; expected {', '.join(LABELS)}"
    elif not os.path.isfile(path):  # noqa: PTH113  (pathlib raises on names that are too long)
        problem = f"{name[:200]} is not here"
    who = str(row.get("annotator") or "").strip() or annotator
    try:
        who = person(who)
    except BadFeedback as error:
        problem = problem or str(error)
    where = f"{source.name}, line {line}: " if problem else ""
    return Labelled(path, label, who, where + problem)


def _folder(source: Path, annotator: str) -> Iterator[Labelled]:
    who = person(annotator)
    for path in _below(source):
        name = path.relative_to(source).as_posix()
        if is_junk(name):
            continue
        label = normalise(path.relative_to(source).parts[0])
        problem = ""
        if len(path.relative_to(source).parts) != 2 or label not in LABELS:
            problem = f"{name}: expected LABEL/NAME with a label of {', '.join(LABELS)}"
        elif path.suffix.lower() not in SUFFIXES:
            problem = f"{name}: no picture by its ending"
        elif not path.is_file():
            problem = f"{name}: a link to what is not here"
        yield Labelled(path, label, who, problem)


def _below(folder: Path) -> list[Path]:
    """Every file in a folder of label folders, sorted; label folders may be links.

    Raises:
        BadFeedback: a folder cannot be read.
    """

    def refuse(error: OSError) -> None:
        raise BadFeedback(f"{error.filename}: {error.strerror}; nothing was taken in") from error

    try:
        tops = list(folder.iterdir())
    except OSError as error:
        refuse(error)
    walks = (os.walk(top, onerror=refuse) for top in tops if top.is_dir())
    inside = [Path(place, name) for walk in walks for place, _, names in walk for name in names]
    return sorted([top for top in tops if not top.is_dir()] + inside)
