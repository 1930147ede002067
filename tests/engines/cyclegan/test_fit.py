"""A training goes on where it was killed, and stops with a word where it cannot go on."""

import dataclasses
import json
import signal
import subprocess

import numpy as np
import pytest
import torch

from pawtrait import checkpoints
from pawtrait.errors import BadTraining
from pawtrait.style_transfer.cyclegan import fit, state
from pawtrait.style_transfer.cyclegan.domains import Domains, gather
from pawtrait.style_transfer.cyclegan.step import LOSSES

SEED = 7


@pytest.fixture
def train(data, recipe, probes, tmp_path):
    """Trains on the small domains, the recipe changed as told, from the checkpoints in a folder."""

    def start(folder="checkpoints", domains=data, probes=probes, progress=None, **changes):
        return fit.train(
            domains, recipe.model_copy(update=changes), tmp_path / folder, SEED, probes, progress
        )

    return start


def test_every_epoch_tells_its_losses_its_rate_and_shows_the_probes(train, probes):
    epochs = list(train())
    assert [epoch.figures.epoch for epoch in epochs] == [1, 2, 3]
    assert [epoch.figures.learning_rate for epoch in epochs] == pytest.approx([2e-4, 2e-4, 1e-4])
    for epoch in epochs:
        assert set(epoch.figures.losses) == set(LOSSES)
        assert all(value > 0 for value in epoch.figures.losses.values())
        assert epoch.probes.fake_B.shape == epoch.probes.rec_A.shape == probes.shape
        assert epoch.probes.fake_B.dtype == np.uint8


def test_the_figures_on_the_probes_are_those_of_their_pictures(train, probes):
    (*_, last) = train()
    off = (last.probes.rec_A.astype(float) - probes) / 127.5
    assert last.figures.cycle_loss == pytest.approx(np.abs(off).mean(), abs=0.005)
    psnr = 10 * np.log10(4 / np.square(off).mean((1, 2, 3)))
    assert last.figures.cycle_psnr == pytest.approx(psnr.mean(), abs=0.05)


def test_a_short_training_lowers_the_cycle_loss_on_photos_that_it_never_saw(train, data, recipe):
    """Of one pair of colours, which so few steps can learn; test_learning.py has the demo's, at length."""
    moons = [moon(40, 44, place) for place in range(12, 26, 2)]
    domains = gather(moons, list(data.paintings), recipe.load_size)
    unseen = np.stack([moon(recipe.crop_size, recipe.crop_size, place) for place in (11, 19)])
    changes = {"n_epochs": 6, "n_epochs_decay": 4, "learning_rate": 2e-3}
    first, *_, last = train(domains=domains, probes=unseen, **changes)
    assert last.figures.cycle_loss < 0.85 * first.figures.cycle_loss
    assert np.abs(last.probes.fake_B.astype(float) - unseen).mean() > 15  # it paints, and passes no photo on


def test_killed_and_started_again_it_gives_what_it_would_have_given(train, recipe, work_elsewhere):
    changes = {"n_epochs": 4, "n_epochs_decay": 3}
    command = work_elsewhere("train", recipe.model_copy(update=changes))
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        printed = [json.loads(process.stdout.readline()) for _ in range(3)]
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL

    again = list(train(**changes))
    whole = list(train(folder="never killed", **changes))
    assert [_repeatable(epoch.figures) for epoch in again] == [_repeatable(epoch.figures) for epoch in whole]
    assert [_repeatable(epoch.figures) for epoch in again[:3]] == [
        {key: value for key, value in row.items() if key != "seconds"} for row in printed
    ]
    assert [epoch.probes is None for epoch in again] == [True, True] + [False] * (len(again) - 2)
    assert _same_weights(again[-1].nets, whole[-1].nets)


def test_a_training_that_had_ended_only_tells_of_it(train):
    ended = list(train())
    again = list(train())
    assert [epoch.figures for epoch in again] == [epoch.figures for epoch in ended]
    assert [epoch.probes is None for epoch in again] == [True] * (len(again) - 1) + [False]
    np.testing.assert_array_equal(again[-1].probes.fake_B, ended[-1].probes.fake_B)


def test_a_checkpoint_holds_all_that_a_step_changes(data, recipe, probes, tmp_path):
    *_, last = fit.train(data, recipe, tmp_path, SEED, probes)
    kept = checkpoints.load(tmp_path / fit.fingerprint(data, recipe, SEED, probes))
    training = fit.begin(recipe, SEED, torch.device("cpu"))
    state.restore(training, kept.arrays, kept.state["seen"])
    back = state.arrays(training)
    assert back.keys() == kept.arrays.keys()
    for name, array in kept.arrays.items():
        np.testing.assert_array_equal(back[name], array, strict=True)
    assert state.counters(training) == kept.state["seen"] == {"fake_A_pool": 18, "fake_B_pool": 18}
    assert _same_weights(training.nets, last.nets)


def test_another_line_of_code_is_another_training(data, recipe, probes, monkeypatch):
    known = fit.fingerprint(data, recipe, 7, probes)
    real = fit.sha256
    monkeypatch.setattr(fit, "sha256", lambda path: "0" if path.name == "step.py" else real(path))
    assert fit.fingerprint(data, recipe, 7, probes) != known


@pytest.mark.parametrize("other", ["recipe", "seed", "photo", "probe"])
def test_another_recipe_seed_or_picture_is_another_training(data, recipe, probes, other):
    changed = Domains(data.photos.copy(), data.paintings)
    changed.photos[3, 5, 5, 1] ^= 1
    known = fit.fingerprint(data, recipe, 7, probes)
    assert known == fit.fingerprint(Domains(data.photos.copy(), data.paintings.copy()), recipe, 7, probes)
    assert (
        known
        != {
            "recipe": fit.fingerprint(data, recipe.model_copy(update={"lambda_a": 10.5}), 7, probes),
            "seed": fit.fingerprint(data, recipe, 8, probes),
            "photo": fit.fingerprint(changed, recipe, 7, probes),
            "probe": fit.fingerprint(data, recipe, 7, probes[::-1]),
        }[other]
    )


def test_one_painting_and_one_photo_are_enough(train, data):
    single = Domains(data.photos[:1], data.paintings[:1])
    epochs = list(train(domains=single, batch=2, n_epochs=1, n_epochs_decay=0))
    assert len(epochs) == 1 and np.isfinite(epochs[0].figures.cycle_psnr)


def test_a_loss_that_is_no_number_stops_with_a_word_and_keeps_the_last_good_checkpoint(
    train, data, recipe, probes, tmp_path
):
    epochs = train()
    next(epochs).nets.netG_B[1].weight.data[0, 0, 0, 0] = float("nan")
    with pytest.raises(BadTraining, match=r"epoch 2, step \d+: loss_\w+ is nan.* Lower .*learning_rate"):
        next(epochs)
    kept = checkpoints.load(tmp_path / "checkpoints" / fit.fingerprint(data, recipe, SEED, probes))
    assert len(kept.state["history"]) == 1
    assert all(np.isfinite(array).all() for array in kept.arrays.values())
    assert [epoch.figures.epoch for epoch in train()] == [1, 2, 3]


def test_a_learning_rate_far_too_high_is_noticed(train):
    with pytest.raises(BadTraining, match=r"no longer a number|is nan|is inf"):
        list(train(learning_rate=1e25))


def test_a_last_step_that_breaks_the_weights_makes_no_checkpoint(train, tmp_path):
    with pytest.raises(BadTraining, match="epoch 1: a weight is no longer a number"):
        list(train(learning_rate=1e39, pictures=1))  # its losses are those of the weights before
    assert not list(tmp_path.glob("checkpoints/*/0*"))


def test_too_little_memory_is_said_with_what_to_lower(recipe, work_elsewhere):
    large = recipe.model_copy(update={"ngf": 64, "ndf": 64, "batch": 64})
    done = subprocess.run(work_elsewhere("starve", large), capture_output=True, text=True)
    assert done.stdout.startswith("BadTraining CycleGAN: out of memory at crop_size 32, ngf 64"), done.stderr
    assert "lower one of them" in done.stdout


@pytest.mark.parametrize(
    "words",
    [
        "std::bad_alloc",
        "CUDA out of memory. Tried to allocate 2.00 GiB.",
        "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
        "cuDNN error: CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED",
        "could not create a primitive",
        "could not execute a primitive",
    ],
)
def test_a_library_that_has_other_words_for_it_is_understood(recipe, words):
    with pytest.raises(BadTraining, match=r"out of memory at .*; lower one"), fit._explained(recipe):
        raise RuntimeError(words)


def test_another_error_stays_what_it_is(recipe):
    with pytest.raises(RuntimeError, match=r"^shapes differ$"), fit._explained(recipe):
        raise RuntimeError("shapes differ")


def test_progress_counts_the_steps_of_all_epochs(train, monkeypatch):
    monkeypatch.setattr(fit, "GLANCE", 4)
    told = []
    list(train(progress=lambda done, of, losses: told.append((done, of, set(losses)))))
    assert told == [(done, 18, set(LOSSES)) for done in (4, 6, 10, 12, 16, 18)]


def moon(height, width, place):
    """A yellow disc on blue: uint8 (height, width, 3)."""
    row, column = np.mgrid[:height, :width]
    inside = np.hypot(row - place, column - 30 + place // 2) < place // 2
    return np.where(inside[..., None], (230, 210, 120), (20, 40, 90)).astype(np.uint8)


def _repeatable(figures):
    """All but how long it took."""
    return {key: value for key, value in dataclasses.asdict(figures).items() if key != "seconds"}


def _same_weights(one, other):
    return all(
        torch.equal(a, b)
        for name, net in one.named().items()
        for a, b in zip(net.parameters(), other.named()[name].parameters(), strict=True)
    )
