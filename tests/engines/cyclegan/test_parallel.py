"""Two processes, joined by torchrun over Gloo, give what one process gives."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from pawtrait.errors import BadParams
from pawtrait.params import CycleGan
from pawtrait.style_transfer.cyclegan import fit, parallel
from pawtrait.style_transfer.cyclegan.domains import Domains
from pawtrait.style_transfer.cyclegan.parallel import Team
from tests.engines.cyclegan import worker

TORCHRUN = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")


@pytest.fixture
def shared_recipe(recipe: CycleGan) -> CycleGan:
    """Batches of 4, a pool that soon gives old fakes back."""
    return recipe.model_copy(update={"batch": 4, "pool_size": 5, "pictures": 12, "n_epochs": 1})


def test_two_processes_give_the_weights_and_the_figures_of_one(
    shared_recipe: CycleGan,
    data: Domains,
    probes: fit.Pixels,
    work_elsewhere: Callable[..., list[str]],
    tmp_path: Path,
) -> None:
    command = work_elsewhere("share", shared_recipe, *TORCHRUN)
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr

    theirs, ours = load_file(tmp_path / "weights.safetensors"), worker.steps(shared_recipe, _alone())
    assert theirs.keys() == ours.keys()
    assert max(float((theirs[name] - ours[name]).abs().max()) for name in ours) < 1e-9

    alone = list(fit.train(data, shared_recipe, tmp_path / "alone", worker.SEED, probes))
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["epoch"] for line in lines] == [epoch.figures.epoch for epoch in alone] == [1, 2]
    for line, epoch in zip(lines, alone, strict=True):
        assert line["losses"] == pytest.approx(epoch.figures.losses, rel=1e-3)
        assert line["cycle_psnr"] == pytest.approx(epoch.figures.cycle_psnr, rel=1e-3)


def test_each_process_takes_its_own_rows_of_every_batch():
    first, second = (Team(rank, 2, torch.device("cpu")) for rank in range(2))
    assert [list(first.rows(step, 4)) for step in range(2)] == [[0, 1], [4, 5]]
    assert [list(second.rows(step, 4)) for step in range(2)] == [[2, 3], [6, 7]]
    whole = torch.arange(4)
    assert torch.equal(torch.cat([first.share(whole), second.share(whole)]), whole)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(monkeypatch):
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(BadParams, match="multiple of 2"), parallel.join(3):
        pass


def test_the_first_process_leads(monkeypatch):
    assert parallel.is_lead()
    monkeypatch.setenv("RANK", "1")
    assert not parallel.is_lead()


def _alone() -> Team:
    return Team(0, 1, torch.device("cpu"))
