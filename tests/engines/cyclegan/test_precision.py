"""The comparison of precisions: the same training in both, and what is said of how they differ."""

import itertools
import json
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import precision, precision_figures, precision_sheet
from benchmarks.precision_figures import Trace
from pawtrait.adapters import lineage
from pawtrait.adapters.lineage import Commit
from pawtrait.evaluation import drawing
from pawtrait.style_transfer.cyclegan.probes import Probes
from pawtrait.style_transfer.cyclegan.step import LOSSES
from pipelines import readme
from tests.holds import ROOT

STEPS = 6


@pytest.fixture
def trained(data, recipe, probes):
    """Trains six steps in a precision."""

    def train(kind, seed=1):
        changed = recipe.model_copy(update={"precision": kind})
        return precision.train(data, changed, seed, STEPS, probes, (2, STEPS))

    return train


def made_up(kind, seed, level, psnr=20.0):
    """A trace whose every loss stands at a level."""
    picture = np.zeros((1, 8, 8, 3), np.uint8)
    return Trace(
        kind, seed, np.full((4, len(LOSSES)), float(level)), {4: Probes(picture, picture, 0.1, psnr)}
    )


def test_both_precisions_begin_alike_and_are_not_the_same(trained):
    plain, half = trained("fp32"), trained("bf16")
    assert plain.losses.shape == (STEPS, len(LOSSES)) and list(plain.shown) == [2, STEPS]
    assert half.losses[0] == pytest.approx(plain.losses[0], rel=0.03)  # bf16 has 8 bits
    assert not np.array_equal(half.losses, plain.losses)


def test_a_training_repeats_itself_and_another_seed_is_another(trained):
    np.testing.assert_array_equal(trained("bf16").losses, trained("bf16").losses)
    assert not np.array_equal(trained("bf16", seed=2).losses, trained("bf16").losses)


def test_the_demos_domains_are_drawn_to_measure():
    recipe = precision.recipe("bf16").model_copy(update={"load_size": 40, "crop_size": 32})
    data, probes = precision.drawn(3, 2, 2, recipe)
    assert data.photos.shape == (3, 40, 40, 3) and data.paintings.shape == (2, 40, 40, 3)
    assert probes.shape == (2, 32, 32, 3) and probes.dtype == np.uint8
    assert recipe.precision == "bf16"


def test_the_end_of_a_training_is_its_last_window_and_gaps_are_taken_seed_by_seed():
    traces = [
        made_up(kind, seed, level) for seed in (1, 2) for kind, level in (("fp32", seed), ("bf16", seed))
    ]
    traces[1].losses[2:] += 0.5  # bf16, seed 1
    traces[3].losses[2:] += 0.3
    verdict = precision_figures.judged(traces, window=2)
    found = verdict["figures"]["loss_cycle_A"]
    assert (found["fp32"], found["bf16"]) == (1.5, 1.9)
    assert found["difference"] == pytest.approx(0.4)
    assert found["seeds"] == pytest.approx(np.sqrt(0.5), abs=1e-3)
    assert (found["low"], found["high"]) == pytest.approx((0.4 - 12.706 * 0.1, 0.4 + 12.706 * 0.1), abs=2e-3)
    assert verdict["windows"]["bf16"]["loss_D_B"] == [1.5, 1.9]
    assert verdict["seeds"]["loss_D_B"] == {"fp32": [1.0, 2.0], "bf16": [1.5, 2.3]}


@pytest.mark.parametrize(
    ("offsets", "words"),
    [
        ((0.1, -0.1), "none lies farther apart between precisions than between seeds, and none differs"),
        ((5.0, 5.1), "loss_D_B lie farther apart between precisions than between seeds"),
    ],
)
def test_the_sentence_says_whether_precisions_differ_more_than_seeds(offsets, words):
    traces = []
    for seed, offset in zip((1, 2), offsets, strict=True):
        traces += [made_up("fp32", seed, seed), made_up("bf16", seed, seed + offset, psnr=21.0)]
    (sentence,) = precision_figures.judged(traces, window=2)["sentences"]
    assert words in sentence
    assert "21.00 dB in bf16 and 20.00 dB in fp32, a difference of +1.00 dB" in sentence


def test_a_training_that_broke_down_is_named():
    traces = [made_up(kind, seed, seed) for seed in (1, 2) for kind in ("fp32", "bf16")]
    traces[3].losses[3, 0] = np.nan
    (sentence,) = precision_figures.judged(traces, window=2)["sentences"]
    assert sentence.endswith("1 of the trainings broke down.")


@pytest.fixture
def measured(probes, tmp_path, monkeypatch):
    """In a project of its own whose trainings take no time; says what was written when they were over."""
    commits = [Commit("cd" * 20, "", "", False, ""), Commit("ab" * 20, "", "", True, "")]

    def trainings(*_):
        commits.pop()  # while they go on, somebody commits
        picture = Probes(probes[:1], probes[:1], 0.1, 20.0)
        for kind, seed in itertools.product(("fp32", "bf16"), (1, 2)):
            losses = np.full((STEPS, len(LOSSES)), float(seed))
            yield Trace(kind, seed, losses, dict.fromkeys(precision.SHOWN, picture))

    for name in ("params.yaml", *map(str, readme.DOCUMENTS)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(precision, "drawn", lambda *_: (None, probes[:1]))
    monkeypatch.setattr(precision, "trainings", trainings)
    monkeypatch.setattr(precision, "WINDOW", 2)
    monkeypatch.setattr(torch, "set_num_threads", lambda _: None)  # it would hold for tests to come
    monkeypatch.setattr(lineage, "commit", lambda also: commits[-1])
    return lambda: json.loads(precision.RESULTS.read_text(encoding="utf-8"))


def test_figures_are_of_the_commit_at_which_the_trainings_began(measured):
    assert precision.main([]) == 0
    made_on = measured()["made_on"]
    assert (made_on["commit"], made_on["dirty"]) == ("ab" * 20, True)


def test_the_document_says_what_was_measured_last(measured):
    assert precision.main([]) == 0
    (sentence,) = measured()["sentences"]
    assert "20.00 dB in bf16" in sentence
    assert f"\n{sentence}\n" in Path("docs/speed.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("option", "code"), [("--help", 0), ("--quick", 2)])
def test_a_question_starts_no_training(option, code, monkeypatch):
    monkeypatch.setattr(precision, "drawn", lambda *_: pytest.fail("it went on"))
    monkeypatch.setattr(sys, "argv", ["precision", option])
    with pytest.raises(SystemExit) as end:
        precision.main()
    assert end.value.code == code


def test_moving_means_by_hand():
    np.testing.assert_allclose(precision_sheet.smoothed(np.array([[1.0, 2.0, 6.0]]), 2), [[1.5, 4.0]])


def test_the_picture_shows_curves_and_both_precisions(trained, probes, tmp_path):
    traces = [trained(kind, seed) for seed in (1, 2) for kind in ("fp32", "bf16")]
    curves = precision_figures.curves(traces)
    figure = precision_sheet.sheet(curves, precision_figures.shots(traces), probes)
    assert {title: one["bf16"].shape for title, one in curves.items()} == dict.fromkeys(curves, (2, STEPS))
    summed = traces[1].losses[:, [LOSSES.index("loss_cycle_A"), LOSSES.index("loss_cycle_B")]].sum(axis=1)
    np.testing.assert_allclose(curves["cycle loss"]["bf16"][0], summed)
    drawing.save(figure, tmp_path / "precision.png")
    with Image.open(tmp_path / "precision.png") as picture:
        assert picture.format == "PNG" and picture.width > 1000
