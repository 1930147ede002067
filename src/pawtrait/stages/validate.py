"""Stage validate: the manifest → accepted pictures, rejected ones with their reasons, and the Data Docs."""

import json
from collections import Counter, defaultdict
from collections.abc import Sequence, Set
from itertools import chain
from pathlib import Path
from typing import Any

from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.adapters.expectations import Broken, Checker
from pawtrait.dataset import rules
from pawtrait.dataset.labels import LABELS
from pawtrait.dataset.manifest import Record, Rejected, read, write
from pawtrait.errors import BadData
from pawtrait.files import whole_folder, write_text

SHOWN = 20  # warnings of one kind in the summary; the Data Docs hold all


def run(*, manifest: Path, accepted: Path, rejected: Path, summary: Path, docs: Path) -> None:
    """Judge every picture, then the set that is left. All outputs are written even if the set cannot be used.

    Raises:
        BadData: a critical rule about the set as a whole is broken.
    """
    everything = params.load()
    knobs = everything.validate_
    records = read(manifest, Record)
    table = rules.pictures(
        records,
        least_side=knobs.least_side,
        brightness=knobs.brightness,
        least_sharpness=knobs.least_sharpness,
    )
    with whole_folder(docs) as draft:
        checker = Checker(draft)
        broken = checker.check(table)
        refused = _rejections(records, broken)
        out = {row.path for row in refused}
        kept = [record for record in records if record.path not in out]
        tables = rules.accepted(kept, least_groups=knobs.least_groups)
        failures = [found for found in map(checker.check, tables) if found]
    write(accepted, kept, Record)
    write(rejected, refused, Rejected)
    sentences = [failure.sentence for failure in chain.from_iterable(failures)]
    report = _summary(kept, out, broken, sentences)
    write_text(summary, json.dumps(report, indent=2, ensure_ascii=False) + "\n")
    with tracking.pipeline(everything) as run:
        run.artifact(docs, "data_docs")
        for file in (rejected, summary):
            run.artifact(file, "data")
        if failures:  # within, so that the run is one that failed
            first = "; ".join(failure.sentence for failure in failures[0])  # the rest follows from it
            raise BadData(f"{manifest}: {first}; see {rejected} and {docs / 'index.html'}")


def _rejections(records: Sequence[Record], broken: Sequence[Broken]) -> list[Rejected]:
    reasons: dict[str, list[str]] = defaultdict(list)
    for found in broken:
        if found.rule.severity == "critical":
            reasons[found.key].append(found.sentence)
    return [
        Rejected(record.id, record.path, record.label, "validate", "; ".join(reasons[record.path]))
        for record in records
        if record.path in reasons
    ]


def _summary(
    kept: Sequence[Record], out: Set[str], broken: Sequence[Broken], critical: Sequence[str]
) -> dict[str, Any]:
    """The stage's metrics: how many went where, by which rule; and what a person should look at."""
    refusals = [found for found in broken if found.key in out and found.rule.severity == "critical"]
    doubts = [found for found in broken if found.key not in out]  # all of them warnings
    pictures = Counter(record.label for record in kept)
    groups = Counter(label for label, _ in {(record.label, record.group) for record in kept})
    return {
        "pictures": len(kept) + len(out),
        "accepted": len(kept),
        "rejected": len(out),
        "rejected_by": _count(refusals),
        "warned_by": _count(doubts),
        "classes": {label: {"pictures": pictures[label], "groups": groups[label]} for label in LABELS},
        "critical": list(critical),
        "warnings": _shown(doubts),
    }


def _count(broken: Sequence[Broken]) -> dict[str, int]:
    return dict(sorted(Counter(found.rule.name for found in broken).items()))


def _shown(doubts: Sequence[Broken]) -> list[str]:
    """A sentence a warning, the first ``SHOWN`` of each rule."""
    rows: dict[str, list[str]] = defaultdict(list)
    for found in doubts:
        rows[found.rule.name].append(f"{found.key}: {found.sentence}")
    return [line for name in sorted(rows) for line in rows[name][:SHOWN]]
