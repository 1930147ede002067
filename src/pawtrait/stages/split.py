"""Stage split: accepted pictures → train, valid and test, with no group in two of them, and the Data Docs."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.adapters.expectations import Checker
from pawtrait.dataset import duplicates, rules, split
from pawtrait.dataset.labels import LABELS, SPLITS
from pawtrait.dataset.manifest import Placed, Record, Recorded, Rejected, read, write
from pawtrait.errors import BadData
from pawtrait.files import whole_folder, write_text


def run(*, accepted: Path, recorded: Path, splits: Path, dropped: Path, summary: Path, docs: Path) -> None:
    """Settle every accepted picture in a split. All outputs are written even if the splits cannot be used.

    Raises:
        BadData: copies lie across splits (with ``leaks: stop``), or a split lacks a class.
    """
    knobs = params.load()
    settled = _recorded(recorded)
    kept, out = split.separate(
        read(accepted, Record),
        settled,
        leaks=knobs.split.leaks,
        regroup=partial(
            duplicates.groups,
            dhash_distance=knobs.manifest.dhash_distance,
            phash_distance=knobs.manifest.phash_distance,
        ),
    )
    shares = {"valid": knobs.split.valid, "test": knobs.split.test}
    homes = split.assign(kept, settled, salt=knobs.split.salt, **shares)
    rows = [Placed(one.id, one.path, one.label, one.group, homes[one.group]) for one in kept]
    made = split.missing(kept, settled, **shares)
    write(splits, rows, Placed)
    write(dropped, out, Rejected)
    report = _summary(rows, len(out), {name: _origin(name, made, settled) for name in SPLITS})
    write_text(summary, json.dumps(report, indent=2) + "\n")
    with whole_folder(docs) as draft:
        broken = _broken(rows, Checker(draft))
    with tracking.pipeline(knobs) as run:
        run.artifact(docs, "split_docs")
        for file in (dropped, summary):
            run.artifact(file, "data")
        if broken:  # within, so that the run is one that failed
            raise BadData(f"{splits}: {'; '.join(broken)}; see {docs / 'index.html'}")


def _recorded(path: Path) -> dict[str, str]:
    """The splits of earlier months, by picture; a group's name may change when a copy joins, an id never."""
    if not path.exists():
        return {}
    known: dict[str, str] = {}
    for row in read(path, Recorded):
        if row.split not in SPLITS:
            raise BadData(f"{path}: {row.id} is in {row.split!r}; expected one of {', '.join(SPLITS)}")
        if known.setdefault(row.id, row.split) != row.split:
            raise BadData(f"{path}: {row.id} is in {known[row.id]} and in {row.split}; keep one of the rows")
    return known


def _origin(name: str, made: Sequence[str], recorded: Mapping[str, str]) -> str:
    if name in made:
        return "made"
    return "recorded" if recorded else "published"


def _summary(rows: Sequence[Placed], dropped: int, origins: Mapping[str, str]) -> dict[str, Any]:
    """The stage's metrics."""
    pictures = Counter((row.split, row.label) for row in rows)
    groups = Counter(place for place, _ in {((row.split, row.label), row.group) for row in rows})
    return {
        "pictures": {name: {label: pictures[name, label] for label in LABELS} for name in SPLITS},
        "groups": {name: {label: groups[name, label] for label in LABELS} for name in SPLITS},
        "dropped": dropped,
        "origin": dict(origins),
    }


def _broken(rows: Sequence[Placed], checker: Checker) -> list[str]:
    return [found.sentence for table in rules.splits(rows) for found in checker.check(table)]
