"""Stage report: everything the run left behind → one page, and a card for each model."""

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pawtrait import params, sealed
from pawtrait.adapters import tracking
from pawtrait.dataset import manifest
from pawtrait.evaluation import page, plots, scores
from pawtrait.evaluation.card import card
from pawtrait.evaluation.metrics import ClassScore
from pawtrait.evaluation.portraits import ROWS
from pawtrait.evaluation.predictions import Predicted, scored
from pawtrait.files import whole_folder, write_text

PREVIEWS = {  # of the data, left in `reports` by other stages → what they show, and their caption
    "samples.png": ("Labelled training pictures", "Training pictures with their moods"),
    "augmentation.png": (
        "Each original beside its variants",
        "Augmentation: the original, then what training makes of it",
    ),
}
SHEETS = {  # of a model
    "mistakes.png": ("Gallery of mistakes of", "Its worst mistakes: least probability for the truth first"),
    "gradcam.png": ("Grad-CAM heat maps of", "Grad-CAM: where it looked on the probe pictures"),
}
TRADE = (
    "Points are means over the portraits, of seconds and memory medians; bars reach from the least to the"
    " most; losses are less the better"
)
PAINTED = {  # of the portraits, left in `reports` → what they show, their caption
    "portraits.png": (
        "Photos, paintings and portraits",
        f"The gallery: photo, painting, and the portrait by each method; at most {ROWS} of all rows",
    ),
    "paintings.png": (
        "The paintings",
        "The paintings that CycleGAN learned from and photos are painted like",
    ),
}


def run(
    *,
    compare: Path,
    reports: Path,
    models: Path,
    painters: Path,
    tables: Path,
    validation: Path,
    out: Path,
    cards: Path,
) -> None:
    """Write the page ``out`` and the folder ``cards``; ``reports`` is the folder that holds ``models/``."""
    knobs = params.load()
    bins, level = knobs.evaluate.bins, knobs.evaluate.level
    verdict = json.loads(compare.read_text(encoding="utf-8"))
    data = _data(reports, tables, validation)
    shown = []
    with whole_folder(cards) as folder:
        for row in verdict["rows"]:
            name = row["name"]
            address = Path(os.path.relpath(cards / f"{name}.html", out.parent)).as_posix()
            model = _model(row, models / name, reports / "models" / name, bins, address)
            digest = sealed.check(models / name)["model.onnx"]
            write_text(folder / f"{name}.html", card(model, data, digest, level))
            shown.append(model)
    write_text(out, page.report(verdict, data, shown, level, _portraits(reports, painters / "cyclegan")))
    with tracking.pipeline(knobs) as run:
        run.artifact(out, "report")
        run.artifact(cards, "report/cards")


def _model(row: Mapping[str, Any], folder: Path, report: Path, bins: int, address: str) -> page.Model:
    """What the page and the card say of one model."""
    name = row["name"]
    answers = manifest.read(report / "predictions.csv", Predicted)
    splits = {
        split: scored((one for one in answers if one.split == split), f"{name} on {split}")
        for split in ("valid", "test")
    }
    pictures = page.model_pictures(name, splits, scores.read_columns(folder / "history.csv"), bins)
    for file, (alt, caption) in SHEETS.items():
        if (report / file).is_file():
            pictures.append(page.photo(report / file, f"{alt} {name}", caption))
    return page.Model(row, sealed.facts(folder), _classes(report / "classes.csv"), pictures, address)


def _classes(path: Path) -> list[ClassScore]:
    """classes.csv keeps its own order, moods first and means last."""
    with path.open(encoding="utf-8", newline="") as stream:
        return [
            ClassScore(
                row["split"],
                row["label"],
                float(row["precision"]),
                float(row["recall"]),
                float(row["f1"]),
                int(row["support"]),
            )
            for row in csv.DictReader(stream)
        ]


def _data(reports: Path, tables: Path, validation: Path) -> page.Data:
    """The data section: counts, what was rejected and why, and the pictures that other stages drew."""
    rejected = [
        row
        for name in ("rejected.csv", "dropped.csv")
        if (tables / name).is_file()
        for row in manifest.read(tables / name, manifest.Rejected)
    ]
    accepted = manifest.read(tables / "accepted.csv", manifest.Record)
    data = page.data_of(
        placed=manifest.read(tables / "splits.csv", manifest.Placed),
        sources=sorted({row.source for row in accepted}),
        rejected=rejected,
        warnings=json.loads(validation.read_text(encoding="utf-8")).get("warnings", []),
    )
    for file, (alt, caption) in PREVIEWS.items():
        if (reports / file).is_file():
            data.pictures.append(page.photo(reports / file, alt, caption))
    return data


def _portraits(reports: Path, painter: Path) -> page.Portraits | None:
    """The section about painting, where something was painted."""
    if not (reports / "styles.json").is_file():
        return None
    verdict = _json(reports / "styles.json")
    pictures = [page.drawn(plots.trade_off(verdict["rows"]), "What each method gives and takes", TRADE)]
    pictures += [
        page.photo(reports / file, alt, caption)
        for file, (alt, caption) in PAINTED.items()
        if (reports / file).is_file()
    ]
    augmented = reports / "augmented.json"
    return page.Portraits(
        verdict,
        pictures,
        sealed.facts(painter),
        page.painter_pictures(scores.read_columns(painter / "history.csv"), painter / "probes.png"),
        _json(augmented) if augmented.is_file() else None,
    )


def _json(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded
