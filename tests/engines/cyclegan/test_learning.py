"""At length: CycleGAN learns the demo's two domains."""

from collections import deque
from itertools import product

import numpy as np
import pytest
import torch

from pawtrait import params
from pawtrait.dataset import demo, images
from pawtrait.dataset.demo import paintings
from pawtrait.dataset.labels import LABELS
from pawtrait.params import CycleGan
from pawtrait.style_transfer.cyclegan import domains, fit
from pawtrait.style_transfer.cyclegan.domains import Domains, Pixels
from tests.engines.cyclegan.conftest import ROOT
from tests.holds import record

PHOTOS = 1000  # enough that colours can be guessed, which instance norm hides: test_networks.py shows it
HELD_OUT = 16
PICTURES, EPOCHS = 10, 600  # 6,000 steps in short epochs


@pytest.fixture(scope="module")
def drawn() -> Pixels:
    """Drawn pets, uint8 (1016, 80, 80, 3); the first 16 are held out."""
    kinds = list(product(LABELS, demo.SPECIES))
    chosen = (kinds[index % len(kinds)] for index in range(HELD_OUT + PHOTOS))
    rngs = (np.random.default_rng((3, index)) for index in range(HELD_OUT + PHOTOS))
    return np.stack(
        [demo.picture(species, mood, 80, rng) for (mood, species), rng in zip(chosen, rngs, strict=True)]
    )


@pytest.fixture(scope="module")
def preset() -> CycleGan:
    """The demo's, in short epochs and more of them."""
    epochs = {"pictures": PICTURES, "n_epochs": EPOCHS // 2, "n_epochs_decay": EPOCHS // 2}
    return params.load(ROOT / "params.yaml").cyclegan.presets["demo"].model_copy(update=epochs)


@pytest.fixture(scope="module")
def learnt(drawn, preset, tmp_path_factory):
    """The held-out photos, and the training's first and last epoch; 8 minutes of a core."""
    hung = [
        paintings.painting(manner, number, 160, 1) for number in range(1, 6) for manner in paintings.MANNERS
    ]
    data: Domains = domains.gather(drawn[HELD_OUT:], hung, preset.load_size)
    photos = np.stack([images.resize(photo, preset.crop_size) for photo in drawn[:HELD_OUT]])
    before = torch.get_num_threads()
    torch.set_num_threads(1)  # as fast as two where something else runs
    epochs = fit.train(data, preset, tmp_path_factory.mktemp("checkpoints"), 7, photos)
    first = next(epochs)
    (last,) = deque(epochs, maxlen=1)
    torch.set_num_threads(before)
    return photos, first, last


@pytest.mark.slow
def test_the_cycle_loss_on_held_out_photos_falls_under_half_of_that_after_the_first_epoch(learnt):
    _, first, last = learnt
    record(
        "CycleGAN learns",
        of="portraits",
        steps=PICTURES * EPOCHS,
        cycle_loss_after_the_first_epoch=round(first.figures.cycle_loss, 4),
        cycle_loss_at_the_end=round(last.figures.cycle_loss, 4),
    )
    assert last.figures.cycle_loss < first.figures.cycle_loss / 2


@pytest.mark.slow
def test_the_pictures_visibly_change_and_keep_their_subject(learnt):
    photos, _, last = learnt
    changed = np.abs(last.probes.fake_B.astype(float) - photos).mean((1, 2, 3))
    alike = np.array([[_alike(painted, photo) for photo in photos] for painted in last.probes.fake_B])
    own = alike.argmax(axis=1) == np.arange(len(photos))
    record(
        "CycleGAN changes the pictures and keeps their subject",
        of="portraits",
        photos=len(photos),
        least_and_mean_change_in_grey_levels=[
            round(float(one), 1) for one in (changed.min(), changed.mean())
        ],
        nearest_to_their_own_photo=int(own.sum()),
    )
    assert changed.min() > 15  # no photo is only passed on
    assert own.all()


def _alike(one: Pixels, other: Pixels) -> float:
    """How far light and dark lie in the same places: the correlation of grey values, either sign."""
    return abs(float(np.corrcoef(one.mean(2).ravel(), other.mean(2).ravel())[0, 1]))
