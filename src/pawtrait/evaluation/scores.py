"""All figures of one model, flat under short names: what metrics.json holds."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import mean, stdev

from pawtrait.errors import BadData
from pawtrait.evaluation import intervals, metrics
from pawtrait.evaluation.predictions import Fold, Scored, scored

FOLDS = {"group": "folds", "picture": "picture_folds"}  # kind in folds.csv → prefix of the figures


def flat(splits: Mapping[str, Scored], how: intervals.Bootstrap, bins: int) -> dict[str, float]:
    """For each split: the headline figures with their intervals; precision, recall and F1 of each mood, macro
    and weighted; calibration error, and what chance alone makes of it; size.
    """
    found: dict[str, float] = {}
    for split, one in splits.items():
        found |= _bounded(split, one, how, ("accuracy", "macro_f1", "log_loss"))
        for line in metrics.classes(one, split):
            of = f"{split}_{line.label}"
            found |= {f"{of}_precision": line.precision, f"{of}_recall": line.recall, f"{of}_f1": line.f1}
        found[f"{split}_calibration_error"] = metrics.calibration_error(one, bins)
        found[f"{split}_calibration_luck"] = metrics.calibration_luck(one, bins)
        found[f"{split}_pictures"] = len(one.actual)
        found[f"{split}_groups"] = len(set(one.groups.tolist()))
    return _rounded(found)


def folds(rows: Sequence[Fold], how: intervals.Bootstrap) -> dict[str, float]:
    """Accuracy and macro-F1 over the held-out pictures of all folds; nothing for a kind without rows.

    Raises:
        BadData: there are random folds without the grouped ones that put them right.
    """
    kinds = {row.kind for row in rows}
    if kinds == {"picture"}:
        raise BadData("folds.csv has random folds only, which tear copies apart; set train.folds too")
    found: dict[str, float] = {}
    for kind, prefix in FOLDS.items():
        if kind in kinds:
            held_out = scored((row for row in rows if row.kind == kind), f"folds by {kind}")
            found |= _bounded(prefix, held_out, how, ("accuracy", "macro_f1"))
    return _rounded(found)


def seeds(table: Mapping[str, Sequence[float]]) -> dict[str, float]:
    """Mean and standard deviation (n − 1) over repeated trainings; nothing where there was one."""
    count = len(table.get("seed", ()))
    if count < 2:
        return {}
    found: dict[str, float] = {"seeds": count}
    for key in ("valid_accuracy", "valid_macro_f1"):
        found |= {f"seeds_{key}_mean": mean(table[key]), f"seeds_{key}_spread": stdev(table[key])}
    return _rounded(found)


def read_columns(path: Path) -> dict[str, list[float]]:
    """A CSV of numbers by column (history.csv, seeds.csv); a missing file or empty cell gives nothing."""
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as stream:
        table = csv.DictReader(stream)
        rows = list(table)
        return {name: [float(row[name]) for row in rows if row[name]] for name in table.fieldnames or ()}


def _bounded(prefix: str, one: Scored, how: intervals.Bootstrap, keys: Sequence[str]) -> dict[str, float]:
    """The figures named, each with its ``_low`` and ``_high``."""
    figures, spans = metrics.headline(one), intervals.headline(one, how)
    found: dict[str, float] = {}
    for key in keys:
        found[f"{prefix}_{key}"] = figures[key]
        found |= {f"{prefix}_{key}_{end}": value for end, value in asdict(spans[key]).items()}
    return found


def _rounded(found: Mapping[str, float]) -> dict[str, float]:
    return {key: value if isinstance(value, int) else round(value, 6) for key, value in found.items()}
