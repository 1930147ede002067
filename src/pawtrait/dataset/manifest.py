"""The manifest: one row a picture, as CSV, and the rows that later stages make of it."""

import csv
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from pawtrait.errors import BadData
from pawtrait.files import write_csv

Row = TypeVar("Row")
FEEDBACK = "feedback"  # the source of pictures that people sent


@dataclass(frozen=True, slots=True)
class Record:
    """What is known of one picture file without any judgement."""

    id: str  # sha256 of the file, hex
    path: str  # relative to the raw folder, with /
    label: str  # normalised; unknown labels stay as they came
    group: str  # the picture and all its copies share it
    source: str  # where it came from: demo, kaggle, folder, feedback …
    published: str  # the split its source put it in, or ""
    width: int  # px, after turning by EXIF; 0 where not decodable
    height: int
    format: str  # by the content, not the name: jpeg png gif webp bmp tiff, or ""
    mode: str  # Pillow's: RGB, L, P, CMYK, RGBA, I;16 …
    bytes: int
    dhash: str  # 16 hex digits, or ""
    phash: str
    brightness: float  # mean grey, 0..255
    sharpness: float  # variance of the Laplacian of the grey picture at 128 px
    problem: str  # "" or why it cannot be decoded


@dataclass(frozen=True, slots=True)
class Rejected:
    """A picture that goes no further, and why."""

    id: str
    path: str
    label: str
    stage: str  # validate | split
    reason: str  # one sentence


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted picture with the split it belongs to."""

    id: str
    path: str
    label: str
    group: str
    split: str  # train | valid | test


@dataclass(frozen=True, slots=True)
class Recorded:
    """The split of a picture in an earlier month; it stays there."""

    id: str
    split: str  # train | valid | test


def write(path: Path, rows: Iterable[Any], kind: type) -> None:
    """Write rows of one kind, sorted by path, or by id where they have none; whole or not at all."""
    names = [field.name for field in fields(kind)]
    order = "path" if "path" in names else "id"
    write_csv(path, sorted((asdict(row) for row in rows), key=lambda row: row[order]), names)


def read(path: Path, kind: type[Row]) -> list[Row]:
    """Read rows of one kind.

    Raises:
        BadData: the file is missing, its columns are not those of the kind, a row has more or fewer values,
            or a value is no number.
    """
    types: dict[str, Any] = {field.name: field.type for field in fields(kind)}  # type: ignore[arg-type]
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            table = csv.DictReader(stream)
            if table.fieldnames != list(types):
                raise BadData(f"{path}: expected the columns {','.join(types)}, found {table.fieldnames}")
            return [kind(**{name: types[name](value) for name, value in _whole(row)}) for row in table]
    except (TypeError, ValueError) as error:
        raise BadData(f"{path}, line {table.line_num}: {error}; delete it and run `dvc repro`") from error
    except FileNotFoundError as error:
        raise BadData(f"{path} is not here; run `dvc repro` to make it") from error


def _whole(row: dict[str | None, Any]) -> Iterable[tuple[str, str]]:
    """The columns of a row; the reader fills a short one with None, and keeps what is too much under None."""
    if None in row or None in row.values():
        raise ValueError("it has more or fewer values than there are columns")
    return row.items()  # type: ignore[return-value]  # no None is left
