"""CycleGAN as a stage: what it leaves behind, how it goes on after it was cut off, and in two processes."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from pawtrait import params, sealed
from pawtrait.adapters import tracking
from pawtrait.dataset import images, manifest
from pawtrait.dataset.images import Pixels
from pawtrait.dataset.paintings import Painting
from pawtrait.stages import (
    export_fast,
    train_cyclegan,
)
from pawtrait.style_transfer import measures, precision
from pawtrait.style_transfer.cyclegan.step import LOSSES
from pawtrait.style_transfer.features import Features
from tests.stages.portraits.conftest import FILES, ROOT, digest, history, shown, steps, train, write_params

PROBES = {(f"probe_{index}", step) for index in range(4) for step in (1, 2)}
STAGE = (
    "pawtrait.stages train_cyclegan --raw data/raw --splits data/tables/splits.csv --paintings data/paintings"
)
PLACES = "--table data/tables/paintings.csv --weights data/style_weights --out data/painters/cyclegan"
TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m"]

# train_cyclegan


def test_training_leaves_a_sealed_folder_with_all_that_is_promised(trained):
    assert set(sealed.check(trained.folder)) == FILES
    with Image.open(trained.folder / "probes.png") as sheet:
        assert sheet.format == "PNG"


def test_the_history_has_every_loss_of_every_epoch(trained):
    rows = history(trained.folder)
    assert [row["epoch"] for row in rows] == [1, 2]
    assert [row["learning_rate"] for row in rows] == pytest.approx([2e-4, 1e-4])
    assert set(rows[0]) == {
        *(
            "epoch",
            "held_out_cycle",
            "held_out_psnr",
            "learning_rate",
        ),  # no seconds: no two trainings share them
        *LOSSES,
    }
    assert all(np.isfinite(value) for row in rows for value in row.values())


def test_the_painter_says_how_good_how_large_and_how_made_it_is(trained):
    facts = sealed.facts(trained.folder)
    assert (facts["kind"], facts["start"], facts["side"], facts["epochs"]) == (
        "cyclegan",
        "random start",
        32,
        2,
    )
    assert 0 <= facts["parity"] < 0.1
    assert facts["parameters"] == sum(facts["parameters_of"].values()) > 1000
    assert facts["judged_by"] == "squeezenet (random start)" and facts["judged_on"] == 4
    for key in ("kid", "kid_error", "kid_photos", "held_out_psnr", "perceptual_cycle", "perceptual_change"):
        assert np.isfinite(facts[key]), key
    assert facts["recipe"]["ngf"] == 4


def test_photos_are_judged_against_paintings_that_were_resized_once(here, monkeypatch):
    """As the photos are: resized twice they would be softer, and the kernel distance would tell of that."""
    seen: list[list[Pixels]] = []
    embed = measures.embed

    def watched(network: Features, pictures: list[Pixels]) -> measures.Embedding:
        seen.append(pictures)
        return embed(network, pictures)

    monkeypatch.setattr(measures, "embed", watched)
    train()
    hung = manifest.read(Path("data/tables/paintings.csv"), Painting)
    files = [images.read(Path("data/paintings") / one.path, largest_pixels=10**6) for one in hung]
    once = [images.resize(pixels, 32) for pixels in files]
    for found in seen[1::2]:  # beside the painted photos, and beside the photos as they are
        np.testing.assert_array_equal(found, once)
    assert len(seen) == 4


def test_the_run_has_figures_of_every_epoch_and_the_probes_at_the_same_steps(trained):
    for key in (*LOSSES, "held_out_cycle", "held_out_psnr", "learning_rate"):
        assert steps(trained.run_id, key) == [1, 2], key
    assert steps(trained.run_id, "final_held_out_psnr") == [0]
    assert {one for one in shown(trained.run_id) if one[0].startswith("probe_")} == PROBES
    assert {one for one in shown(trained.run_id) if one[0] == "grid"} == {("grid", 1), ("grid", 2)}


def test_figures_by_features_bear_the_networks_name_in_mlflow(trained):
    """Beside a published KID, of Inception, they would mean something else."""
    run = tracking.client().get_run(trained.run_id)
    facts, final = sealed.facts(trained.folder), {key for key in run.data.metrics if key.startswith("final_")}
    judged = {f"final_squeezenet_{key}" for key in facts if key.startswith(("kid", "perceptual"))}
    assert len(judged) == 6 and judged == {key for key in final if "kid" in key or "perceptual" in key}
    assert run.data.metrics["final_squeezenet_kid"] == facts["kid"]
    assert run.data.tags["cyclegan.judged_by"] == facts["judged_by"]


def test_the_run_holds_the_model_that_it_made(trained):
    run = tracking.client().get_run(trained.run_id)
    assert run.data.tags["pawtrait.kind"] == "painter"
    assert run.data.tags["model.sha256"] == digest(trained.folder)
    assert run.data.tags["cyclegan.preset"] == "demo" and run.data.params["crop_size"] == "32"
    assert run.data.tags["cyclegan.precision"] == "fp32"
    assert len(run.outputs.model_outputs) == 1


def test_a_training_cut_off_goes_on_in_its_run_to_what_it_would_have_been(here, trained, monkeypatch):
    tell = tracking.Run.probe

    def cut(self: tracking.Run, pixels: Any, key: str, step: int = 0) -> None:
        tell(self, pixels, key, step)
        if key == "probe_1":
            raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(tracking.Run, "probe", cut)
        train()
    (note,) = train_cyclegan.CHECKPOINTS.glob("*/run_id")
    begun = note.read_text()
    assert not Path("data/painters/cyclegan").exists()
    assert steps(begun, "held_out_cycle") == []

    folder = train()
    run = tracking.of_model(digest(folder))
    assert run is not None and run.id == begun
    assert steps(begun, "held_out_cycle") == [1, 2]
    assert {one for one in shown(begun) if one[0].startswith("probe_")} == PROBES
    assert sealed.facts(folder) == sealed.facts(trained.folder)
    assert sealed.check(folder) == sealed.check(trained.folder)  # every file, to the last byte
    assert not note.exists()


@pytest.mark.slow
def test_a_training_killed_goes_on_in_its_run_to_the_same_bytes(here, trained):
    with started() as process:
        said = []
        for line in process.stderr:
            said.append(line)
            if line.startswith("cyclegan: epoch 1/2"):
                process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "".join(said)
    (note,) = train_cyclegan.CHECKPOINTS.glob("*/run_id")
    begun = note.read_text()
    assert steps(begun, "held_out_cycle") == [1] and not Path("data/painters/cyclegan").exists()

    folder = train()
    run = tracking.of_model(digest(folder))
    assert run is not None and run.id == begun and not note.exists()
    assert steps(begun, "held_out_cycle") == [1, 2]
    assert {one for one in shown(begun) if one[0].startswith("probe_")} == PROBES
    assert sealed.check(folder) == sealed.check(trained.folder)  # every file, to the last byte


@pytest.mark.slow
def test_two_processes_train_what_one_does_and_the_lead_alone_tells(here):
    presets = {"demo": params.load().cyclegan.presets["demo"].model_dump(mode="json") | {"batch": 2}}
    write_params(cyclegan={"preset": "demo", "presets": presets})
    with started(*TORCHRUN) as process:
        told = process.stderr.read()
    assert process.returncode == 0, told
    together = history(Path("data/painters/cyclegan"))
    run = tracking.of_model(digest(Path("data/painters/cyclegan")))
    assert run is not None and steps(run.id, "held_out_cycle") == [1, 2]  # not twice
    assert {one for one in shown(run.id) if one[0].startswith("probe_")} == PROBES
    alone = history(train())
    assert [row["epoch"] for row in together] == [1, 2]
    for joined, single in zip(together, alone, strict=True):
        assert joined == pytest.approx(single, rel=1e-2)


def test_an_epoch_that_mlflow_could_not_be_told_of_is_told_later(here, monkeypatch):
    tell = tracking.Run.metrics

    def deaf(self: tracking.Run, values: Any, step: int = 0) -> None:
        if step == 1:
            raise ConnectionError("the store is away")
        tell(self, values, step)

    with monkeypatch.context() as patch, pytest.raises(ConnectionError):
        patch.setattr(tracking.Run, "metrics", deaf)
        train()
    run = tracking.of_model(digest(train()))
    assert run is not None
    assert steps(run.id, "loss_cycle_A") == [1, 2]
    assert {one for one in shown(run.id) if one[0].startswith("probe_")} == PROBES


def test_one_painting_is_enough_and_has_no_kernel_distance(here):
    changes = {"paintings": 1, "precision": "auto"}
    presets = {"single": params.load().cyclegan.presets["demo"].model_dump(mode="json") | changes}
    write_params(cyclegan={"preset": "single", "presets": presets})
    facts = sealed.facts(train())
    assert facts["preset"] == "single"
    assert facts["precision"] == precision.choose("auto", torch.device("cpu"))
    assert [facts[key] for key in ("kid", "kid_error", "kid_photos", "kid_photos_error")] == [None] * 4
    assert np.isfinite(facts["held_out_psnr"])


def started(*launcher: str) -> subprocess.Popen[str]:
    """The stage as DVC starts it, or as a launcher does, with one thread as in this process."""
    command = [sys.executable, "-m", *launcher, *STAGE.split(), *PLACES.split()]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/src", "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)


# export_fast


def test_without_weights_the_fast_painters_folder_holds_the_reason(here):
    out = here / "data/painters/fast"
    export_fast.run(weights=here / "data/style_weights", out=out)
    assert set(sealed.check(out)) == {"model.json"}
    assert "set weights.mirror to a folder" in sealed.facts(out)["missing"]


# stylize
