"""Stage compare_styles: portraits and their prices → what each method is worth, as figures and sentences."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pawtrait import params, progress, sealed
from pawtrait.adapters import tracking
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import images, manifest
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.paintings import Painting, chosen, find
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
        Classifier.load(models / winner),
    )
    portraits = manifest.read(gallery / "portraits.csv", Portrait)
    costs = {price.path: price for price in manifest.read(prices, Price)}
    styles = manifest.read(table, Painting)
    names = _followed(portraits, styles, knobs.stylize.paintings)
    read = partial(images.read, largest_pixels=knobs.manifest.largest_pixels)
    photos = {path: read(raw / path) for path in sorted({one.photo for one in portraits})}
    looks = {name: read(paintings / find(styles, name).path) for name in names}
    judged = [
        row
        for one in progress.track(portraits, len(portraits), "judge")
        for row in _judged(judge, one, costs[one.path], read(gallery / one.path), photos[one.photo], looks)
    ]
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
    classifier: Classifier

    def mood(self, picture: Pixels) -> str:
        square = images.resize(picture, self.classifier.side)[np.newaxis]
        answer = self.classifier.probabilities(square)[0]
        return str(self.classifier.facts["labels"][int(answer.argmax())])


def _followed(portraits: Sequence[Portrait], styles: Sequence[Painting], count: int) -> list[str]:
    """The paintings that portraits follow; those of the gallery where no portrait follows one."""
    followed = list(dict.fromkeys(one.painting for one in portraits if one.painting))
    return followed or [style.name for style in chosen(styles, count)]


def _judged(
    judge: _Judge,
    portrait: Portrait,
    price: Price,
    picture: Pixels,
    photo: Pixels,
    looks: Mapping[str, Pixels],
) -> Iterator[Judged]:
    """A portrait against its painting; one that follows no single painting against each of them."""
    mood = judge.mood(picture)
    kept = mood == judge.mood(photo)
    identity = measures.identity(judge.features, photo, picture)
    network = judge.recipe.networks[judge.recipe.network]
    for name in [portrait.painting] if portrait.painting else looks:
        losses = neural.evaluate(picture, photo, [(looks[name], 1.0)], judge.features, judge.recipe)
        yield Judged(
            portrait.path,
            portrait.method,
            portrait.photo,
            name,
            losses["content"],
            losses["style"],
            network.content_weight * losses["content"] + network.style_weight * losses["style"],
            identity,
            mood,
            kept,
            price.seconds,
            price.core_seconds,
            price.megabytes,
        )


def _missing(painters: Path, methods: Sequence[str], rows: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Why a method that was asked for has no portraits."""
    shown = {row["method"] for row in rows}
    folders = {method: painters / {"hybrid": "cyclegan"}.get(method, method) for method in methods}
    return {
        method: sealed.facts(folder).get("missing", "")
        for method, folder in folders.items()
        if method not in shown and folder.is_dir()
    }
