"""Stage compare_styles: portraits and their prices → what each method is worth, as figures and sentences."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pawtrait import params, progress, sealed
from pawtrait.adapters import tracking
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images, manifest
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.paintings import Painting, find, taken
from pawtrait.evaluation import drawing, plots
from pawtrait.evaluation import portraits as scores
from pawtrait.evaluation.portraits import Judged, Portrait, Price
from pawtrait.files import write_text
from pawtrait.style_transfer import features, measures, neural


def run(
    *,
    gallery: Path,
    prices: Path,
    raw: Path,
    paintings: Path,
    table: Path,
    weights: Path,
    painters: Path,
    compare: Path,
    models: Path,
    out: Path,
    chart: Path,
) -> None:
    """Judge every portrait against its photo and its painting; ``compare`` names the classifier to ask."""
    knobs = params.load()
    winner = json.loads(compare.read_text(encoding="utf-8"))["champion"]
    judge = _Judge(
        features.load(knobs.neural.network, weights, knobs.seed),
        knobs.neural,
        knobs.manifest.largest_pixels,
        Classifier.load(models / winner),
    )
    portraits = manifest.read(gallery / "portraits.csv", Portrait)
    costs = {price.path: price for price in manifest.read(prices, Price)}
    styles = manifest.read(table, Painting)
    judged = list(_judged(judge, portraits, costs, styles, (gallery, raw, paintings)))
    rows = scores.summary(judged, knobs.stylize.methods)
    verdict = {
        "features": {"network": knobs.neural.network, "start": judge.features.start},
        "classifier": winner,
        "rows": rows,
        "sentences": scores.sentences(rows),
        "missing": _missing(painters, knobs.stylize.methods, rows),
        "portraits": scores.records(judged),
    }
    write_text(out, json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")
    drawing.save(plots.trade_off(rows), chart)
    with tracking.pipeline(knobs) as record:
        for row in rows:
            record.metrics({f"{row['method']}_{key}": row[key] for key in scores.FIGURES})
        record.picture(chart)
        record.artifact(out, "comparison")


@dataclass(frozen=True, slots=True)
class _Judge:
    """The networks that judge, and the numbers they judge by."""

    features: features.Features
    recipe: params.Neural
    largest: int
    classifier: Classifier

    def read(self, path: Path) -> Pixels:
        return images.decode(path.read_bytes(), largest_pixels=self.largest, name=path.name)

    def mood(self, picture: Pixels) -> str:
        square = images.resize(picture, self.classifier.side)[np.newaxis]
        answer = self.classifier.probabilities(square)[0]
        return str(self.classifier.facts["labels"][int(answer.argmax())])


def _judged(
    judge: _Judge,
    portraits: Sequence[Portrait],
    costs: dict[str, Price],
    styles: Sequence[Painting],
    places: tuple[Path, Path, Path],
) -> Iterator[Judged]:
    """A row for each portrait; one that follows no single painting is held against each of the others', or
    against all that there are."""
    gallery, raw, paintings = places
    names = list(dict.fromkeys(one.painting for one in portraits if one.painting))
    names = names or [style.name for style in taken(styles)]
    for one in progress.track(portraits, len(portraits), "judge"):
        picture, photo = judge.read(gallery / one.path), judge.read(raw / one.photo)
        mood, before = judge.mood(picture), judge.mood(photo)
        price = costs[one.path]
        for name in [one.painting] if one.painting else names:
            painting = judge.read(paintings / find(styles, name).path)
            losses = neural.evaluate(picture, photo, [(painting, 1.0)], judge.features, judge.recipe)
            yield Judged(
                one.path,
                one.method,
                one.photo,
                name,
                losses["content"],
                losses["style"],
                losses["total"],
                measures.identity(judge.features, photo, picture),
                mood,
                mood == before,
                price.seconds,
                price.core_seconds,
                price.megabytes,
            )


def _missing(painters: Path, methods: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Why a method that was asked for has no portraits."""
    shown = {row["method"] for row in rows}
    facts = {"fast": "fast", "cyclegan": "cyclegan", "hybrid": "cyclegan"}
    return {
        method: sealed.facts(painters / facts[method]).get("missing", "")
        for method in methods
        if method not in shown and method in facts
    }
