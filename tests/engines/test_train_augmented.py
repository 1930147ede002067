"""Stage train_augmented: the same network with and without CycleGAN's pictures, seed by seed."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import yaml

from pawtrait import params, progress
from pawtrait.adapters import tracking
from pawtrait.dataset import manifest
from pawtrait.dataset.labels import LABELS
from pawtrait.stages import train_augmented

ROOT = Path(__file__).parents[2]
SIZES = {"train": 24, "valid": 8, "test": 8}


@pytest.fixture
def project(tmp_path, monkeypatch, mlflow_store, coloured, cyclegan_folder):
    """Packed pictures that colour tells apart, a CycleGAN that makes negatives, one epoch a training."""
    monkeypatch.chdir(tmp_path)
    knobs = yaml.safe_load((ROOT / "params.yaml").read_text(encoding="utf-8"))
    knobs["pictures"]["side"] = 32
    knobs["models"]["cnn"] |= {"cap": 2}
    knobs["train_augmented"] |= {"model": "cnn", "share": 0.5, "seeds": 2, "cap": 1}
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")
    Path("weights.json").write_text("{}")
    bounds = [0, *np.cumsum(list(SIZES.values()))]
    placed = []
    for split, (start, end) in zip(SIZES, pairwise(bounds), strict=True):
        np.save(f"{split}.npy", coloured.pixels[start:end])
        for row, targets in enumerate(coloured.targets[start:end]):
            name = f"{split}/{row:03d}.png"
            placed.append(manifest.Placed(name, name, LABELS[targets.argmax()], name, split))
    manifest.write(Path("splits.csv"), placed, manifest.Placed)
    return cyclegan_folder


def test_painted_pictures_join_the_training_split_alone_and_a_verdict_says_whether_they_help(
    project, monkeypatch
):
    learned, judged = [], []
    train, ask = train_augmented.train.train, train_augmented.train.probabilities

    def watched(recipe, examples, valid, seed, title, place):
        assert recipe.epochs == 1
        learned.append((examples, valid, seed))
        return train(recipe, examples, valid, seed, title, place)

    def asked(model, pixels, batch):
        judged.append(pixels)
        return ask(model, pixels, batch)

    monkeypatch.setattr(train_augmented.train, "train", watched)
    monkeypatch.setattr(train_augmented.train, "probabilities", asked)
    _run(project)
    plain, both = learned[0][0], learned[1][0]
    assert [seed for *_, seed in learned] == [7, 7, 8, 8]
    assert (len(plain.pixels), len(both.pixels)) == (36, 36)  # the same photos twice, or painted
    np.testing.assert_array_equal(both.pixels[:24], plain.pixels[:24])
    np.testing.assert_array_equal(both.pixels[24:], 255 - plain.pixels[24:])  # their negatives
    np.testing.assert_array_equal(both.targets, plain.targets)
    known = {one.tobytes() for one in plain.pixels[:24]}
    assert {one.tobytes() for one in plain.pixels[24:]} <= known
    for split, times in (("valid", 8), ("test", 4)):  # each model on both, after its temperature on valid
        assert sum(np.array_equal(pixels, np.load(f"{split}.npy")) for pixels in judged) == times

    verdict = json.loads(Path("augmented.json").read_text(encoding="utf-8"))
    assert (verdict["painted"], verdict["seeds"], len(verdict["results"])) == (12, 2, 8)
    assert verdict["test_pictures"] == 8
    for split in ("valid", "test"):
        of = {
            arm: [r["accuracy"] for r in verdict["results"] if (r["arm"], r["split"]) == (arm, split)]
            for arm in train_augmented.ARMS
        }
        gains = np.subtract(of["photos and paintings"], of["photos"])
        assert verdict[f"{split}_accuracy_gain"] == pytest.approx(gains.mean(), abs=1e-6)
        low, high = (verdict[f"{split}_accuracy_gain_{end}"] for end in ("low", "high"))
        assert low <= verdict[f"{split}_accuracy_gain"] <= high
    assert verdict["sentence"].startswith("12 pictures painted by CycleGAN, added to the training photos")
    (run,) = _tracked()
    assert run.data.tags["pawtrait.kind"] == "ablation"
    assert run.data.metrics["test_accuracy_gain"] == pytest.approx(verdict["test_accuracy_gain"])
    assert not list(train_augmented.CHECKPOINTS.glob("*"))


@pytest.mark.parametrize(
    ("painted", "said"),
    [
        ((0.70, 0.71, 0.69), "on these pictures they help."),
        ((0.30, 0.31, 0.29), "on these pictures they do harm."),
        ((0.70, 0.30, 0.50), "these seeds show no benefit."),
    ],
)
def test_what_painted_pictures_gain_on_the_test_split_is_called_help_and_what_they_lose_harm(painted, said):
    """Without them each seed is right on half of 100 pictures; on validation all gain alike."""
    plain, both = train_augmented.ARMS
    results = [
        train_augmented.Result(seed, plain, split, 0.5, 0.5)
        for seed in range(3)
        for split in train_augmented.JUDGES
    ]
    results += [train_augmented.Result(seed, both, "valid", 0.9, 0.9) for seed in range(3)]
    results += [
        train_augmented.Result(seed, both, "test", right, right) for seed, right in enumerate(painted)
    ]
    about = {"model": "cnn", "seeds": 3, "painted": 12, "test_pictures": 100}
    verdict = train_augmented._verdict(results, about, dict.fromkeys(train_augmented.JUDGES, 0.01), 0.95)
    assert verdict["sentence"].endswith(f" over 3 seeds, all on the same 100 pictures): {said}")


@pytest.mark.slow
def test_cut_off_it_goes_on_with_the_next_training_in_the_same_run(project, monkeypatch):
    _change(learning_rate=0.002)  # so that its pipeline in MLflow is its own
    begun = []
    say = progress.say

    def watch(text):
        say(text)
        begun.extend([text] if "epoch 1/1" in text else [])
        if "on photos, seed 8: epoch 1/1" in text:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(progress, "say", watch)
        _run(project)
    assert len(begun) == 3
    assert not Path("augmented.json").exists()
    (cut,) = _tracked()

    said = []
    with monkeypatch.context() as patch:
        patch.setattr(progress, "say", said.append)
        _run(project)
    trained = [text.partition(":")[0] for text in said if "epoch 1/1 loss" in text]
    assert trained == ["cnn on photos, seed 8", "cnn on photos and paintings, seed 8"]
    (run,) = _tracked()
    assert (run.info.run_id, run.info.status) == (cut.info.run_id, "FINISHED")
    assert len(json.loads(Path("augmented.json").read_text(encoding="utf-8"))["results"]) == 8


def _run(painter):
    train_augmented.run(
        arrays=Path(), splits=Path("splits.csv"), weights=Path(), painter=painter, out=Path("augmented.json")
    )


def _change(**recipe):
    knobs = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    knobs["models"]["cnn"] |= recipe
    Path("params.yaml").write_text(yaml.safe_dump(knobs), encoding="utf-8")


def _tracked():
    """The runs below that of this test's pipeline."""
    with tracking.pipeline(params.load()) as record:
        query = f"tags.\"mlflow.parentRunId\" = '{record.id}'"
    client = tracking.client()
    experiment = client.get_experiment_by_name(tracking.EXPERIMENT).experiment_id
    return client.search_runs([experiment], query)


def test_the_verdict_tells_the_level_of_its_interval_as_it_is():
    gain = {f"test_accuracy_gain{end}": 0.1 for end in ("", "_low", "_high")}
    told = train_augmented._sentence(
        {"painted": 2, "model": "cnn", "seeds": 3, "test_pictures": 8, **gain}, 0.995
    )
    assert "(99.5% interval" in told
