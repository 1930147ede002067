"""Stage evaluate: a trained model and the validation and test pictures → its figures, answers and plots."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawtrait import params
from pawtrait.adapters import tracking
from pawtrait.classification.predict import Classifier
from pawtrait.dataset import manifest
from pawtrait.errors import BadData
from pawtrait.evaluation import drawing, metrics, plots, scores
from pawtrait.evaluation.intervals import Bootstrap
from pawtrait.evaluation.predictions import Fold, Predicted, Scored, rows, scored
from pawtrait.files import whole_folder, write_csv, write_text

SPLITS = ("valid", "test")


def run(*, name: str, model: Path, arrays: Path, splits: Path, out: Path) -> None:
    """Score the model called ``name`` in the folder ``model``; everything goes into the folder ``out``."""
    knobs = params.load()
    how = Bootstrap(knobs.evaluate.resamples, knobs.evaluate.level, knobs.seed)
    pixels = {split: _pixels(arrays / f"{split}.npy") for split in SPLITS}
    classifier = Classifier.load(model)
    answers = _answers(classifier, pixels, splits)
    of = {
        split: scored((row for row in answers if row.split == split), f"{name} on {split}")
        for split in SPLITS
    }
    folds = manifest.read(model / "folds.csv", Fold) if (model / "folds.csv").is_file() else []
    figures = scores.flat(of, how, knobs.evaluate.bins) | scores.folds(folds, how)
    figures |= scores.seeds(scores.read_columns(model / "seeds.csv"))

    with whole_folder(out) as folder:
        write_text(folder / "metrics.json", json.dumps(figures, indent=1) + "\n")
        manifest.write(folder / "predictions.csv", answers, Predicted)
        classes = [asdict(line) for split in SPLITS for line in metrics.classes(of[split], split)]
        write_csv(folder / "classes.csv", classes, list(classes[0]))
        write_csv(folder / "confusion.csv", _test_pairs(answers), ("actual", "predicted"))
        _draw(folder, of, scores.read_columns(model / "history.csv"), knobs.evaluate.bins)
        if knobs.report.mistakes:  # of none an empty gallery would say that there is no mistake
            worst = metrics.worst(scored(answers, name), knobs.report.mistakes)
            drawing.save(_gallery(answers, pixels, worst), folder / "mistakes.png")
        if (model / "gradcam.png").is_file():
            shutil.copyfile(model / "gradcam.png", folder / "gradcam.png")
    _remember(classifier.digest, figures, out)


def _remember(digest: str, figures: Mapping[str, float], out: Path) -> None:
    """Add figures and plots to the run that trained the model."""
    run = tracking.of_model(digest)
    if run is not None:
        run.metrics(figures)
        run.artifact(out, "evaluation")


def _pixels(path: Path) -> NDArray[np.uint8]:
    """uint8 (N, side, side, 3), left on the disk until it is used."""
    try:
        pictures: NDArray[np.uint8] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (FileNotFoundError, ValueError) as error:
        raise BadData(f"{path} is missing or is no array; run `dvc repro` to make it") from error
    return pictures


def _answers(
    classifier: Classifier, pixels: Mapping[str, NDArray[np.uint8]], splits: Path
) -> list[Predicted]:
    """The model's answers on every split, in the order of the arrays."""
    placed = manifest.read(splits, manifest.Placed)
    return [
        answer
        for split in SPLITS
        for answer in rows(
            [one for one in placed if one.split == split], classifier.probabilities(pixels[split])
        )
    ]


def _draw(folder: Path, of: Mapping[str, Scored], history: Mapping[str, Sequence[float]], bins: int) -> None:
    matrices = {split: metrics.confusion(one) for split, one in of.items()}
    drawing.save(plots.confusion(matrices), folder / "confusion.png")
    curves = {split: metrics.reliability(one, bins) for split, one in of.items()}
    drawing.save(plots.reliability(curves), folder / "reliability.png")
    drawing.save(plots.curves(history), folder / "curves.png")


def _gallery(
    answers: Sequence[Predicted], pixels: Mapping[str, NDArray[np.uint8]], worst: Sequence[int]
) -> Any:
    """The figure of the worst mistakes; indices count through the splits' arrays one after the other."""
    place = [(split, index) for split in SPLITS for index in range(len(pixels[split]))]
    pictures = [pixels[place[one][0]][place[one][1]] for one in worst]
    said = [
        (row.split, row.actual, row.predicted, max(row.p_happy, row.p_sad, row.p_angry, row.p_other))
        for row in (answers[one] for one in worst)
    ]
    return plots.mistakes(np.array(pictures), said)


def _test_pairs(answers: Sequence[Predicted]) -> list[dict[str, str]]:
    """Truth and answer of each test picture, for `dvc plots`' confusion template."""
    return [{"actual": row.actual, "predicted": row.predicted} for row in answers if row.split == "test"]
