"""What is expected of the data: rules over small tables, and the sentence about each row that breaks one.

Great Expectations gives the verdict (``adapters/expectations.py``); here stands what to expect, and why not.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import PurePosixPath
from typing import Any, Literal

from pawtrait.dataset.labels import LABELS, SPLITS
from pawtrait.dataset.manifest import Placed, Record

MODES = ("RGB", "L")  # what a photograph is; the decoder brings all others to RGB
SUFFIXES = {
    "jpeg": (".jpg", ".jpeg", ".jpe", ".jfif"),
    "png": (".png",),
    "gif": (".gif",),
    "webp": (".webp",),
    "bmp": (".bmp",),
    "tiff": (".tif", ".tiff"),
}


@dataclass(frozen=True, slots=True)
class Rule:
    """An expectation over one column of a table; a missing value (None) breaks none."""

    name: str
    column: str
    expected: str  # a clause for the report: what every row should be
    sentence: str  # str.format over the row that is not
    severity: Literal["critical", "warning"] = "critical"
    allowed: tuple[str, ...] | None = None
    least: float | None = None
    most: float | None = None
    unique: bool = False
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of equal columns, which column names a row, and what is expected of them."""

    name: str
    key: str
    columns: tuple[str, ...]
    rows: Sequence[Mapping[str, Any]]
    rules: tuple[Rule, ...]


def pictures(
    records: Sequence[Record], *, least_side: int, brightness: tuple[float, float], least_sharpness: float
) -> Table:
    """What is expected of each picture: a critical rule broken rejects it, a warning goes into the report."""
    darkest, brightest = brightness
    rules = (
        *_file_rules(),
        Rule(
            name="side",
            column="side",
            expected=f"both sides have at least {least_side} px",
            sentence=f"{{width}}x{{height}} px; {least_side} px a side are needed (validate.least_side)",
            least=least_side,
        ),
        Rule(
            name="brightness",
            column="brightness",
            expected=f"the mean grey lies within {darkest:g} to {brightest:g}",
            sentence="mean grey {brightness:.1f} is "
            f"outside {darkest:g} to {brightest:g} (validate.brightness): black or burnt out",
            least=darkest,
            most=brightest,
        ),
        Rule(
            name="duplicate",
            column="twin",
            expected="no other picture has the same bytes",
            sentence="same bytes as {twin}",
            allowed=("",),
        ),
        *_doubts(least_sharpness),
    )
    return Table("pictures", "path", _COLUMNS, _described(records), rules)


def accepted(records: Sequence[Record], *, least_groups: int) -> tuple[Table, ...]:
    """What is expected of the set that is left: any critical rule broken stops the pipeline."""
    labels = sorted({record.label for record in records})
    whole = {"set": "accepted", "pictures": len(records), "classes": len(labels), "labels": ", ".join(labels)}
    ids = tuple({"path": record.path, "id": record.id} for record in records)
    return (
        Table("accepted set", "set", tuple(whole), [whole], _SET_RULES),
        Table(
            "accepted classes",
            "label",
            ("label", "pictures", "groups"),
            _classes(records),
            (_few(least_groups),),
        ),
        Table("accepted pictures", "path", ("path", "id"), ids, _ID_RULES),
    )


def splits(placed: Sequence[Placed]) -> tuple[Table, ...]:
    """What is expected of the splits: every class in every split, and no group in two of them."""
    counts = Counter((row.split, row.label) for row in placed)
    cells = [
        {"cell": f"{split}/{label}", "split": split, "label": label, "pictures": counts[split, label]}
        for split in SPLITS
        for label in LABELS
    ]
    homes: dict[str, set[str]] = defaultdict(set)
    for row in placed:
        homes[row.group].add(row.split)
    pairs = [
        {"place": f"{group} in {split}", "group": group, "splits": " and ".join(sorted(found))}
        for group, found in sorted(homes.items())
        for split in sorted(found)
    ]
    return (
        Table("split classes", "cell", ("cell", "split", "label", "pictures"), cells, (_EVERY_CLASS,)),
        Table("split groups", "place", ("place", "group", "splits"), pairs, (_ONE_SPLIT,)),
    )


def twins(records: Iterable[Record]) -> dict[str, str]:
    """Map each path with the same bytes as another to the one that is kept.

    The copy in the most protected split stays (test before valid before train), then the first path. Files
    that are rejected anyway (not decodable, unknown label) are nobody's twin.
    """
    copies: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        if not record.problem and record.label in LABELS:
            copies[record.id].append(record)
    kept: dict[str, str] = {}
    for same in copies.values():
        first, *others = sorted(same, key=lambda record: (-protection(record.published), record.path))
        kept |= {record.path: first.path for record in others}
    return kept


def protection(split: str) -> int:
    """How much a split is worth protecting: test 3, valid 2, train 1, none 0."""
    return SPLITS.index(split) + 1 if split else 0


_DERIVED = ("side", "twin", "misnamed", "disagrees")
_COLUMNS = (*(field.name for field in fields(Record)), *_DERIVED)
_EVERY_CLASS = Rule(
    name="every class",
    column="pictures",
    expected="every class is in every split",
    sentence="split {split} has no picture of class {label}",
    least=1,
)
_ONE_SPLIT = Rule(
    name="one split",
    column="group",
    expected="no group is in two splits",
    sentence="group {group} is in {splits}",
    unique=True,
)
_ID_RULES = (
    Rule(
        name="unique ids",
        column="id",
        expected="every id is there once",
        sentence="{path} has the same bytes as another accepted picture",
        unique=True,
    ),
    Rule(
        name="ids",
        column="id",
        expected="every id is a SHA-256",
        sentence="{path} has the id {id!r}, which is no SHA-256",
        pattern="^[0-9a-f]{64}$",
    ),
)
_SET_RULES = (
    Rule(
        name="pictures",
        column="pictures",
        expected="there are pictures",
        sentence="no picture is left",
        least=1,
    ),
    Rule(
        name="classes",
        column="classes",
        expected="there are two classes or more",
        sentence="{classes} of the classes " + ", ".join(LABELS) + " has pictures ({labels}); two are needed",
        least=2,
    ),
)


def _file_rules() -> tuple[Rule, ...]:
    return (
        Rule(
            name="decodable",
            column="problem",
            expected="it can be decoded",
            sentence="{problem}",
            allowed=("",),
        ),
        Rule(
            name="label",
            column="label",
            expected=f"the label is one of {', '.join(LABELS)}",
            sentence="unknown label {label!r}; expected " + ", ".join(LABELS),
            allowed=LABELS,
        ),
    )


def _doubts(least_sharpness: float) -> tuple[Rule, ...]:
    """Warnings: the picture is kept, since the decoder copes and labels may still be right."""
    return (
        Rule(
            name="sharpness",
            column="sharpness",
            expected=f"the variance of the Laplacian is at least {least_sharpness:g}",
            sentence=f"sharpness {{sharpness:.1f}} is under {least_sharpness:g} (validate.least_sharpness)",
            severity="warning",
            least=least_sharpness,
        ),
        Rule(
            name="extension",
            column="misnamed",
            expected="the name ends as the content says",
            sentence="is a {format} named {misnamed}; read by its content",
            severity="warning",
            allowed=("",),
        ),
        Rule(
            name="mode",
            column="mode",
            expected=f"the mode is {' or '.join(MODES)}",
            sentence="mode {mode} was turned into RGB",
            severity="warning",
            allowed=MODES,
        ),
        Rule(
            name="agreement",
            column="disagrees",
            expected="copies of a picture have one label",
            sentence="is labelled {label}, a copy of it {disagrees}",
            severity="warning",
            allowed=("",),
        ),
    )


def _few(least: int) -> Rule:
    return Rule(
        name="groups",
        column="groups",
        expected=f"every class has at least {least} groups",
        sentence="class {label}: pictures {pictures}, groups of copies {groups}; "
        f"{least} groups are needed (validate.least_groups)",
        least=least,
    )


def _described(records: Sequence[Record]) -> list[dict[str, Any]]:
    """The rows about pictures: records with what follows from them; None where nothing could be seen."""
    kept = twins(records)
    labels: dict[str, set[str]] = defaultdict(set)
    for record in records:
        labels[record.group].add(record.label)
    rows = []
    for record in records:
        row: dict[str, Any] = asdict(record)
        row["side"] = min(record.width, record.height)
        row["twin"] = kept.get(record.path, "")
        row["misnamed"] = _misnamed(record)
        row["disagrees"] = ", ".join(sorted(labels[record.group] - {record.label}))
        if record.problem:
            row |= dict.fromkeys(("width", "height", "side", "mode", "brightness", "sharpness"))
        rows.append(row)
    return rows


def _misnamed(record: Record) -> str:
    """The name's ending where the content is of another kind."""
    suffix = PurePosixPath(record.path).suffix
    return (
        "" if suffix.lower() in SUFFIXES.get(record.format, suffix.lower()) else suffix or "without an ending"
    )


def _classes(records: Sequence[Record]) -> list[dict[str, Any]]:
    counts = Counter(record.label for record in records)
    groups = {label: {record.group for record in records if record.label == label} for label in LABELS}
    return [{"label": label, "pictures": counts[label], "groups": len(groups[label])} for label in LABELS]
