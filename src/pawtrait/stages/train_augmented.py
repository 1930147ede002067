"""Stage train_augmented: whether CycleGAN's pictures help as more training data, over several seeds."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pawtrait import params, progress
from pawtrait.adapters import tracking
from pawtrait.classification import material, train
from pawtrait.classification.fit import Examples, Recipe
from pawtrait.classification.material import Material
from pawtrait.dataset import manifest
from pawtrait.evaluation import metrics
from pawtrait.evaluation.intervals import paired, percentage
from pawtrait.evaluation.predictions import rows, scored
from pawtrait.files import write_text
from pawtrait.style_transfer.painter import CycleGanPainter

CHECKPOINTS = Path(".cache/checkpoints")  # outside DVC's outputs, as those of the stage train
ARMS = ("photos", "photos and paintings")
JUDGES = ("valid", "test")


@dataclass(frozen=True, slots=True)
class Result:
    """One training: its seed, what it learned from, and its figures on one split."""

    seed: int
    arm: str
    split: str
    accuracy: float
    macro_f1: float


def run(*, arrays: Path, splits: Path, weights: Path, painter: Path, out: Path) -> None:
    """Train one model with and without painted pictures, seed by seed; only the training split is painted.

    Without them it sees the same photos once more in their place, so that both train for as many steps.

    Killed and started again it goes on from the last checkpoint, in the same run of MLflow.

    Raises:
        BadTraining: Keras runs on something else than TensorFlow, or a loss is no number.
    """
    train.need_tensorflow("the models beside it are of tensorflow")
    knobs = params.load()
    wish = knobs.train_augmented
    model = knobs.models[wish.model]
    model = model.model_copy(update={"cap": min(model.cap, wish.cap)})
    trunk = material.trunk(model.net, weights)
    recipe = Recipe(wish.model, model, knobs.train, knobs.augment, knobs.pictures.side, trunk)
    placed = manifest.read(splits, manifest.Placed)
    of = {split: material.load(arrays, placed, split) for split in ("train", *JUDGES)}
    photos = of["train"].examples
    again = photos.take(_chosen(len(of["train"].rows), wish.share, knobs.seed))
    more = _painted(CycleGanPainter.load(painter, engine="onnxruntime"), again)
    arms = dict(zip(ARMS, (photos.joined(again), photos.joined(more)), strict=True))
    known = train.fingerprint(recipe, arms[ARMS[1]], of["valid"].examples, knobs.seed)
    place = CHECKPOINTS / f"augmented-{wish.model}-{wish.seeds}-{known}"
    title = f"{wish.model} with CycleGAN's pictures"
    with tracking.training(knobs, title, [arrays, splits, painter], "ablation", place) as record:
        record.params({"seed": knobs.seed, **wish.model_dump()})
        results = list(_results(recipe, of, arms, range(knobs.seed, knobs.seed + wish.seeds), place))
        steps = {split: 1 / len(of[split].rows) for split in JUDGES}
        about = {"model": wish.model, "seeds": wish.seeds, "painted": len(more.pixels)}
        about |= {"test_pictures": len(of["test"].rows)}
        verdict = _verdict(results, about, steps, knobs.evaluate.level)
        record.metrics({key: value for key, value in verdict.items() if isinstance(value, float)})
        record.text(verdict["sentence"] + "\n", "verdict.txt")
        write_text(out, json.dumps(verdict, indent=1, ensure_ascii=False) + "\n")


def _chosen(count: int, share: float, seed: int) -> NDArray[np.int64]:
    """Rows of the training pictures that are to be painted, in order."""
    return np.sort(np.random.default_rng(seed).permutation(count)[: max(round(share * count), 1)])


def _painted(painter: CycleGanPainter, photos: Examples) -> Examples:
    """Pictures as CycleGAN paints them, each with the label of its photo."""
    side = photos.pixels.shape[1]
    track = progress.track(photos.pixels, len(photos.pixels), "paint")
    return replace(photos, pixels=np.stack([painter.paint(one, side=side) for one in track]))


def _results(
    recipe: Recipe, of: dict[str, Material], arms: dict[str, Examples], seeds: range, place: Path
) -> Iterator[Result]:
    for seed in seeds:
        for arm, examples in arms.items():
            title = f"{recipe.name} on {arm}, seed {seed}"
            fitted = train.train(recipe, examples, of["valid"].examples, seed, title, place).model
            for split in JUDGES:
                answers = train.probabilities(fitted, of[split].examples.pixels, recipe.train.batch)
                figures = metrics.headline(scored(rows(of[split].rows, answers), title))
                yield Result(seed, arm, split, figures["accuracy"], figures["macro_f1"])


def _verdict(
    results: list[Result], about: dict[str, Any], steps: dict[str, float], level: float
) -> dict[str, Any]:
    """The gain of painted pictures, split by split, with its interval over seeds, and what it means.

    ``steps`` are the least differences of accuracy on each split: one picture.
    """
    verdict = dict(about)
    for split in JUDGES:
        for key in ("accuracy", "macro_f1"):
            arms = [
                [getattr(one, key) for one in results if one.arm == arm and one.split == split]
                for arm in ARMS
            ]
            gains = np.subtract(arms[1], arms[0])
            reach = paired(gains.tolist(), level, steps[split])
            name = f"{split}_{key}"
            figures = {"plain": np.mean(arms[0]), "painted": np.mean(arms[1]), "gain": gains.mean()}
            verdict |= {f"{name}_{end}": round(float(value), 6) for end, value in figures.items()}
            verdict |= {f"{name}_gain_low": round(reach.low, 6), f"{name}_gain_high": round(reach.high, 6)}
    verdict["sentence"] = _sentence(verdict, level)
    return verdict | {"results": [asdict(one) for one in results]}


def _sentence(verdict: dict[str, Any], level: float) -> str:
    """What the gain on the test split means there: its interval is of other seeds, not of other pictures.

    With many seeds even the luck of these pictures would pass for help.
    """
    low, high = verdict["test_accuracy_gain_low"], verdict["test_accuracy_gain_high"]
    if low <= 0 <= high:
        meaning = "these seeds show no benefit"
    else:
        meaning = f"on these pictures they {'help' if low > 0 else 'do harm'}"
    return (
        f"{verdict['painted']} pictures painted by CycleGAN, added to the training photos with their labels"
        f" instead of a second copy of the same photos, change the test accuracy of {verdict['model']} by"
        f" {verdict['test_accuracy_gain']:+.3f}"
        f" ({percentage(level)} interval {low:+.3f} to {high:+.3f} over {verdict['seeds']} seeds, all on the"
        f" same {verdict['test_pictures']} pictures): {meaning}."
    )
